"""Checkpoints of SemanticStyleGAN: read whole, or refused with what is wrong."""

from __future__ import annotations

import argparse
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.errors import CoreError, UnsafeCheckpointError, WeightsError
from core.generators.checkpoint import load_generator, save_weights
from core.generators.foreign import read_foreign
from core.generators.restricted_pickle import Fields, read_pickle
from core.generators.semantic_stylegan import SemanticStyleGANConfig
from tests.hostile_checkpoints import Call

GOLDEN = Path(__file__).parents[1] / "golden" / "semantic_stylegan"
CASES = sorted(GOLDEN.glob("*.pt"))
NAMES = [path.name for path in CASES]
SMALL = GOLDEN / "no_base_32.pt"


def checkpoint() -> dict[str, Any]:
    """The smallest, as torch itself reads it."""
    with torch.serialization.safe_globals([argparse.Namespace]):
        loaded: dict[str, Any] = torch.load(SMALL, weights_only=True)
    return loaded


def saved(content: object, folder: Path) -> Path:
    path = folder / "changed.pt"
    torch.save(content, path)
    return path


def with_settings(folder: Path, **changes: object) -> Path:
    """The smallest with other `args`; None takes a setting away."""
    whole = checkpoint()
    given = vars(whole["args"]) | changes
    args = argparse.Namespace(**{k: v for k, v in given.items() if v is not None})
    return saved(whole | {"args": args}, folder)


def test_configurations_are_inferred() -> None:
    found = {path.stem: read_foreign(path)[:2] for path in CASES}
    assert {architecture for architecture, _ in found.values()} == {"semantic_stylegan"}
    assert found["celeba_32"][1] == SemanticStyleGANConfig(
        *(32, 8, 3, 13, 2, 6, 10, 4, 8, 16, 8, 256, 12), refines=True, transparent=(10, 12)
    )
    assert found["plain_64"][1] == SemanticStyleGANConfig(
        *(64, 12, 3, 3, 1, 2, 4, 6, 10, 16, 4, 256, 12), refines=False, transparent=()
    )


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_checkpoints_become_our_weights_files(path: Path, tmp_path: Path) -> None:
    ours, again = tmp_path / "ours.safetensors", tmp_path / "again.safetensors"
    read = read_foreign(path)
    save_weights(ours, *read)
    save_weights(again, *read_foreign(path))
    assert again.read_bytes() == ours.read_bytes()
    loaded = load_generator(ours, path.stem)
    assert loaded.synthesis.config == read[1]
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, read[2][name]), name


def test_mean_of_w_is_taken_where_it_was_kept_and_else_estimated_the_same_each_time() -> None:
    recorded = torch.load(GOLDEN / "plain_64.pt", weights_only=False)["latent_avg"]
    assert torch.equal(read_foreign(GOLDEN / "plain_64.pt")[2]["mean_w"], recorded)
    first, second = (read_foreign(SMALL)[2]["mean_w"] for _ in range(2))
    assert torch.equal(first, second) and first.abs().max() > 0.1


def test_settings_may_be_a_plain_dict(tmp_path: Path) -> None:
    whole = checkpoint()
    path = saved(whole | {"args": vars(whole["args"])}, tmp_path)
    assert read_foreign(path)[1] == read_foreign(SMALL)[1]


def test_networks_of_training_are_passed_over(tmp_path: Path) -> None:
    whole = checkpoint()
    noisy = {name: value + 1 for name, value in whole["g_ema"].items()}
    path = saved(whole | {"g": noisy, "d": {"weight": torch.ones(3)}, "g_optim": {}}, tmp_path)
    ours, theirs = read_foreign(path)[2], read_foreign(SMALL)[2]
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def without(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    assert name in tensors
    return {key: value for key, value in tensors.items() if key != name}


MISFITS: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "missing local_nets.2.to_depth.bias": lambda t: without("local_nets.2.to_depth.bias", t),
    "missing pos_embed.weights": lambda t: without("pos_embed.weights", t),
    "missing style.1.weight": lambda t: without("style.1.weight", t),
    "missing render_net.noises.noise_3": lambda t: without("render_net.noises.noise_3", t),
    "left over local_nets.0.to_depth.bias": lambda t: (
        t | {"local_nets.0.to_depth.bias": torch.zeros(1)}
    ),
    r"local_nets.1.linears.2.conv.weight is \[1, 5, 4, 1, 1\], must be \[5, 5, 1, 1\]": lambda t: (
        t | {"local_nets.1.linears.2.conv.weight": torch.zeros(1, 5, 4, 1, 1)}
    ),
    r"pos_embed.weights is \[5, 7, 1, 1\], must be \[5, 22\]": lambda t: (
        t | {"pos_embed.weights": torch.zeros(5, 7, 1, 1)}
    ),
    "follow no common base: 12 at 8 px, 9 at 16 px, 8": lambda t: (
        t | {"render_net.convs.3.activate.bias": torch.zeros(9)}
    ),
    "2 to 64 parts and up to 256 codes, not 65": lambda t: (
        t | {f"local_nets.{i}.to_feat.bias": torch.zeros(1) for i in range(4, 80)}
    ),
    "33 mapping layers": lambda t: t | {f"style.{i}.weight": torch.zeros(1) for i in range(4, 34)},
    "upsampling filter other than": lambda t: {
        k: torch.ones(4, 4) if k.endswith("kernel") else v for k, v in t.items()
    },
    "filters that differ": lambda t: (
        t | {"render_net.to_rgbs.0.upsample.kernel": torch.eye(4) + torch.ones(4, 4)}
    ),
    "no finite numbers in local_nets.3.to_feat.bias": lambda t: (
        t | {"local_nets.3.to_feat.bias": torch.full((1, 6, 1, 1), torch.inf)}
    ),
}


