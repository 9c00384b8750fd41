"""What a head is: feature maps of a generator in, one score a class and pixel out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from core.errors import InvalidRequestError

Features = Mapping[int, Tensor]  # resolution -> [N, C, resolution, resolution], float


class Head(nn.Module, ABC):
    """features -> logits [N, num_classes, size, size].

    resolutions: the feature maps it reads, ascending. reduces: whether training needs less
    than the maps hold.
    """

    reduces = False

    def __init__(self, channels: Mapping[int, int], num_classes: int, size: int) -> None:
        super().__init__()
        self.channels = dict(sorted(channels.items()))
        self.resolutions = tuple(self.channels)
        self.num_classes = num_classes
        self.size = size
        if not self.resolutions or size % self.resolutions[-1]:
            raise InvalidRequestError(
                f"Masks of {size} px cannot be made of feature maps of {list(self.resolutions)} "
                "px. Choose a multiple of the largest, or a generator with fitting maps."
            )

    @abstractmethod
    def forward(self, features: Features) -> Tensor: ...

    def fit_statistics(self, faces: Iterable[Features]) -> None:
        """Look once at the features of the training faces, before training.

        Heads that standardise keep mean and deviation of each channel; others do nothing.
        """

    def reduced(self, features: Features) -> Features:
        """What training needs of whole maps, [N, fewer channels, r, r]; here all of it."""
        return features

    def on_reduced(self, features: Features) -> Tensor:
        """What `forward` gives, from reduced whole maps."""
        return self(features)  # type: ignore[no-any-return]

    def with_uncertainty(self, features: Features) -> tuple[Tensor, Tensor]:
        """Logits, and uncertainty [N, size, size] in 0..1.

        Here one minus the margin between the two most probable classes.
        """
        logits = self(features)
        top = logits.softmax(1).topk(2, dim=1).values  # [N, 2, S, S]
        return logits, 1.0 - (top[:, 0] - top[:, 1])


class Standardised(nn.Module):
    """1x1 convolution of a map whose channels are first brought to mean 0, deviation 1.

    The statistics are folded into the weights in the forward pass: that costs nothing a pixel.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))  # 1 / deviation
        self.weight = nn.Parameter(torch.randn(width, channels) / channels**0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def folded(self, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Weight [width, channels] and bias [width] for the plain map.

        keep: factors [channels] on the standardised channels, for dropout.
        """
        scale = self.scale if keep is None else self.scale * keep
        weight = self.weight * scale
        return weight, self.bias - weight @ self.mean

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """[N, channels, h, w] -> [N, width, h, w]."""
        weight, bias = self.folded(keep)
        return pointwise(x, weight, bias)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """1x1 convolution, x [N, C, h, w] and weight [D, C] -> [N, D, h, w].

    As a matrix product over channels-last pixels: on a CPU that takes half the time and less.
    In a graph that is traced, as the convolution that compilers know.
    """
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return nn.functional.conv2d(x, weight[:, :, None, None], bias)
    pixels = x.permute(0, 2, 3, 1).contiguous()  # [N, h, w, C]
    return nn.functional.linear(pixels, weight, bias).permute(0, 3, 1, 2)


class ChannelStatistics:
    """Mean and deviation of the channels of one map over many faces."""

    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        """x: [N, C, h, w]. Summed in float32 a face, over the faces in float64."""
        variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
        number = x.numel() // x.shape[1]
        self.count += number
        self.total = self.total + number * mean.double()
        self.squares = self.squares + number * (variance.double() + mean.double().square())

    def store(self, into: Standardised) -> None:
        mean = torch.as_tensor(self.total) / self.count
        variance = (torch.as_tensor(self.squares) / self.count - mean.square()).clamp(min=0)
        deviation = variance.sqrt()
        floor = 1e-3 * float(deviation.mean()) + 1e-8  # a channel that hardly moves says nothing
        into.mean.copy_(mean)
        into.scale.copy_(1.0 / deviation.clamp(min=floor))


class Statistics(Protocol):
    """What is gathered of one map over many faces. count: of its pixels so far."""

    count: int

    def add(self, x: Tensor) -> None:
        """x: [N, C, h, w]."""


def gather(faces: Iterable[Features], statistics: Mapping[int, Statistics]) -> None:
    """Show every face's maps to the statistics of their resolution.

    Raises InvalidRequestError where there are no faces.
    """
    for features in faces:
        for resolution, each in statistics.items():
            each.add(features[resolution])
    if not all(each.count for each in statistics.values()):
        raise InvalidRequestError("There are no faces to learn from. Label some faces first.")


def fit_standardised(faces: Iterable[Features], layers: Mapping[int, list[Standardised]]) -> None:
    """Fill the statistics of the layers that read each resolution."""
    found = {resolution: ChannelStatistics() for resolution in layers}
    gather(faces, found)
    for resolution, statistics in found.items():
        for layer in layers[resolution]:
            statistics.store(layer)
