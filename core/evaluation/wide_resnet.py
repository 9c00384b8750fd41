"""A wide residual network [Zagoruyko & Komodakis 2016, arXiv:1605.07146] for age and gender.

The weights that ship for it are those of yu4u/age-gender-estimation, release 0.5, trained on the
photographs of IMDB-WIKI [Rothe et al. 2018, IJCV 126].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import WeightsError
from core.generators.checkpoint import check_fits, load_exactly, read_weights

ARCHITECTURE = "wide_resnet"
EPSILON = 1e-3  # of Keras's batch normalisation
POOL = 8  # px
STEM = 16  # channels


@dataclasses.dataclass(frozen=True)
class WideResNetConfig:
    """Depth 16: three stages of two blocks."""

    widen: int = 8  # times 16, 32 and 64 channels
    size: int = 64  # px of a face, a multiple of 4
    ages: int = 101  # classes: 0 to 100 years


class WideResNet(nn.Module):
    """Faces with a margin [N, 3, S, S], RGB in 0 to 255 -> logits [N, 2] of female, male and
    [N, 101] of the ages 0 to 100."""

    years_of: Tensor
    covered: Tensor

    def __init__(self, config: WideResNetConfig) -> None:
        super().__init__()
        self.size = config.size
        widths = [STEM, *(STEM * config.widen * 2**stage for stage in range(3))]
        self.stem = nn.Conv2d(3, STEM, 3, padding=1, bias=False)
        blocks = []
        for stage, (before, after) in enumerate(pairwise(widths)):
            blocks += [Block(before, after, 1 if stage == 0 else 2), Block(after, after, 1)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.BatchNorm2d(widths[-1], eps=EPSILON)
        side = config.size // 4
        self.gender = nn.Linear(widths[-1] * side * side, 2, bias=False)
        self.age = nn.Linear(widths[-1] * side * side, config.ages, bias=False)
        years = torch.arange(config.ages, dtype=torch.float32)
        self.register_buffer("years_of", years, persistent=False)
        covered = _pooled(torch.ones(1, 1, side, side))  # share of a window inside the picture
        self.register_buffer("covered", covered, persistent=False)

    def forward(self, chips: Tensor) -> tuple[Tensor, Tensor]:
        x = self.maps(chips)[-1]
        x = _pooled(F.relu(self.norm(x))) / self.covered  # TensorFlow leaves the padding out
        x = x.permute(0, 2, 3, 1).flatten(1)  # [N, S/4 * S/4 * C], as Keras flattens
        return self.gender(x), self.age(x)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """What each block makes of pictures [N, 3, H, W] of any size, RGB in 0 to 255."""
        x, found = self.stem(pictures.flip(1)), []  # BGR, as it was trained
        for block in self.blocks:
            x = block(x)
            found.append(x)
        return found

    def years_and_male(self, chips: Tensor) -> tuple[Tensor, Tensor]:
        """Expected age [N], in years, and probability [N] of male."""
        gender, age = self.forward(chips)
        return age.softmax(1) @ self.years_of, gender.softmax(1)[:, 1]


class Block(nn.Module):
    """Normalisation before each of two convolutions, [N, before, h, w] -> [N, after, h', w']."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before, eps=EPSILON)
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, bias=False)
        self.norm2 = nn.BatchNorm2d(after, eps=EPSILON)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.shortcut = (
            None if before == after else nn.Conv2d(before, after, 1, stride=stride, bias=False)
        )
        # TensorFlow's 'same' adds the odd row and column after the picture
        self.padding = (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(x))
        short = x if self.shortcut is None else self.shortcut(y)
        y = F.relu(self.norm2(self.conv1(F.pad(y, self.padding))))
        return self.conv2(y) + short  # type: ignore[no-any-return]


def open_wide_resnet(path: Path) -> WideResNet:
    """Of a file that `convert_wide_resnet` wrote, in evaluation mode. Raises WeightsError for any
    other."""
    header, tensors = read_weights(path)
    config = _config_of(header, path)
    with torch.device("meta"):  # without memory: a header may claim more than the file holds
        check_fits(WideResNet(config), tensors, str(path))
    net = WideResNet(config)
    load_exactly(net, tensors, str(path))
    return net.eval().requires_grad_(False)


def _config_of(header: Mapping[str, Any], path: Path) -> WideResNetConfig:
    if header.get("architecture") != ARCHITECTURE:
        raise WeightsError(f"{path} holds a '{header.get('architecture')}', no {ARCHITECTURE}.")
    try:
        config = WideResNetConfig(**header["config"])
    except TypeError as error:
        raise WeightsError(f"{path} has a wrong configuration: {error}.") from error
    values = dataclasses.astuple(config)
    if not all(type(value) is int and 1 <= value <= 1024 for value in values) or config.size % 4:
        raise WeightsError(f"{path} has a configuration that cannot be: {config}.")
    return config


def _pooled(x: Tensor) -> Tensor:
    """Means over 8 x 8 px at each px, [N, C, h, w] -> the same; beyond the edge there is 0."""
    before = (POOL - 1) // 2
    after = POOL - 1 - before
    return F.avg_pool2d(F.pad(x, (before, after, before, after)), POOL, 1)