@pytest.mark.parametrize("complaint", MISFITS)
def test_tensors_that_do_not_fit_are_named(complaint: str, tmp_path: Path) -> None:
    whole = checkpoint()
    path = saved(whole | {"g_ema": MISFITS[complaint](whole["g_ema"])}, tmp_path)
    with pytest.raises(WeightsError, match=complaint):
        read_foreign(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": None}, "does not say size in its 'args'"),
        ({"size": "32", "base_layers": 0.0}, "does not say size, base_layers in its 'args'"),
        ({"size": True}, "does not say size"),
        ({"residual_refine": 1}, "does not say residual_refine"),
        ({"transparent_dims": 3}, "does not say transparent_dims"),
        ({"transparent_dims": [3, "4"]}, "does not say transparent_dims"),
        ({"transparent_dims": [4]}, r"does not fit: .*transparent parts must be in 0..3, not \[4"),
        ({"size": 64}, "missing render_net.convs.7.activate.bias"),
        ({"size": 16}, r"powers of two that grow .* are 4, 16, 16"),
        ({"size": 2**40}, "makes images of 1099511627776 px"),
        ({"size": 4, "min_feat_size": 8}, "makes images of 4 px"),
        ({"min_feat_size": 32}, "renders from 32 to 32 px: nothing"),
        ({"coarse_size": 8}, r"render_net.convs.2.weight is \[12, 12, 3, 3\], must be \[12, 18"),
        ({"depth_layers": 3}, "layers must be numbers that grow within 0 to 64, are 0, 3, 3"),
        ({"base_layers": -1}, "are -1, 1, 3"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=message):
        read_foreign(with_settings(tmp_path, **changes))


def test_files_without_settings_are_refused(tmp_path: Path) -> None:
    path = saved({"g_ema": checkpoint()["g_ema"]}, tmp_path)
    with pytest.raises(WeightsError, match=r"has no 'args'.*do not tell size, base_layers"):
        read_foreign(path)
    path = saved(checkpoint() | {"args": ["size", 32]}, tmp_path)
    with pytest.raises(WeightsError, match="has no 'args'"):
        read_foreign(path)


@pytest.mark.parametrize("place", ["args", "g_ema", "d"])
def test_code_in_a_checkpoint_is_refused_and_not_run(place: str, tmp_path: Path) -> None:
    sentinel = tmp_path / "ran"
    payload: object = Call(os.system, f"touch {sentinel}")
    if place == "args":
        payload = argparse.Namespace(**vars(checkpoint()["args"]) | {"size": payload})
    path = saved(checkpoint() | {place: payload}, tmp_path)
    with pytest.raises(UnsafeCheckpointError, match=r"would load .*posix\.system"):
        read_foreign(path)
    assert not sentinel.exists()


def test_a_record_takes_fields_of_the_file_alone() -> None:
    makers = {("argparse", "Namespace"): Fields}
    content = io.BytesIO(pickle.dumps(argparse.Namespace(size=3, make=None), 2))
    content = io.BytesIO(content.getvalue().replace(b"copy_reg", b"copyreg"))
    record = read_pickle(content, makers, "it")
    assert isinstance(record, Fields) and record.fields == {"size": 3, "make": None}
    not_a_dict = b"\x80\x02cargparse\nNamespace\n)\x81]b."
    with pytest.raises(WeightsError, match="fills a record with what is no dict"):
        read_pickle(io.BytesIO(not_a_dict), makers, "it")


@pytest.mark.parametrize("path", CASES, ids=NAMES)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_truncated_checkpoints_are_refused(path: Path, share: float, tmp_path: Path) -> None:
    short = tmp_path / path.name
    content = path.read_bytes()
    short.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"truncated|damaged"):
        read_foreign(short)


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=3), st.booleans(), st.none()
)
KEYS = st.sampled_from(
    [
        *("size", "base_layers", "depth_layers", "coarse_size", "min_feat_size"),
        *("residual_refine", "transparent_dims"),
    ]
)
NEAR = st.sampled_from([0, 1, 2, 3, 4, 8, 16, 32, 64, 512, True, [], [3], [-1], [0, 1, 2, 3]])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, st.one_of(NEAR, VALUES), min_size=1, max_size=3))
def test_any_settings_give_a_result_or_our_error(changes: dict[str, object]) -> None:
    with TemporaryDirectory() as folder:
        path = with_settings(Path(folder), **changes)
        try:
            config = read_foreign(path)[1]
        except CoreError as error:
            assert "changed.pt" in str(error)
        else:
            assert config.resolution == 32 and config.parts == 4


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    st.booleans(),
)
def test_damaged_files_give_a_result_or_our_error(
    changes: list[tuple[float, int]], early: bool
) -> None:
    """early: the damage falls on the first tenth, which holds the pickle."""
    content = bytearray((GOLDEN / "plain_64.pt").read_bytes())
    for place, value in changes:
        content[int(place * len(content) * (0.1 if early else 1))] = value
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed.pt"
        path.write_bytes(content)
        try:
            read_foreign(path)
        except CoreError as error:
            assert "fuzzed.pt" in str(error)
