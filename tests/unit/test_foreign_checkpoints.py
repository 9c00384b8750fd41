"""Checkpoints of other repositories: read whole, or refused with what is wrong."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.errors import CoreError, WeightsError
from core.generators.checkpoint import load_generator, save_weights
from core.generators.foreign import read_foreign
from core.generators.foreign_nvidia import read_nvidia
from core.generators.stored_tensors import Storage, StoredTensor
from core.generators.stylegan2 import StyleGAN2Config
from core.generators.torch_files import Persistent, read_torch_file

GOLDEN = Path(__file__).parents[1] / "golden" / "stylegan2"
CASES = sorted(path for path in GOLDEN.iterdir() if path.suffix in (".pt", ".pkl"))
NAMES = [path.name for path in CASES]
LEGACY = GOLDEN / "rosinality_16_legacy.pt"
NVIDIA = GOLDEN / "nvidia_ada_8_tiny.pkl"


def checkpoint() -> dict[str, Any]:
    """A rosinality checkpoint as torch itself reads it."""
    with torch.serialization.safe_globals([argparse.Namespace]):
        loaded: dict[str, Any] = torch.load(LEGACY, weights_only=True)
    return loaded


def saved(content: object, folder: Path, *, legacy: bool = False) -> Path:
    path = folder / "changed.pt"
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def a_tensor() -> StoredTensor:
    return StoredTensor(Storage(torch.float32, 1, lambda: bytes(4)), 0, (1,), (1,))


def patched(old: bytes, new: bytes, folder: Path) -> Path:
    """NVIDIA's pickle with every `old` replaced by a `new` of the same length."""
    content = NVIDIA.read_bytes()
    assert old in content and len(old) == len(new)
    path = folder / "changed.pkl"
    path.write_bytes(content.replace(old, new))
    return path


def test_configurations_are_inferred() -> None:
    found = {path.stem: read_foreign(path)[1] for path in CASES}
    assert found["nvidia_ada_64_classes"] == StyleGAN2Config(
        64, 24, 3, 32, 2, channel_base=512, channel_max=16, conv_clamp=1.5
    )
    assert found["rosinality_32_multiplier_2"] == StyleGAN2Config(
        32, 32, 0, 32, 8, channel_base=512, channel_max=16
    )
    assert found["rosinality_64_multiplier_1"].channel_base == 256


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_checkpoints_become_our_weights_files(path: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours.safetensors"
    save_weights(ours, *read_foreign(path))
    generator = load_generator(ours, path.stem)
    recorded = np.load(path.with_suffix(".npz"))
    c = torch.from_numpy(recorded["c"]) if "c" in recorded else None
    image = generator(torch.from_numpy(recorded["z"]), c)
    np.testing.assert_allclose(image, recorded["image_off"], atol=3e-5)


def test_one_checkpoint_makes_the_same_bytes_twice(tmp_path: Path) -> None:
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    save_weights(first, *read_foreign(NVIDIA))
    save_weights(second, *read_foreign(NVIDIA))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("legacy", [False, True])
def test_our_reader_agrees_with_torch_load(legacy: bool, tmp_path: Path) -> None:
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    base = torch.arange(24).reshape(2, 3, 4)
    tensors = {str(kind): base.to(kind) for kind in kinds}
    tensors |= {
        "part": base.float()[1, :, 1:3],
        "turned": base.float().permute(2, 0, 1),
        "empty": base[:0],
    }
    path = saved(tensors, tmp_path, legacy=legacy)
    ours = read_torch_file(path.read_bytes(), "it")
    assert isinstance(ours, dict) and list(ours) == list(tensors)
    for name, theirs in torch.load(path, weights_only=True).items():
        assert isinstance(stored := ours[name], StoredTensor)
        assert torch.equal(stored.tensor(), theirs) and stored.tensor().dtype == theirs.dtype


def test_checkpoint_in_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    half = {name: value.half() for name, value in checkpoint()["g_ema"].items()}
    _, _, tensors = read_foreign(saved({"g_ema": half}, tmp_path))
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_missing_mean_is_estimated_the_same_each_time(tmp_path: Path) -> None:
    whole = checkpoint()
    path = saved({"g_ema": whole["g_ema"]}, tmp_path)
    first, second = (read_foreign(path)[2]["mean_w"] for _ in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, whole["latent_avg"], atol=0.2, rtol=0)  # of 500 samples


def test_checkpoint_without_noise_images_has_none_baked(tmp_path: Path) -> None:
    whole = checkpoint()
    kept = {name: value for name, value in whole["g_ema"].items() if "noises" not in name}
    _, config, tensors = read_foreign(saved(whole | {"g_ema": kept}, tmp_path))
    assert not config.has_baked_noise
    assert not any("baked" in name for name in tensors)


def without(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in tensors.items() if key != name}


Tensors = dict[str, Tensor]
MISFITS: dict[str, Callable[[Tensors], object]] = {
    "missing conv1.noise.weight": lambda t: without("conv1.noise.weight", t),
    "missing noises.noise_2": lambda t: without("noises.noise_2", t),
    "missing style.1.weight": lambda t: without("style.1.weight", t),
    "missing to_rgbs.0.bias": lambda t: (
        without("to_rgbs.0.bias", t) | {"to_rgbs.9.bias": torch.zeros(3)}
    ),
    "left over to_rgbs.7.extra": lambda t: t | {"to_rgbs.7.extra": torch.zeros(1)},
    r"style.3.bias is \[4\], must be \[32\]": lambda t: t | {"style.3.bias": torch.zeros(4)},
    "follow no common base: 16 at 4 px, 9 at 8": lambda t: (
        t | {"convs.1.activate.bias": torch.zeros(9)}
    ),
    "makes images of 4 px": lambda t: {k: v for k, v in t.items() if "to_rgbs" not in k},
    "33 mapping layers": lambda t: t | {f"style.{i}.weight": torch.zeros(1) for i in range(9, 34)},
    "filters that differ": lambda t: t | {"to_rgbs.0.upsample.kernel": torch.rand(4, 4)},
    r"filter of shape \[4\]": lambda t: t | {"to_rgbs.0.upsample.kernel": torch.ones(4)},
    "no finite numbers in style.2.bias": lambda t: (
        t | {"style.2.bias": torch.full((32,), torch.nan)}
    ),
    "holds no state dict": lambda t: list(t),
}


@pytest.mark.parametrize("complaint", MISFITS)
def test_tensors_that_do_not_fit_are_named(complaint: str, tmp_path: Path) -> None:
    path = saved({"g_ema": MISFITS[complaint](checkpoint()["g_ema"])}, tmp_path)
    with pytest.raises(WeightsError, match=complaint):
        read_foreign(path)


def test_networks_of_other_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="architecture blah; only skip is built"):
        read_foreign(patched(b"skip", b"blah", tmp_path))
    with pytest.raises(WeightsError, match="activation relu_; only lrelu is built"):
        read_foreign(patched(b"lrelu", b"relu_", tmp_path))
    layer = Persistent("SynthesisLayer", {"_buffers": {"up_filter": a_tensor()}})
    synthesis = Persistent("SynthesisNetwork", {"_modules": {"L0_36_512": layer}})
    with pytest.raises(WeightsError, match="is a StyleGAN3 network"):
        read_nvidia(
            {"G_ema": Persistent("Generator", {"_modules": {"synthesis": synthesis}})}, "it"
        )


