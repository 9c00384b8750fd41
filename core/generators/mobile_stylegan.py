"""MobileStyleGAN: StyleGAN2's W, wavelets instead of RGB skips, separable convolutions.

[Belousov 2021, arXiv:2104.04767]. At 1024 px it distils StyleGAN2-FFHQ config F and keeps
its mapping network. Demodulation does not depend on w here; it is folded into the stored
convolution weights, as are the equalised-learning-rate factors.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from core.generators.blending import Blend, BlendingSynthesis
from core.generators.generator import Generator, Mapping, Synthesized
from core.shapes import check_shape

SLOPE = 0.2  # of every leaky ReLU


@dataclass(frozen=True)
class MobileStyleGANConfig:
    """Shape of a MobileStyleGAN; the defaults are the FFHQ network's."""

    resolution: int = 1024  # of the image; the last feature map has half of it
    w_dim: int = 512  # of z and w alike
    mapping_layers: int = 8
    # channels of the feature maps at 4, 8, ... resolution / 2 px
    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON brings a list


class PlainMapping(Mapping):
    """Second-moment normalisation, then fully connected layers with a sqrt(2) gain."""

    def __init__(self, w_dim: int, num_layers: int) -> None:
        super().__init__()
        self.z_dim = self.w_dim = w_dim
        self.c_dim = 0
        self.layers = nn.ModuleList(nn.Linear(w_dim, w_dim) for _ in range(num_layers))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        check_shape(z, [None, self.z_dim], "z")
        w = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE) * math.sqrt(2)
        return w


class Convolution(nn.Module):
    """Scale the input channels by style(w), convolve, add noise and bias, leaky ReLU.

    Separable (depthwise 3x3, pointwise 1x1) but for the first, a full 3x3.
    """

    def __init__(self, w_dim: int, in_channels: int, channels: int, *, separable: bool) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, in_channels)
        if separable:
            self.depthwise: nn.Module = nn.Conv2d(
                in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False
            )
            self.mix = nn.Conv2d(in_channels, channels, 1)
        else:
            self.depthwise = nn.Identity()
            self.mix = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.noise_strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x = x * self.style(w)[:, :, None, None]  # [N, C, h, w]
        x = self.mix(self.depthwise(x))
        if noise is not None:
            x = x + noise * self.noise_strength
        return F.leaky_relu(x, SLOPE)


