"""From a photo to w+ in one pass: a small residual network with one head for each group of layers.

After pSp and e4e [Richardson et al. 2021, arXiv:2008.00951; Tov et al. 2021, arXiv:2102.02766],
but small enough for a CPU, and learned from generated faces alone, whose w+ are known.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators import Identity
from core.images import downsample, to_float


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the network. size: px of the pictures it reads. widths: channels at size/4,
    size/8, ... blocks: residual blocks at each. groups: of layers that get one w each.
    """

    size: int
    widths: tuple[int, ...]
    blocks: int
    hidden: int
    groups: tuple[tuple[int, ...], ...]
    w_dim: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON brings lists
        object.__setattr__(self, "groups", tuple(tuple(group) for group in self.groups))
        layers = sorted(layer for group in self.groups for layer in group)
        if layers != list(range(len(layers))):
            raise InvalidRequestError("Each layer must be in one group, from 0 on.")
        if not self.widths or self.size % self.shrinks:
            raise InvalidRequestError(
                f"size {self.size} must be a multiple of {self.shrinks} with {len(self.widths)} "
                "widths: each but the first halves the map, the first quarters it."
            )

    @property
    def shrinks(self) -> int:
        """Times that the last map is smaller than the picture."""
        return 2 << len(self.widths)

    @property
    def num_ws(self) -> int:
        return sum(map(len, self.groups))


def groups_of(layer_resolutions: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Layers of two neighbouring resolutions share a w: 4 and 8 px, 16 and 32 px, ..."""
    sizes = sorted(set(layer_resolutions))
    group_of = {size: place // 2 for place, size in enumerate(sizes)}
    found: list[list[int]] = [[] for _ in range(max(group_of.values()) + 1)]
    for layer, size in enumerate(layer_resolutions):
        found[group_of[size]].append(layer)
    return tuple(map(tuple, found))


class Residual(nn.Module):
    """Two 3x3 convolutions around which the input goes, too; stride 2 halves the map."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.short = (
            nn.Conv2d(in_channels, channels, 1, bias=False)
            if stride > 1 or in_channels != channels
            else None
        )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        if self.stride > 1:
            x = F.avg_pool2d(x, self.stride)
        return F.relu(y + (x if self.short is None else self.short(x)))


class EncoderNetwork(nn.Module):
    """Pictures [N, 3, S, S] in [-1, 1] -> ws [N, L, D]."""

    mean_w: Tensor
    scale: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = nn.Conv2d(3, widths[0], 8, 4, padding=2)
        blocks: list[nn.Module] = []
        for before, width in itertools.pairwise(widths):
            blocks.append(Residual(before, width, 2))
            blocks += [Residual(width, width, 1) for _ in range(config.blocks - 1)]
        self.blocks = nn.Sequential(*blocks)
        last = config.size // config.shrinks
        self.gather = nn.Conv2d(widths[-1], 2 * widths[-1], last, groups=widths[-1])
        self.hidden = nn.Linear(2 * widths[-1], config.hidden)
        self.heads = nn.ModuleList(nn.Linear(config.hidden, config.w_dim) for _ in config.groups)
        self.register_buffer("mean_w", torch.zeros(config.w_dim))
        self.register_buffer("scale", torch.ones(config.w_dim))
        places = torch.empty(config.num_ws, dtype=torch.long)
        for place, group in enumerate(config.groups):
            places[list(group)] = place
        self.register_buffer("places", places, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.spread(self.mean_w + self.scale * self.standard(pictures))

    def standard(self, pictures: Tensor) -> Tensor:
        """[N, groups, D] in standard deviations of w from its mean."""
        x = self.blocks(F.relu(self.stem(pictures)))
        x = F.relu(self.hidden(F.relu(self.gather(x)).flatten(1)))
        return torch.stack([head(x) for head in self.heads], 1)

    def spread(self, grouped: Tensor) -> Tensor:
        """[N, groups, D] -> [N, L, D]."""
        return grouped[:, self.get_buffer("places")]


class PhotoEncoder:
    """A trained network and the generator whose w+ it tells. Safe to use from threads."""

    def __init__(self, network: EncoderNetwork, generator: Identity) -> None:
        self.network = network.eval().requires_grad_(False)
        self.generator = generator

    def encode(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """An aligned face uint8 [R, R, 3], R at least the network's size -> ws float32 [L, D].

        Raises InvalidRequestError for another shape.
        """
        size = self.network.config.size
        shape = picture.shape
        if len(shape) != 3 or shape[2] != 3 or shape[0] != shape[1] or shape[0] < size:
            raise InvalidRequestError(
                f"An aligned face is a square RGB picture of at least {size} px, got "
                f"{' x '.join(map(str, shape))}."
            )
        with torch.inference_mode():
            small = downsample(to_float(torch.tensor(picture)[None]), size)
            ws: NDArray[np.float32] = self.network(small)[0].numpy()
        return ws
