"""How different two pictures of faces look: a sum of differences with slopes, without downloads.

Layers of a network that has seen faces, compared as LPIPS compares those of VGG [Zhang et al.
2018, arXiv:1801.03924] but without learned weights; edges at several sizes; structural similarity
[Wang et al. 2004]; colours. The network is dlib's for ages (core/attributes/nets.py). The
embedding that judges identity is never among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from core.attributes.nets import AgeNet, open_age_net
from core.errors import InvalidRequestError
from core.images import downsample
from core.inversion.target import Target

Loss = Callable[[Tensor], Tensor]  # image [1, 3, R, R] in [-1, 1] -> []

LEAST = 32  # px of the smallest pictures that can be compared


class Distance(Protocol):
    """What tells how different two pictures look."""

    def to(self, target: Target, size: int) -> Loss:
        """The distance of images [1, 3, S, S], S at least `size`, from a target seen at `size`
        px. Raises InvalidRequestError for a size below LEAST or above the target's."""


@dataclass(frozen=True)
class PerceptualConfig:
    """How much each difference weighs, and at which sizes it is looked for, px.

    largest: larger pictures are reduced to it.
    """

    features: float = 1.0
    feature_sizes: tuple[int, ...] = (64, 128, 256)
    structure: float = 1.0
    edges: float = 2.0
    pixels: float = 20.0
    colours: float = 8.0
    colour_size: int = 32
    largest: int = 512


class Perceptual:
    """The distance itself; holds the network, on the device of its weights."""

    def __init__(
        self, config: PerceptualConfig | None = None, age_net: AgeNet | None = None
    ) -> None:
        self.config = config or PerceptualConfig()
        self._net = age_net or open_age_net()

    def to(self, target: Target, size: int) -> Loss:
        """The distance of images [1, 3, S, S], S at least `size`, from a target seen at `size` px.

        What can be known of the target is computed once. Raises InvalidRequestError for a size
        below LEAST or above the target's.
        """
        check_size(target, size)
        device = next(self._net.parameters()).device
        scales = []
        seen = min(size, self.config.largest)
        while seen >= LEAST:
            image, weight = target.image(seen).to(device), target.weights(seen).to(device)
            scales.append(_Scale(image, weight))
            seen //= 2
        looks = []
        for side in self.config.feature_sizes:
            if side <= size:
                maps = self._maps(target.image(side).to(device))
                weight = target.weights(side).to(device)
                looks.append((side, [(_unit(x), fitted(weight, x)) for x in maps]))
        return _Distance(self.config, self._maps, scales, looks)

    def _maps(self, image: Tensor) -> list[Tensor]:
        return self._net.maps((image + 1) * 127.5)


@dataclass(frozen=True, eq=False)
class _Scale:
    """A target at one size: image [1, 3, s, s], weight [1, 1, s, s]."""

    image: Tensor
    weight: Tensor


@dataclass(frozen=True, eq=False)
class _Distance:
    """looks: size, and for each layer its unit features and weights."""

    config: PerceptualConfig
    maps: Callable[[Tensor], list[Tensor]]
    scales: list[_Scale]
    looks: list[tuple[int, list[tuple[Tensor, Tensor]]]]

    def __call__(self, image: Tensor) -> Tensor:
        config = self.config
        total = image.new_zeros(())
        shown = downsample(image, self.scales[0].image.shape[-1])
        for size, known in self.looks:
            for x, (y, weight) in zip(self.maps(downsample(shown, size)), known, strict=True):
                apart = (_unit(x) - y).square().sum(1, keepdim=True)
                total = total + config.features / len(self.looks) * weighted_mean(apart, weight)
        for scale in self.scales:
            share = 1 / len(self.scales)
            shown = downsample(shown, scale.image.shape[-1])
            total = total + share * config.structure * _unlike(shown, scale)
            total = total + share * config.edges * _edges(shown - scale.image, scale.weight)
            total = total + share * config.pixels * weighted_mean(
                (shown - scale.image).square(), scale.weight
            )
        last = self.scales[-1]
        return total + config.colours * weighted_mean((shown - last.image).abs(), last.weight)


def _unit(x: Tensor) -> Tensor:
    """Each place's channels as a vector of length 1."""
    return x * torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-6)


def check_size(target: Target, size: int) -> None:
    if not LEAST <= size <= target.size:
        raise InvalidRequestError(
            f"Pictures are compared at {LEAST} to {target.size} px, not at {size}."
        )


def fitted(weight: Tensor, x: Tensor) -> Tensor:
    """Weights of places [1, 1, S, S] at the size of x [..., H, W]."""
    return F.interpolate(weight, size=x.shape[-2:], mode="bilinear", antialias=True)


def weighted_mean(x: Tensor, weight: Tensor) -> Tensor:
    """Of the places of x, which count as the weights say."""
    return (x * weight).mean()


def _edges(difference: Tensor, weight: Tensor) -> Tensor:
    """Mean of how much the steps from px to px differ."""
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs()
    right = (difference[..., 1:] - difference[..., :-1]).abs()
    return weighted_mean(down, weight[..., 1:, :]) + weighted_mean(right, weight[..., 1:])


def _unlike(x: Tensor, scale: _Scale) -> Tensor:
    """1 - SSIM of the brightness, over windows of 7 px."""
    return weighted_mean(
        1 - ssim_map(x.mean(1, keepdim=True), scale.image.mean(1, keepdim=True)), scale.weight
    )


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity of two images [N, C, H, W] in [-1, 1] at each place, the same shape."""
    small, smaller = (0.01 * 2) ** 2, (0.03 * 2) ** 2

    def blurred(image: Tensor) -> Tensor:
        return F.avg_pool2d(image, 7, 1, 3, count_include_pad=False)

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    both = blurred(x * y) - mean_x * mean_y
    top = (2 * mean_x * mean_y + small) * (2 * both + smaller)
    result: Tensor = top / ((mean_x**2 + mean_y**2 + small) * (var_x + var_y + smaller))
    return result