def inverse_haar(x: Tensor) -> Tensor:
    """Wavelet coefficients [N, 4c, h, w] -> samples [N, c, 2h, 2w].

    Channels: c low-pass ones, then c each of lh, hl, hh. Written as sums of whole channel
    blocks and one interleaving: compiled, that is several times cheaper than the four
    transposed convolutions it equals, and than any order that strides over channels.
    """
    count, channels, height, width = x.shape
    low, lh, hl, hh = (0.5 * x).split(channels // 4, dim=1)
    top, bottom = low + lh, low - lh
    top_slope, bottom_slope = hl + hh, hl - hh
    corners = torch.cat(
        [top + top_slope, top - top_slope, bottom + bottom_slope, bottom - bottom_slope], dim=1
    )
    spread = corners.reshape(count, 2, 2, channels // 4, height, width)  # [N, y, x, c, h, w]
    spread = spread.permute(0, 3, 4, 1, 5, 2)  # [N, c, h, y, w, x]
    return spread.reshape(count, channels // 4, 2 * height, 2 * width)


class Block(nn.Module):
    """Double the size by an inverse wavelet transform, then two separable convolutions."""

    def __init__(self, w_dim: int, in_channels: int, channels: int) -> None:
        super().__init__()
        self.up_style = nn.Linear(w_dim, in_channels)
        self.conv1 = Convolution(w_dim, in_channels // 4, channels, separable=True)
        self.conv2 = Convolution(w_dim, channels, channels, separable=True)

    def forward(
        self, x: Tensor, w1: Tensor, w2: Tensor, noise: tuple[Tensor | None, Tensor | None]
    ) -> Tensor:
        """x [N, in_channels, h, w] -> [N, channels, 2h, 2w]. w1 steers up and conv1, w2 conv2."""
        x = inverse_haar(x * self.up_style(w1)[:, :, None, None])
        return self.conv2(self.conv1(x, w1, noise[0]), w2, noise[1])  # type: ignore[no-any-return]


class ToImage(nn.Module):
    """Feature map -> RGB at twice its size; the wavelet transform is folded into the weights."""

    def __init__(self, w_dim: int, channels: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.mix = nn.Conv2d(channels, 12, 1)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.mix(x * self.style(w)[:, :, None, None])  # [N, 12, h, w]
        return F.pixel_shuffle(x, 2)  # [N, 3, 2h, 2w]

    def mean_mix(self) -> tuple[Tensor, Tensor]:
        """Weight [3, channels, 1, 1] and bias [3] that give the mean of each 2 x 2 pixels.

        Exactly the area-downsampled image, before clamping, without making the image.
        """
        weight = self.mix.weight.unflatten(0, (3, 4)).mean(dim=1)
        return weight, self.get_parameter("mix.bias").unflatten(0, (3, 4)).mean(dim=1)


class MobileSynthesis(BlendingSynthesis):
    """ws [N, 2 * blocks + 2, w_dim] -> image; layers: first conv, two a block, to-image."""

    def __init__(self, config: MobileStyleGANConfig) -> None:
        super().__init__()
        channels, w_dim = config.channels, config.w_dim
        sizes = [4 * 2**index for index in range(len(channels))]
        assert sizes[-1] * 2 == config.resolution
        self.resolution, self.w_dim = config.resolution, w_dim
        self.num_ws = 2 * len(channels)
        convolved = [sizes[0]] + [size for size in sizes[1:] for _ in range(2)]
        self.noise_resolutions = tuple(convolved)
        self.layer_resolutions = (*convolved, config.resolution)
        self.feature_channels = dict(zip(sizes, channels, strict=True))

        self.constant = nn.Parameter(torch.randn(1, channels[0], 4, 4))
        self.first = Convolution(w_dim, channels[0], channels[0], separable=False)
        self.blocks = nn.ModuleList(
            Block(w_dim, before, after) for before, after in itertools.pairwise(channels)
        )
        self.to_image = ToImage(w_dim, channels[-1])
        for index, size in enumerate(convolved):
            self.register_buffer(f"baked_{index}", torch.zeros(1, 1, size, size))

    def baked_noise(self) -> list[Tensor]:
        return [self.get_buffer(f"baked_{index}") for index in range(len(self.noise_resolutions))]

    def style_weights(self) -> list[Tensor]:
        found = [self.first.style.weight]
        for block in self.blocks:
            assert isinstance(block, Block)
            found.append(torch.cat([block.up_style.weight, block.conv1.style.weight]))
            found.append(block.conv2.style.weight)
        return [*found, self.to_image.style.weight]

    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
        blend: Blend | None = None,
    ) -> Synthesized:
        check_shape(ws, [None, self.num_ws, self.w_dim], "ws")
        w = ws.unbind(dim=1)
        n: Sequence[Tensor | None] = noise if noise is not None else [None] * len(w)
        x = self.first(self.constant.expand(len(ws), -1, -1, -1), w[0], n[0])
        x = blend(x) if blend else x
        found = {4: x} if 4 in features else {}
        last = self.resolution // 2 if with_image else max(features, default=4)
        for index, block in enumerate(self.blocks):
            size = 8 * 2**index
            if size > last:
                break
            first = 2 * index + 1  # of this block's two layers
            x = block(x, w[first], w[first + 1], (n[first], n[first + 1]))
            x = blend(x) if blend else x
            if size in features:
                found[size] = x
        if not with_image:
            return Synthesized(None, found)
        image = self.to_image(x, w[-1])
        return Synthesized(blend(image) if blend else image, found)


def build_mobile_stylegan(config: MobileStyleGANConfig) -> Generator:
    """An untrained network of that shape (random weights)."""
    mapping = PlainMapping(config.w_dim, config.mapping_layers)
    return Generator(mapping, MobileSynthesis(config))
