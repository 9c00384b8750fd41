"""A 1x1 convolution that learns on the leading principal components of its feature map.

Neighbouring channels of a generator say much of the same: 24 of 64 directions hold 90 % of what
the channels of the 512 px map do. Whole maps are reduced to these once before a training; what
runs later on plain maps is one convolution, with the directions folded into its weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from core.segmentation.head import Features, gather, pointwise

FLOOR = 1e-3  # of the mean deviation: channels that hardly move are not blown up
_SIDE = 64  # px: of larger maps a grid of this many pixels a side stands for all


class Principal(nn.Module):
    """Maps [N, channels, h, w] -> [N, width, h, w] by way of `components` directions.

    Until the statistics are fitted the components are the first channels.
    """

    mean: Tensor
    directions: Tensor

    def __init__(self, channels: int, components: int, width: int) -> None:
        super().__init__()
        components = min(components, channels)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("directions", torch.eye(components, channels))
        self.weight = nn.Parameter(torch.randn(width, components) / components**0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """x: a plain map."""
        weight = self.weight @ self.directions
        return pointwise(x, weight, self.bias - weight @ self.mean)

    def reduced(self, x: Tensor) -> Tensor:
        """[N, channels, h, w] -> [N, components, h, w]: what `on_reduced` takes."""
        return pointwise(x, self.directions, -(self.directions @ self.mean))

    def on_reduced(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """keep: factors [components], for dropout."""
        return pointwise(x, self.weight if keep is None else self.weight * keep, self.bias)


class Covariance:
    """Mean and covariance of the channels of one map over many faces, in float64."""

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.total = torch.zeros(channels, dtype=torch.float64)
        self.products = torch.zeros(channels, channels, dtype=torch.float64)

    def add(self, x: Tensor) -> None:
        """x: [N, C, h, w]."""
        step = max(1, x.shape[-1] // _SIDE)
        pixels = x[:, :, ::step, ::step].permute(0, 2, 3, 1).reshape(-1, x.shape[1]).cpu().double()
        self.count += len(pixels)
        self.total += pixels.sum(0)
        self.products += pixels.T @ pixels

    def store(self, into: Principal) -> None:
        """Principal directions of the standardised channels, the leading ones first."""
        mean = self.total / self.count
        covariance = self.products / self.count - mean[:, None] * mean[None]
        deviation = covariance.diagonal().clamp(min=0).sqrt()
        deviation = deviation.clamp(min=FLOOR * float(deviation.mean()) + 1e-8)
        found = torch.linalg.eigh(covariance / deviation[:, None] / deviation[None]).eigenvectors
        leading = found.flip(1)[:, : len(into.directions)].T  # [components, C]
        into.mean.copy_(mean)
        into.directions.copy_(leading / deviation[None])


def fit_principal(faces: Iterable[Features], layers: Mapping[int, Principal]) -> None:
    """Fill the statistics of the layer that reads each resolution."""
    found = {r: Covariance(len(layer.mean)) for r, layer in layers.items()}
    gather(faces, found)
    for resolution, covariance in found.items():
        covariance.store(layers[resolution])
