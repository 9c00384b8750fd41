"""The heads of the thesis this project builds on (Florea 2023), as far as it describes them.

config-1: from coarse to fine, a convolution of each feature map is added to the running map,
which is doubled by a transposed convolution. config-2a, 2b, 2c: one, two or three convolutions
on each map at its own size, bilinear upsampling of all of them, concatenation, batch norm,
last convolution. The thesis gives no widths: 64 channels a map are ours, as are the 3 x 3
kernels, the 4 x 4 transposed ones and the last convolution of 1 x 1.

In config-2 the upsampled maps are never made: bilinear upsampling U is linear and its weights add
to 1, so batch norm and the last convolution give the same before it, on maps of their own size.
Only the moments of the upsampled maps are needed, and they are told from the small ones:
mean((U y U^T)^2) = sum(y * (G y G)) / pixels with G = U^T U.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.head import Features, Head

WIDTH = 64
MOMENTUM = 0.1  # of the running moments; batch norm's own


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
            _whole_digits(branch(features[resolution]))
            for resolution, branch in zip(self.resolutions, self.branches, strict=True)
        ]
        with torch.autocast(maps[0].device.type, enabled=False):  # moments need all their digits
            return self._joined(maps)

    def _joined(self, maps: list[Tensor]) -> Tensor:
        mean, variance = self._moments(maps)
        scale = self.normalise.weight * (variance + self.normalise.eps).rsqrt()
        weight = self.classify.weight * scale[:, None, None]  # [C, W * maps, 1, 1]
        shift = self.classify((self.normalise.bias - mean * scale)[None, :, None, None])
        parts = weight.split([part.shape[1] for part in maps], 1)
        size = (self.size, self.size)
        return shift + sum(  # type: ignore[no-any-return]
            F.interpolate(F.conv2d(part, weights), size, mode="bilinear")
            for part, weights in zip(maps, parts, strict=True)
        )

    def _moments(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and variance of each channel of the upsampled maps, as batch norm takes them."""
        running: dict[str, Tensor] = dict(self.normalise.named_buffers())
        if not self.training:
            return running["running_mean"], running["running_var"]
        moments = [_upsampled_moments(part, self.size) for part in maps]
        mean, variance = (torch.cat(each) for each in zip(*moments, strict=True))
        count = maps[0].shape[0] * self.size**2
        with torch.no_grad():
            running["running_mean"].lerp_(mean, MOMENTUM)
            running["running_var"].lerp_(variance * (count / (count - 1)), MOMENTUM)
            running["num_batches_tracked"] += 1
        return mean, variance


def _whole_digits(x: Tensor) -> Tensor:
    """In f32 where it is of lower precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _upsampled_moments(part: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Of [B, C, r, r] upsampled to size x size: mean [C] and biased variance [C]."""
    count = part.shape[0] * size**2
    if part.shape[-1] == size:
        variance, mean = torch.var_mean(part, (0, 2, 3), correction=0)
        return mean, variance
    unit = torch.eye(part.shape[-1], dtype=part.dtype, device=part.device)
    up = F.interpolate(unit[None], size, mode="linear")[0]  # [r, size], U^T
    share = up.sum(1)
    mean = ((part @ share) @ share).sum(0) / count
    centred = part - mean[:, None, None]
    gram = up @ up.T
    return mean, (centred * (gram @ centred @ gram)).sum((0, 2, 3)) / count


def _convolutions(channels: int, width: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(depth):
        layers += [nn.Conv2d(width if index else channels, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)
