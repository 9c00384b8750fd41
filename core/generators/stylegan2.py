"""StyleGAN2: weight demodulation, RGB skips, FIR-filtered upsampling.

[Karras et al. 2020, arXiv:1912.04958; class conditioning as in arXiv:2006.06676]. Of its
variants only the generator with RGB skips is built.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators.blending import Blend, BlendingSynthesis
from core.generators.generator import Generator, Mapping, Synthesized, check_request
from core.generators.stylegan2_layers import (
    GAIN,
    SLOPE,
    Convolution,
    Doubling,
    Linear,
    Projection,
    normalised,
)
from core.shapes import check_shape

RESOLUTIONS = tuple(2**power for power in range(3, 11))


@dataclass(frozen=True)
class StyleGAN2Config:
    """Shape of a StyleGAN2; the defaults are config F's at 1024 px (FFHQ)."""

    resolution: int = 1024  # of the image, a power of two, 8 to 1024
    z_dim: int = 512  # of the latent z
    c_dim: int = 0  # classes (width of the one-hot label); 0: unconditional
    w_dim: int = 512  # of the intermediate latent w
    mapping_layers: int = 8  # fully connected layers from z to w
    mapping_lr_multiplier: float = 0.01  # their weights are stored divided by it
    channel_base: int = 32768  # channels at r px: channel_base / r (multiplier 2; 16384: 1)
    channel_max: int = 512  # but at most this many
    conv_clamp: float | None = None  # activations are held in +-this; None: free
    resample_kernel: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)  # taps of the upsampling filter
    has_baked_noise: bool = True  # the checkpoint froze its noise images

    def __post_init__(self) -> None:
        # JSON brings a list
        object.__setattr__(self, "resample_kernel", tuple(map(float, self.resample_kernel)))
        if self.resolution not in RESOLUTIONS:
            allowed = ", ".join(map(str, RESOLUTIONS))
            raise InvalidRequestError(
                f"StyleGAN2's resolution must be one of {allowed}, is {self.resolution}."
            )
        taps = len(self.resample_kernel)
        if taps % 2 or not 2 <= taps <= 8:
            raise InvalidRequestError(
                f"StyleGAN2's resample_kernel must have 2, 4, 6 or 8 taps, has {taps}."
            )

    def channels(self, resolution: int) -> int:
        """Channels of the feature map at that size."""
        return min(self.channel_base // resolution, self.channel_max)


class MappingShape(Protocol):
    """What a configuration says of its mapping network; as StyleGAN2Config has it."""

    @property
    def z_dim(self) -> int: ...
    @property
    def c_dim(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    @property
    def mapping_layers(self) -> int: ...
    @property
    def mapping_lr_multiplier(self) -> float: ...


class StyleGAN2Mapping(Mapping):
    """z, joined with an embedding of the class where there is one, to w."""

    def __init__(self, config: MappingShape) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = config.z_dim, config.c_dim, config.w_dim
        inputs = self.z_dim
        if self.c_dim:
            self.embed = Linear(self.c_dim, self.w_dim)
            inputs += self.w_dim
        widths = [inputs] + [self.w_dim] * config.mapping_layers
        self.layers = nn.ModuleList(
            Linear(before, after, lr_multiplier=config.mapping_lr_multiplier)
            for before, after in pairwise(widths)
        )

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        self._check(z, c)
        w = normalised(z)
        if c is not None:
            w = torch.cat([w, normalised(self.embed(c.to(z.dtype)))], dim=1)
        for layer in self.layers:
            w = F.leaky_relu(layer(w), SLOPE) * GAIN
        return w

    def _check(self, z: Tensor, c: Tensor | None) -> None:
        check_shape(z, [None, self.z_dim], "z")
        if self.c_dim and c is None:
            raise InvalidRequestError(
                f"This generator is conditional on {self.c_dim} classes: "
                f"give c, shape [{len(z)}, {self.c_dim}], one-hot."
            )
        if not self.c_dim and c is not None:
            raise InvalidRequestError("This generator has no classes: leave c out.")
        if c is not None:
            check_shape(c, [len(z), self.c_dim], "c")


class Block(nn.Module):
    """One resolution: a doubling convolution (none at 4 px), a plain one, and the RGB skip."""

    def __init__(self, config: StyleGAN2Config, resolution: int) -> None:
        super().__init__()
        w_dim, channels, clamp = config.w_dim, config.channels(resolution), config.conv_clamp
        baked_size = resolution if config.has_baked_noise else None
        self.up = None
        if resolution > 4:
            self.up = Convolution(
                w_dim,
                config.channels(resolution // 2),
                channels,
                doubling=Doubling(config.resample_kernel),
                clamp=clamp,
                baked_size=baked_size,
            )
        self.conv = Convolution(w_dim, channels, channels, clamp=clamp, baked_size=baked_size)
        self.rgb = Projection(w_dim, channels, 3, clamp=clamp)

    def convolutions(self) -> list[Convolution]:
        """One at 4 px, two above, in the order they run."""
        return [self.conv] if self.up is None else [self.up, self.conv]


class StyleGAN2Synthesis(BlendingSynthesis):
    """Layers: one convolution at 4 px, two at each size above, then the last RGB output.

    The RGB output of a smaller size shares its w with the first convolution of the next.
    """

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__()
        sizes = [2**power for power in range(2, config.resolution.bit_length())]
        self.resolution, self.w_dim = config.resolution, config.w_dim
        self.noise_resolutions = (4, *(size for size in sizes[1:] for _ in range(2)))
        self.layer_resolutions = (*self.noise_resolutions, config.resolution)
        self.num_ws = len(self.layer_resolutions)
        self.feature_channels = {size: config.channels(size) for size in sizes}
        self.has_baked_noise = config.has_baked_noise
        self.constant = nn.Parameter(torch.randn(1, config.channels(4), 4, 4))
        self.blocks = nn.ModuleDict({str(size): Block(config, size) for size in sizes})
        self.doubling = Doubling(config.resample_kernel)

    def baked_noise(self) -> list[Tensor] | None:
        if not self.has_baked_noise:
            return None
        return [
            convolution.baked_noise
            for block in self.blocks.values()
            for convolution in block.convolutions()  # type: ignore[operator]  # a Block
        ]

    def style_weights(self) -> list[Tensor]:
        """The RGB output of a size counts to the layer after its last convolution."""
        maps: list[list[Tensor]] = [[]]
        for block in self.blocks.values():
            assert isinstance(block, Block)
            for convolution in block.convolutions():
                maps[-1].append(convolution.style.get_parameter("weight"))
                maps.append([])
            maps[-1].append(block.rgb.style.get_parameter("weight"))
        return [torch.cat(weights) for weights in maps]

    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
        blend: Blend | None = None,
    ) -> Synthesized:
        check_request(self, ws, noise, features)
        last = self.resolution if with_image else max(features, default=0)
        layers = iter(ws.unbind(dim=1))  # each [N, w_dim]
        images = iter(noise if noise is not None else [None] * self.num_ws)
        x = self.constant.to(ws.dtype).expand(ws.shape[0], -1, -1, -1)
        w, rgb, found = next(layers), None, {}
        for size, block in zip(self.feature_channels, self.blocks.values(), strict=True):
            if size > last:
                break
            assert isinstance(block, Block)
            for convolution in block.convolutions():
                x = convolution(x, w, next(images))
                w = next(layers)
            x = blend(x) if blend else x
            if size in features:
                found[size] = x
            if with_image:
                skip = block.rgb(x, w)
                rgb = skip if rgb is None else self.doubling.enlarge(rgb) + skip
                rgb = blend(rgb) if blend else rgb
        return Synthesized(rgb, found)


def build_stylegan2(config: StyleGAN2Config) -> Generator:
    """An untrained network of that shape (random weights)."""
    return Generator(StyleGAN2Mapping(config), StyleGAN2Synthesis(config))