def test_pickles_of_the_tensorflow_edition_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ffhq.pkl"
    path.write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\n)\x81.")
    with pytest.raises(WeightsError, match=r"TensorFlow edition.*Convert it with legacy\.py"):
        read_foreign(path)


@pytest.mark.parametrize("path", CASES, ids=NAMES)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_truncated_checkpoints_are_refused(path: Path, share: float, tmp_path: Path) -> None:
    short = tmp_path / path.name
    content = path.read_bytes()
    short.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"truncated|damaged"):
        read_foreign(short)


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path) -> None:
    other = saved({"state_dict": {}, "epoch": 3}, tmp_path)
    with pytest.raises(WeightsError, match=r"it holds state_dict, epoch.*Give one with 'g_ema'"):
        read_foreign(other)
    text = tmp_path / "text.pt"
    text.write_text("no weights here")
    with pytest.raises(WeightsError, match="truncated or damaged"):
        read_foreign(text)
    with pytest.raises(WeightsError, match=r"no checkpoint at .*absent"):
        read_foreign(tmp_path / "absent.pt")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_foreign(tmp_path)


def seeds() -> list[bytes]:
    """Small valid files of each format."""
    tensors = {name: value for name, value in checkpoint()["g_ema"].items() if value.numel() < 100}
    files = [NVIDIA.read_bytes()]
    for zipped in (False, True):
        file = io.BytesIO()
        torch.save({"g_ema": tensors}, file, _use_new_zipfile_serialization=zipped)
        files.append(file.getvalue())
    return files


SEEDS = seeds()
CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(SEEDS), CHANGES, st.floats(0.5, 2))
def test_damaged_files_give_a_result_or_our_error(
    seed: bytes, changes: list[tuple[float, int]], share: float
) -> None:
    content = bytearray(seed)
    for place, value in changes:
        content[int(place * len(content))] = value
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed.pkl"
        path.write_bytes(content[: round(len(content) * min(1, share))])
        try:
            read_foreign(path)
        except CoreError as error:
            assert "fuzzed.pkl" in str(error)
