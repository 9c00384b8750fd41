"""The registry, our weights files, and getting, verifying and adding weights."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import yaml
from filelock import FileLock

from core.errors import InvalidRequestError, OutputError, UnknownGeneratorError, WeightsError
from core.files import sha256_of
from core.generators.checkpoint import build_generator, load_generator, read_weights, save_weights
from core.generators.mobile_stylegan import MobileStyleGANConfig
from core.generators.mobile_wheel import convert_wheel
from core.generators.openvino_ir import Graph, read_graph
from core.generators.statistics import estimate_mean_w
from core.threads import one_thread
from core.weights import SHIPPED, WeightStore
from core.wheels import fetch_and_convert
from tests.tiny_generator import tiny_generator

CONFIG = MobileStyleGANConfig(resolution=16, w_dim=8, mapping_layers=1, channels=(8, 8))


@pytest.fixture
def weights_file(tmp_path):
    torch.manual_seed(0)
    network = build_generator("mobile_stylegan", vars(CONFIG))
    path = tmp_path / "made" / "small.safetensors"
    save_weights(path, "mobile_stylegan", CONFIG, network.state_dict())
    return path


def test_weights_come_back_as_saved_and_equal_weights_make_equal_bytes(weights_file, tmp_path):
    generator = load_generator(weights_file, "small")
    again = tmp_path / "again.safetensors"
    save_weights(again, "mobile_stylegan", CONFIG, generator.state_dict())
    assert again.read_bytes() == weights_file.read_bytes()
    assert generator.identity.sha256 == sha256_of(weights_file)
    assert not any(parameter.requires_grad for parameter in generator.parameters())


def test_a_weights_file_cut_anywhere_is_refused(weights_file):
    whole = weights_file.read_bytes()
    for part in range(10):
        weights_file.write_bytes(whole[: len(whole) * part // 10])
        with pytest.raises(WeightsError, match="truncated or not a safetensors file"):
            load_generator(weights_file, "small")


def test_a_weights_file_of_another_shape_names_what_differs(weights_file, tmp_path):
    _, tensors = read_weights(weights_file)
    tensors["mean_w"] = torch.zeros(9)
    del tensors["synthesis.constant"]
    tensors["extra"] = torch.zeros(1)
    save_weights(weights_file, "mobile_stylegan", CONFIG, tensors)
    message = r"missing synthesis.constant; unexpected extra; mean_w is \[9\], must be \[8\]"
    with pytest.raises(WeightsError, match=message):
        load_generator(weights_file, "small")


def test_a_safetensors_file_that_is_not_ours_says_how_to_convert_it(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"was not written by Faceloom. Convert it"):
        read_weights(path)


@pytest.mark.parametrize(
    ("architecture", "config", "message"),
    [
        ("diffusion", {}, "Unknown architecture 'diffusion'. Known: mobile_stylegan, semantic"),
        ("stylegan2", {"resolutoin": 64}, "Unknown keys for stylegan2: resolutoin"),
    ],
)
def test_a_header_that_names_no_known_network_is_refused(architecture, config, message):
    with pytest.raises(WeightsError, match=message):
        build_generator(architecture, config)


def test_the_shipped_registry_names_terms_and_hashes_of_every_entry():
    entries = WeightStore().entries()
    assert WeightStore().default("generator") == "mobilestylegan-ffhq-1024"
    for known in entries.values():
        assert re.fullmatch(r"[0-9a-f]{64}", known.sha256), known.name
        assert known.licence and known.made_by


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(
        UnknownGeneratorError, match=r"named 'ffhq'. Known: .*mobilestylegan-ffhq-1024"
    ):
        WeightStore(tmp_path).open_generator("ffhq")


def test_our_own_file_can_be_added_opened_and_verified(weights_file, tmp_path):
    store = WeightStore(tmp_path / "store")
    known = store.add(weights_file, "my-net", licence="mine")
    assert store.state("my-net") == "ready"
    assert store.open_generator("my-net").identity.sha256 == known.sha256
    known.path.write_bytes(known.path.read_bytes()[:-1] + b"x")
    assert store.state("my-net") == "damaged"
    with pytest.raises(WeightsError, match="has changed since it was registered"):
        store.open_generator("my-net")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil", "A name is 1 to 64 of a-z"),
        ("", "A name is 1 to 64 of a-z"),
        ("mobilestylegan-ffhq-1024", "is taken"),
    ],
)
def test_a_bad_or_taken_name_changes_nothing(weights_file, tmp_path, name, message):
    store = WeightStore(tmp_path / "store")
    with pytest.raises(InvalidRequestError, match=message):
        store.add(weights_file, name)
    assert not (tmp_path / "store").exists()


def test_a_damaged_local_registry_is_named(tmp_path):
    (tmp_path / "local.yaml").write_text("a: [")
    with pytest.raises(WeightsError, match=r"local.yaml cannot be read as YAML"):
        WeightStore(tmp_path).entries()
    (tmp_path / "local.yaml").write_text("a: {kind: generator}")
    with pytest.raises(WeightsError, match="'a' lacks file, sha256, made_by, licence"):
        WeightStore(tmp_path).entries()


def test_a_local_entry_cannot_replace_a_shipped_one(tmp_path):
    entry = dict.fromkeys(("kind", "file", "sha256", "made_by", "licence"), "evil")
    (tmp_path / "local.yaml").write_text(yaml.safe_dump({"mobilestylegan-ffhq-1024": entry}))
    assert WeightStore(tmp_path).entry("mobilestylegan-ffhq-1024").kind == "generator"


def test_a_wheel_with_the_wrong_hash_is_refused_and_leaves_nothing(tmp_path):
    wheel = tmp_path / "random_face.whl"
    wheel.write_bytes(b"not the wheel")
    store = WeightStore(tmp_path / "store")
    with pytest.raises(
        WeightsError, match=r"random_face.whl has sha256 [0-9a-f]{64}, expected e5d10e2b"
    ):
        store.get("mobilestylegan-ffhq-1024", wheel=wheel)
    assert not (tmp_path / "store").exists()


def test_a_download_that_fails_says_what_to_run_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(
        WeightsError, match=r"pip download .*and then here: python launch.py weights get"
    ):
        source = {"wheel": "random-face==0.0.0", "size": "0 MB", "sha256": "0" * 64}
        fetch_and_convert(source, tmp_path / "x", "0" * 64, convert_wheel, None)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_shipped_file_says_that_it_belongs_to_the_repository(tmp_path, monkeypatch):
    registry = yaml.safe_load((SHIPPED / "registry.yaml").read_text())
    entry = {k: v for k, v in registry["mobilestylegan-ffhq-1024"].items() if k != "source"}
    (tmp_path / "registry.yaml").write_text(yaml.safe_dump({"net": entry}))
    monkeypatch.setattr("core.weights.SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match="belongs to the repository: git checkout"):
        WeightStore(tmp_path).get("net")


def test_a_damaged_graph_is_refused():
    with pytest.raises(WeightsError, match="The wheel's network files are damaged"):
        read_graph(b"<net><layers>", b"")
    with pytest.raises(WeightsError, match=r"has no constant 'm.input.input'"):
        Graph().constant("m.input.input")


def test_the_mean_of_w_does_not_depend_on_threads_and_approaches_the_true_mean():
    mapping = tiny_generator(seed=0).mapping
    with one_thread():
        alone = estimate_mean_w(mapping, samples=4_000)
        torch.set_num_threads(2)
        assert torch.equal(estimate_mean_w(mapping, samples=4_000), alone)
    other = estimate_mean_w(mapping, samples=4_000, seed=1)
    assert torch.allclose(alone, other, atol=0.05)


def test_a_registry_that_cannot_be_written_keeps_no_converted_file(
    weights_file, tmp_path, monkeypatch
):
    def refuse(path, content):
        raise OutputError("The disk is full.")

    monkeypatch.setattr("core.weights_registry.write_whole", refuse)
    with pytest.raises(OutputError, match="disk is full"):
        WeightStore(tmp_path / "store").add(weights_file, "my-net")
    assert {each.name for each in (tmp_path / "store").iterdir()} == {".local.yaml.lock"}


def test_entries_that_are_added_at_the_same_time_all_stay(weights_file, tmp_path):
    names = [f"net-{number}" for number in range(12)]

    def add(name):
        return WeightStore(tmp_path).add(weights_file, name).name

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(add, names)) == names
    assert set(yaml.safe_load((tmp_path / "local.yaml").read_text())) == set(names)
    with (
        FileLock(tmp_path / ".local.yaml.lock"),
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(OutputError, match=r"Somebody else changes .*local\.yaml"),
    ):
        patch.setattr("core.weights_registry.PATIENCE", 0.01)
        add("late")
    assert not (tmp_path / "late.safetensors").exists()


def test_a_wheel_for_weights_that_come_from_none_is_refused(weights_file, tmp_path):
    store = WeightStore(tmp_path / "store")
    store.add(weights_file, "my-net")
    with pytest.raises(InvalidRequestError, match="does not come from a wheel"):
        store.get("my-net", wheel=weights_file)


def test_registered_files_lie_where_the_store_says(weights_file, tmp_path):
    store = WeightStore(tmp_path / "store")
    known = store.add(weights_file, "my-net")
    assert known.path.parent == tmp_path / "store"
    assert Path(store.entry("my-net").source["file"]) == weights_file.resolve()


def test_a_conversion_with_the_wrong_hash_keeps_what_was_there(tmp_path):
    wheel, target = tmp_path / "some.whl", tmp_path / "ours.safetensors"
    wheel.write_bytes(b"the wheel")
    target.write_bytes(b"what was there")

    def convert(wheel, path, on_step):
        path.write_bytes(b"other")

    source = {"wheel": "random-face==0.0.0", "sha256": sha256_of(wheel)}
    with pytest.raises(WeightsError, match=r"ours.safetensors has sha256 .* nothing was kept"):
        fetch_and_convert(source, target, "0" * 64, convert, wheel)
    assert target.read_bytes() == b"what was there"
