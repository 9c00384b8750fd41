"""Pivotal tuning and its files, on tiny networks: it learns, others stay, nothing else loads."""

from __future__ import annotations

import dataclasses
import errno
import itertools
import json
import pickle
import re

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from core import files
from core.errors import InvalidRequestError, OutputError, UnknownGeneratorError, WeightsError
from core.generators import Identity
from core.generators.checkpoint import save_weights
from core.generators.mobile_stylegan import MobileStyleGANConfig, build_mobile_stylegan
from core.generators.noise import Noise
from core.generators.openvino_runtime import OpenVINORuntime
from core.generators.readout_files import load_readouts, save_readouts
from core.generators.readouts import Readouts, ReadoutsConfig
from core.generators.rendering import Outputs, RenderPass
from core.generators.torch_runtime import TorchRuntime
from core.inversion.difference import (
    KIND,
    Difference,
    apply,
    load_difference,
    save_difference,
)
from core.inversion.tuning import TuningConfig, tune
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.commands.weights import weights
from tests.tiny_generator import tiny_generator

GENERATOR = tiny_generator()
WS = latents_from_seeds(GENERATOR, [3], psi=0.7, noise=Noise()).ws[0]
CONFIG = TuningConfig(steps=60, rate=0.03, from_size=16, locality=1.0, every=2, is_f32=True)
MINE = Identity("mine", "abc")


def picture(generator, ws=WS):
    with torch.no_grad():
        return generator.synthesis(torch.from_numpy(ws[None])).image


def wanted():
    return picture(GENERATOR, latents_from_seeds(GENERATOR, [4], psi=0.7, noise=Noise()).ws[0])


def distance(image):
    return (image - wanted()).square().mean()


def zeros():
    parameters = GENERATOR.synthesis.named_parameters()
    return {name: torch.zeros_like(p).half() for name, p in parameters if p.ndim}


@pytest.fixture(scope="module")
def tuned():
    return list(tune(GENERATOR, WS, distance, CONFIG))


def test_tuning_lowers_the_loss_and_its_difference_gives_that_picture(tuned):
    assert [state.step for state in tuned] == list(range(1, 61))
    assert tuned[0].loss == pytest.approx(distance(picture(GENERATOR)).item(), rel=1e-4)
    assert tuned[-1].loss < 0.8 * tuned[0].loss
    assert all(b.loss <= a.loss for a, b in itertools.pairwise(tuned))
    made = apply(GENERATOR, tuned[-1].difference, MINE)
    assert distance(picture(made)).item() == pytest.approx(tuned[-1].loss, rel=0.02)


def test_other_faces_stay_nearer_to_the_base_than_without_locality(tuned):
    free = dataclasses.replace(CONFIG, locality=0)
    *_, loose = tune(GENERATOR, WS, distance, free)
    others = latents_from_seeds(GENERATOR, range(100, 120), psi=0.7, noise=Noise()).ws

    def moved(difference):
        made = apply(GENERATOR, difference, MINE)
        return np.mean(
            [(picture(made, ws) - picture(GENERATOR, ws)).square().mean().item() for ws in others]
        )

    assert moved(tuned[-1].difference) < 0.7 * moved(loose.difference)


def test_the_base_itself_stays_as_it_was(tuned):
    assert torch.equal(picture(GENERATOR), picture(tiny_generator()))
    assert not any(parameter.grad is not None for parameter in GENERATOR.parameters())


def test_only_larger_maps_learn_and_no_more_than_asked():
    few = TuningConfig(steps=1, from_size=16, most_values=1, is_f32=True)
    many = TuningConfig(steps=1, from_size=4, is_f32=True)
    (small,), (large,) = (list(tune(GENERATOR, WS, distance, c)) for c in (few, many))
    assert set(small.difference.changes) < set(large.difference.changes)
    assert not any("style" in name for name in large.difference.changes)


def test_a_wrong_pivot_is_refused():
    with pytest.raises(InvalidRequestError, match="one w for each layer"):
        next(tune(GENERATOR, WS[:2], distance))


