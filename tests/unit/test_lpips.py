"""LPIPS with VGG-16: files, and figures against a computation of its own, on random weights."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from core.attributes.vgg import BLOCKS
from core.errors import InvalidRequestError, UnsafeCheckpointError, WeightsError
from core.inversion import lpips
from core.inversion.lpips import Lpips, LpipsNet, Summed, open_lpips
from core.inversion.target import Target
from tests.hostile_checkpoints import Call

NARROW = ((3, 2), (4, 2), (5, 3), (6, 3), (7, 3))
PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # of torchvision's convolutions
TAKEN = (2, 7, 14, 21, 28)  # the last convolution of each block


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LpipsNet.__init__, "__defaults__", (NARROW,))


def vgg_weights() -> dict[str, Tensor]:
    """Random, as torchvision names them."""
    chance, found, before = torch.Generator().manual_seed(3), {}, 3
    widths = [channels for channels, count in NARROW for _ in range(count)]
    for place, width in zip(PLACES, widths, strict=True):
        weight = torch.randn(width, before, 3, 3, generator=chance)
        found[f"features.{place}.weight"] = weight * (2 / before / 9) ** 0.5
        found[f"features.{place}.bias"] = 0.1 * torch.randn(width, generator=chance)
        before = width
    found["classifier.0.weight"] = torch.zeros(4, before)
    found["classifier.0.bias"] = torch.zeros(4)
    return found


def linear_weights() -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(4)
    return {
        f"lin{place}.model.1.weight": torch.rand(1, channels, 1, 1, generator=chance)
        for place, (channels, _) in enumerate(NARROW)
    }


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    vgg, linear = tmp_path / "vgg16.pth", tmp_path / "vgg.pth"
    torch.save(vgg_weights(), vgg, _use_new_zipfile_serialization=False)  # as published
    torch.save(linear_weights(), linear, _use_new_zipfile_serialization=False)
    return vgg, linear


def face_like(seed: int, size: int = 64) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return coarse.repeat(size // 8, 0).repeat(size // 8, 1)


def by_the_paper(a: Tensor, b: Tensor) -> Tensor:
    """Eq. 1 of the paper, [h, w] of each block; a, b [3, H, W] in [-1, 1], in float64."""
    vgg, linear = vgg_weights(), linear_weights()
    shift = torch.tensor([-0.030, -0.088, -0.188], dtype=torch.float64)
    scale = torch.tensor([0.458, 0.448, 0.450], dtype=torch.float64)
    both = torch.stack([a, b]).double()
    both = ((both.permute(0, 2, 3, 1) - shift) / scale).permute(0, 3, 1, 2)
    total = torch.zeros((), dtype=torch.float64)
    for place in PLACES:
        kernel, bias = vgg[f"features.{place}.weight"], vgg[f"features.{place}.bias"]
        both = F.conv2d(both, kernel.double(), bias.double(), padding=1).clamp_min(0)
        if place in TAKEN:
            unit = F.normalize(both, dim=1, eps=1e-10)
            weight = linear[f"lin{TAKEN.index(place)}.model.1.weight"].double().flatten()
            total += torch.einsum("c,chw->hw", weight, (unit[0] - unit[1]) ** 2).mean()
            both = F.max_pool2d(both, 2)
    return total


def test_it_is_the_distance_of_the_paper(files: tuple[Path, Path]) -> None:
    target, other = Target(face_like(1)), Target(face_like(2))
    found = Lpips(open_lpips(*files)).to(target, 64)(other.image(64)).item()
    assert found == pytest.approx(by_the_paper(other.image(64)[0], target.image(64)[0]).item())
    assert found > 0.05


def test_smaller_sizes_and_large_pictures_are_reduced(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    distance, target, other = Lpips(open_lpips(*files)), Target(face_like(1)), Target(face_like(2))
    small = by_the_paper(other.image(32)[0], target.image(32)[0]).item()
    assert distance.to(target, 32)(other.image(64)).item() == pytest.approx(small)
    monkeypatch.setattr(lpips, "LARGEST", 32)
    assert distance.to(target, 64)(other.image(64)).item() == pytest.approx(small)


def test_slopes_lead_to_the_target_also_where_all_is_grey(files: tuple[Path, Path]) -> None:
    net, target = open_lpips(*files), Target(face_like(1))
    distance = Lpips(net).to(target, 64)
    image = torch.zeros(1, 3, 64, 64, requires_grad=True)
    loss = distance(image)
    loss.backward()
    assert image.grad is not None and image.grad.isfinite().all()
    nearer = image.detach() - 0.05 * image.grad / image.grad.abs().max()
    assert distance(nearer).item() < loss.item()
    assert distance(target.image(64)).item() == pytest.approx(0, abs=1e-9)
    for layer in net.features.children():
        if isinstance(layer, torch.nn.Conv2d):
            layer.bias.fill_(-1e6)  # no feature anywhere
    dark = torch.zeros(1, 3, 64, 64, requires_grad=True)
    Lpips(net).to(target, 64)(dark).backward()
    assert dark.grad is not None and dark.grad.eq(0).all()


def test_what_does_not_count_does_not_matter(files: tuple[Path, Path]) -> None:
    picture, weight = face_like(1, 128), np.ones((128, 128), np.float32)
    other = picture.copy()
    other[:, 96:] = 255 - other[:, 96:]
    weight[:, 48:] = 0
    distance, shown = Lpips(open_lpips(*files)), Target(other).image(128)
    ignored = distance.to(Target(picture, weight), 128)(shown).item()
    assert ignored < 0.05 * distance.to(Target(picture), 128)(shown).item()


def test_distances_add_up(files: tuple[Path, Path]) -> None:
    one, target, shown = Lpips(open_lpips(*files)), Target(face_like(1)), Target(face_like(2))
    alone = one.to(target, 64)(shown.image(64))
    twice = Summed((one, one)).to(target, 64)(shown.image(64))
    assert twice.item() == pytest.approx(2 * alone.item())


@pytest.mark.parametrize("size", [16, 128])
def test_other_sizes_are_refused(files: tuple[Path, Path], size: int) -> None:
    with pytest.raises(InvalidRequestError, match=rf"32 to 64 px, not at {size}"):
        Lpips(open_lpips(*files)).to(Target(face_like(1)), size)


def test_files_given_the_wrong_way_round_are_refused(files: tuple[Path, Path]) -> None:
    with pytest.raises(WeightsError, match=r"vgg.pth is not torchvision's VGG-16 .* 0 layers"):
        open_lpips(files[1], files[0])
    with pytest.raises(WeightsError, match=r"not the linear weights .* no 'lin0.model.1.weight'"):
        open_lpips(files[0], files[0])


@pytest.mark.parametrize(
    ("spoilt", "complaint"),
    [
        ({"lin2.model.1.weight": torch.ones(1, 9, 1, 1)}, r"\[1, 9, 1, 1\], not \[1, 5, 1, 1\]"),
        ({"lin1.model.1.weight": torch.full((1, 4, 1, 1), torch.nan)}, "that are not finite"),
        ({"lin0.model.1.weight": torch.full((1, 3, 1, 1), -1.0)}, "weights below 0"),
        ({"lin0.model.1.weight": Call(os.getpid)}, "Nothing of it was run"),
    ],
)
def test_wrong_weights_are_refused(
    files: tuple[Path, Path], spoilt: dict[str, object], complaint: str
) -> None:
    torch.save(linear_weights() | spoilt, files[1])
    with pytest.raises((WeightsError, UnsafeCheckpointError), match=complaint):
        open_lpips(*files)


def test_a_vgg_of_other_widths_or_without_a_bias_is_refused(files: tuple[Path, Path]) -> None:
    weights = vgg_weights()
    del weights["features.5.bias"]
    torch.save(weights, files[0])
    with pytest.raises(WeightsError, match=r"it has no 'features.5.bias'"):
        open_lpips(*files)
    torch.save(vgg_weights() | {"features.0.weight": torch.zeros(64, 3, 3, 3)}, files[0])
    with pytest.raises(WeightsError, match=r"of \[64, 3, 3, 3\], not \[3, 3, 3, 3\]"):
        open_lpips(*files)


def test_files_written_by_python_2_are_read(files: tuple[Path, Path]) -> None:
    """The published linear weights are: texts are bytes, dictionaries are made of pairs."""
    pairs = [list(pair) for pair in linear_weights().items()]
    torch.save(Call(OrderedDict, pairs), files[1], _use_new_zipfile_serialization=False)
    texts = re.compile(rb"X(.)\x00\x00\x00(?=lin\d|storage|cpu|protocol)", re.DOTALL)
    files[1].write_bytes(texts.sub(rb"U\1", files[1].read_bytes()))
    assert b"U\x13lin0.model.1.weight" in files[1].read_bytes()
    read = open_lpips(*files).linear
    assert all(
        map(torch.equal, read, linear_weights().values())  # in the order of the blocks
    )


def test_a_missing_file_is_named(files: tuple[Path, Path]) -> None:
    with pytest.raises(WeightsError, match=r"none.pth cannot be read \(No such file"):
        open_lpips(files[0].with_name("none.pth"), files[1])


def test_the_published_network_is_expected() -> None:
    assert [channels for channels, _ in BLOCKS] == [64, 128, 256, 512, 512]
    assert sum(count for _, count in BLOCKS) == len(PLACES)
