"""The thesis's age estimator: DEX, a VGG-16 with one class a year [Rothe et al. 2018, IJCV 126].

Its weights are not in any package; whoever has a PyTorch checkpoint of them can load it here. It
answers the same question as the networks of `nets.py`, so it can stand in for their age.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from core.attributes.faces import FoundFace
from core.errors import WeightsError
from core.generators.stored_tensors import StoredTensor
from core.generators.torch_files import read_torch_file

AGES = 101  # classes: 0 to 100 years
CHIP = 224  # px
MARGIN = 0.4  # of the face's box, on each side [section 4.1]
MEANS = (103.939, 116.779, 123.68)  # BGR, of 0 to 255: VGG-16's own
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions
WIDE = 4096
LARGEST = 2**30  # bytes of a checkpoint; VGG-16 has 540 MB


class DexNet(nn.Module):
    """Faces [N, 3, 224, 224], RGB in 0 to 255 -> logits [N, 101] of the ages 0 to 100."""

    years_of: Tensor

    def __init__(self, blocks: tuple[tuple[int, int], ...] = BLOCKS, wide: int = WIDE) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        before = 3
        for block, (channels, count) in enumerate(blocks, 1):
            for index in range(1, count + 1):
                layers[f"conv{block}_{index}"] = nn.Conv2d(before, channels, 3, padding=1)
                layers[f"relu{block}_{index}"] = nn.ReLU()
                before = channels
            layers[f"pool{block}"] = nn.MaxPool2d(2)
        self.features = nn.Sequential(layers)
        side = CHIP // 2 ** len(blocks)
        self.fc6 = nn.Linear(before * side * side, wide)
        self.fc7 = nn.Linear(wide, wide)
        self.fc8 = nn.Linear(wide, AGES)
        self.register_buffer("years_of", torch.arange(AGES, dtype=torch.float32), persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        x = chips.flip(1) - chips.new_tensor(MEANS)[:, None, None]  # BGR
        x = self.features(x).flatten(1)
        x = torch.relu(self.fc7(torch.relu(self.fc6(x))))
        return self.fc8(x)  # type: ignore[no-any-return]

    def years(self, chips: Tensor) -> Tensor:
        """Expected age [N] under the softmax [section 3.3]."""
        return self.forward(chips).softmax(1) @ self.years_of


def open_dex(path: Path) -> DexNet:
    """A checkpoint (.pt, .pth) with caffe's names (conv1_1 ... fc8) or torchvision's.

    No code in it is run. Raises WeightsError for anything that is not such a network.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise WeightsError(f"{path} is larger than a VGG-16 can be. Give a DEX checkpoint.")
        content = read_torch_file(path.read_bytes(), path.name)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).") from error
    net = DexNet()
    weights = _tensors(content, path)
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    if len(weights) != len(layers):
        raise _no_dex(path, f"{len(weights)} layers with weights, not {len(layers)}")
    with torch.no_grad():
        for layer, (name, weight, bias) in zip(layers, weights, strict=True):
            assert layer.bias is not None
            if weight.shape != layer.weight.shape or bias.shape != layer.bias.shape:
                raise _no_dex(
                    path, f"'{name}' is {list(weight.shape)}, not {list(layer.weight.shape)}"
                )
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return net.eval().requires_grad_(False)


def dex_crop(picture: NDArray[np.uint8], face: FoundFace, size: int = CHIP) -> NDArray[np.uint8]:
    """The face with a margin of 40 %, uint8 [size, size, 3]; beyond the picture its border goes on
    [section 4.1]."""
    left, top, right, bottom = face.box
    width, height = right - left + 1, bottom - top + 1
    rows = np.clip(_span(top, height), 0, picture.shape[0] - 1)
    columns = np.clip(_span(left, width), 0, picture.shape[1] - 1)
    cut = np.ascontiguousarray(picture[rows[:, None], columns])
    return np.asarray(Image.fromarray(cut).resize((size, size), Image.Resampling.BILINEAR))


def _span(start: int, length: int) -> NDArray[np.int64]:
    margin = round(MARGIN * length)
    return np.arange(start - margin, start + length + margin)


def _tensors(content: object, path: Path) -> list[tuple[str, Tensor, Tensor]]:
    """name, weight and bias of each layer, in the file's order: that of the network."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise _no_dex(path, "no tensors by name")
    stored: dict[str, Any] = {
        str(name): value for name, value in content.items() if isinstance(value, StoredTensor)
    }
    found = []
    for name, weight in stored.items():
        if name.endswith(".weight"):
            bias = stored.get(name.removesuffix("weight") + "bias")
            if bias is None:
                raise _no_dex(path, f"'{name}' has no bias")
            found.append((name, weight.tensor().float(), bias.tensor().float()))
    return found


def _no_dex(path: Path, why: str) -> WeightsError:
    return WeightsError(f"{path} is no VGG-16 with {AGES} ages: it has {why}.")