def test_no_difference_changes_no_bit():
    made = apply(GENERATOR, Difference(GENERATOR.identity, zeros()), MINE)
    assert torch.equal(picture(made), picture(GENERATOR))
    assert made.identity == MINE and made.identity.base == GENERATOR.identity


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_a_saved_difference_comes_back(tmp_path_factory, seed):
    random = torch.Generator().manual_seed(seed)
    changes = {n: torch.randn(z.shape, generator=random).half() for n, z in zeros().items()}
    path = tmp_path_factory.mktemp("difference") / "a.safetensors"
    save_difference(path, Difference(GENERATOR.identity, changes))
    found = load_difference(path)
    assert found.base == GENERATOR.identity
    assert all(torch.equal(found.changes[name], changes[name]) for name in changes)


def test_a_difference_of_another_generator_is_refused_naming_both():
    other = Difference(Identity("other", "f" * 64), zeros())
    with pytest.raises(WeightsError, match=rf"other.*not from '{GENERATOR.identity.name}'"):
        apply(GENERATOR, other, MINE)


@pytest.mark.parametrize("name", ["constant", "nothing"])
def test_wrong_shapes_are_refused(name):
    wrong = Difference(GENERATOR.identity, {name: torch.zeros(2).half()})
    with pytest.raises(WeightsError, match=rf"mine.*'{name}' \[2\].*{GENERATOR.identity.name}"):
        apply(GENERATOR, wrong, MINE)


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("it ran",))


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 64, (2**60).to_bytes(8, "little") + b"{}", pickle.dumps(Hostile())]
)
def test_hostile_files_are_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="truncated or not a safetensors file"):
        load_difference(path)


@pytest.mark.parametrize(
    ("kind", "tensor", "says"),
    [
        ("segmenter", torch.zeros(2).half(), "no tuned generator"),
        (KIND, torch.tensor([torch.nan]).half(), "not finite"),
        (KIND, torch.zeros(2), "not finite float16"),
    ],
)
def test_files_of_something_else_are_refused(tmp_path, kind, tensor, says):
    path = tmp_path / "a.safetensors"
    header = {"kind": kind, "config": {}}
    save_file({"constant": tensor}, path, metadata={"faceloom": json.dumps(header)})
    with pytest.raises(WeightsError, match=says):
        load_difference(path)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_flush", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_difference(tmp_path / "a.safetensors", Difference(GENERATOR.identity, zeros()))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def store(tmp_path):
    """With a small generator 'small' of its own."""
    shape = MobileStyleGANConfig(32, 8, 2, (8, 8, 4))
    torch.manual_seed(0)
    save_weights(
        tmp_path / "a.safetensors",
        "mobile_stylegan",
        shape,
        build_mobile_stylegan(shape).state_dict(),
    )
    store = WeightStore(tmp_path / "weights")
    store.add(tmp_path / "a.safetensors", "small", "MIT")
    return store


def changed(store):
    base = store.open_generator("small")
    bias = dict(base.synthesis.named_parameters())["to_image.mix.bias"]
    return Difference(base.identity, {"to_image.mix.bias": torch.full_like(bias, 0.5).half()})


def test_a_tuned_generator_is_one_like_any_other(store, tmp_path):
    known = store.add_tuned(changed(store), "small-anna")
    assert (known.kind, known.base, known.licence) == (KIND, "small", "MIT")
    assert store.state("small-anna") == "ready"
    base, made = store.open_generator("small"), store.open_generator("small-anna")
    assert made.identity == store.identity("small-anna") != base.identity
    assert made.identity.base == base.identity
    ws = latents_from_seeds(base, [1], psi=0.7, noise=Noise()).ws[0]
    torch.testing.assert_close(picture(made, ws), picture(base, ws) + 0.5)
    again = store.add(known.path, "small-anna-2")
    assert (again.base, again.sha256) == ("small", known.sha256)


