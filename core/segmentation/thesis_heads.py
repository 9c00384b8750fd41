"""The heads of the thesis this project builds on (Florea 2023), as far as it describes them.

config-1: from coarse to fine, a convolution of each feature map is added to the running map,
which is doubled by a transposed convolution. config-2a, 2b, 2c: one, two or three convolutions
on each map at its own size, bilinear upsampling of all of them, concatenation, batch norm,
last convolution. The thesis gives no widths: 64 channels a map are ours, as are the 3 x 3
kernels, the 4 x 4 transposed ones and the last convolution of 1 x 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.head import Features, Head

WIDTH = 64


class UpsamplingBranch(Head):
    """config-1."""

    def __init__(
        self, channels: Mapping[int, int], num_classes: int, size: int, *, width: int = WIDTH
    ) -> None:
        super().__init__({r: c for r, c in channels.items() if r <= size}, num_classes, size)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(count, width, 3, padding=1) for count in self.channels.values()
        )
        doublings = (size // self.resolutions[0]).bit_length() - 1
        self.upsamplings = nn.ModuleList(
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1) for _ in range(doublings)
        )
        self.classify = nn.Conv2d(width, num_classes, 1)

    def forward(self, features: Features) -> Tensor:
        maps = dict(zip(self.resolutions, self.convolutions, strict=True))
        x = F.relu(maps[self.resolutions[0]](features[self.resolutions[0]]))
        for upsample in self.upsamplings:
            x = F.relu(upsample(x))
            if convolve := maps.get(x.shape[-1]):
                x = x + F.relu(convolve(features[x.shape[-1]]))
        return self.classify(x)  # type: ignore[no-any-return]


class ConvolvedMaps(Head):
    """config-2a, 2b and 2c: `depth` convolutions a map."""

    def __init__(
        self,
        channels: Mapping[int, int],
        num_classes: int,
        size: int,
        *,
        depth: int,
        width: int = WIDTH,
    ) -> None:
        super().__init__({r: c for r, c in channels.items() if r <= size}, num_classes, size)
        self.branches = nn.ModuleList(
            _convolutions(count, width, depth) for count in self.channels.values()
        )
        self.normalise = nn.BatchNorm2d(width * len(self.resolutions))
        self.classify = nn.Conv2d(width * len(self.resolutions), num_classes, 1)

    def forward(self, features: Features) -> Tensor:
        maps = [
            F.interpolate(branch(features[resolution]), (self.size, self.size), mode="bilinear")
            for resolution, branch in zip(self.resolutions, self.branches, strict=True)
        ]
        return self.classify(self.normalise(torch.cat(maps, 1)))  # type: ignore[no-any-return]


def _convolutions(channels: int, width: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(depth):
        layers += [nn.Conv2d(width if index else channels, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)