def test_what_was_made_for_the_base_serves_the_tuned_one_but_not_the_other_way(store, tmp_path):
    store.add_tuned(changed(store), "small-anna")
    base, tuned = store.identity("small"), store.identity("small-anna")
    assert tuned.is_served_by(base) and tuned.is_served_by(tuned)
    assert not base.is_served_by(tuned) and not tuned.is_served_by(Identity("small", "0" * 64))
    path = store.folder / "preview.safetensors"
    readouts = Readouts(ReadoutsConfig.of(store.open_generator("small").synthesis, {8: 0}))
    save_readouts(path, readouts, base)
    source = {"generator": "small"}
    store.register("preview", "preview", path, source, "test", "MIT", generator="small")
    assert store.made_for("small-anna", "preview") == ["preview"]
    assert store.open_readouts("small-anna") is not None
    save_readouts(path, readouts, tuned)
    with pytest.raises(WeightsError, match="small-anna"):
        load_readouts(path, base)


def test_openvino_draws_a_tuned_generator_as_torch_does(store):
    store.add_tuned(changed(store), "small-anna")
    ws = latents_from_seeds(store.open_generator("small"), [1], psi=0.7, noise=Noise()).ws[0]
    draw = RenderPass(store.open_generator("small-anna"), Outputs())
    ours = OpenVINORuntime(draw, "f32").render(ws)["image"].astype(int)
    theirs = TorchRuntime(draw, "cpu").render(ws)["image"].astype(int)
    base = RenderPass(store.open_generator("small"), Outputs())
    assert abs(ours - theirs).max() <= 1
    assert abs(ours - OpenVINORuntime(base, "f32").render(ws)["image"]).mean() > 20


def test_a_difference_whose_base_is_not_here_is_refused_whole(store):
    before = sorted(store.folder.iterdir())
    with pytest.raises(WeightsError, match=r"'stranger'.*not registered"):
        store.add_tuned(Difference(Identity("stranger", "1" * 64), {}), "small-anna")
    with pytest.raises(InvalidRequestError, match="taken"):
        store.add_tuned(changed(store), "small")
    assert sorted(store.folder.iterdir()) == before


def test_a_difference_whose_file_is_damaged_or_lost_says_how_to_go_on(store, monkeypatch):
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(store.folder))
    again = r"weights remove small-anna.*invert PHOTO --tune 300"
    path = store.add_tuned(changed(store), "small-anna").path
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(WeightsError, match=rf"has changed.*Delete it.*{again}"):
        store.checked("small-anna")
    for asked in ([], ["small-anna"]):
        refused = CliRunner().invoke(weights, ["verify", *asked])
        assert refused.exit_code == 1
        assert re.search(rf"Damaged: small-anna\. Delete .*{again}", refused.stderr, re.DOTALL)
    path.unlink()
    with pytest.raises(WeightsError, match=again):
        store.open_generator("small-anna")
    refused = CliRunner().invoke(weights, ["verify", "small-anna"])
    assert re.search(rf"small-anna is not here\. .*{again}", refused.stderr, re.DOTALL)


def test_an_entry_whose_base_went_says_so_and_can_be_removed(store, monkeypatch):
    store.add_tuned(changed(store), "small-anna")
    local = store.folder / "local.yaml"
    whole = local.read_text()
    for gone in ("gone", "small-anna"):
        local.write_text(whole.replace("base: small", f"base: {gone}"))
        with pytest.raises(
            WeightsError, match=rf"'small-anna'.*'{gone}'.*weights remove small-anna"
        ):
            store.open_generator("small-anna")
        assert store.made_for("small-anna", "segmenter") == []
        assert store.state("small-anna") == "ready" and store.open_generator("small")  # others live
    path = store.entries()["small-anna"].path
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(store.folder))
    assert CliRunner().invoke(weights, ["remove", "small-anna"]).exit_code == 0
    assert "small-anna" not in store.entries() and not path.exists()
    refused = CliRunner().invoke(weights, ["remove", "small"])
    assert refused.exit_code == 2 and "'small' is no tuned generator" in refused.stderr
    with pytest.raises(UnknownGeneratorError, match="no weights named 'small-anna'"):
        WeightStore(store.folder / "elsewhere").entry("small-anna")
