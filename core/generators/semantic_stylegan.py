"""SemanticStyleGAN: parts of a face drawn by networks of their own, put together by depth.

[Shi et al. 2022, arXiv:2112.02236]. Each part has a local generator: a coordinate network of
styled 1x1 convolutions that gives a coarse feature map and a pseudo-depth. The softmax of the
depths is the coarse segmentation; the maps, weighted by it, are rendered to an image and a fine
segmentation by StyleGAN2's layers, which no w steers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators.generator import Generator, Synthesized, check_request
from core.generators.parts import PartCodes, PartSynthesis
from core.generators.stylegan2 import RESOLUTIONS, StyleGAN2Mapping
from core.generators.stylegan2_layers import EPSILON, Convolution, Doubling, Projection
from core.shapes import check_shape

FACE_PARTS = (  # of the networks its authors trained on CelebAMask-HQ, in their order
    *("background", "face", "eyes", "eyebrows", "mouth", "nose", "ears", "hair", "neck"),
    *("cloth", "eyeglass", "hat", "earring"),
)
MAX_PARTS, MAX_LAYERS, MAX_CODES = 64, 64, 256
TAPS = (1.0, 3.0, 3.0, 1.0)  # of the upsampling filter
WAVES = (torch.sin, torch.cos)  # of a pixel's position


@dataclass(frozen=True)
class SemanticStyleGANConfig:
    """Shape of a SemanticStyleGAN; the defaults are the published face networks' at 512 px."""

    resolution: int = 512  # of the image, a power of two
    w_dim: int = 512  # of z and w alike
    mapping_layers: int = 8  # fully connected layers from z to w
    parts: int = 13  # local generators, as many as classes of the segmentation; 0: background
    base_layers: int = 2  # first layers of each part but the background, with codes all share
    depth_layers: int = 6  # layers of a part that lead to its depth; after base: its shape
    local_layers: int = 10  # layers of a part; after depth: its texture
    local_channels: int = 64  # of a part's hidden maps
    coarse_channels: int = 512  # of the map that the parts are put together in
    coarse_resolution: int = 64  # of that map and of the coarse segmentation
    first_resolution: int = 16  # the map is reduced to it before rendering
    channel_base: int = 32768  # channels rendered at r px: channel_base / r
    channel_max: int = 512  # but at most this many
    refines: bool = True  # the fine segmentation is a correction of the coarse one
    transparent: tuple[int, ...] = (10, 12)  # parts that add to what is behind them

    def __post_init__(self) -> None:
        object.__setattr__(self, "transparent", tuple(self.transparent))  # JSON brings a list
        sizes = (self.first_resolution, self.coarse_resolution, self.resolution)
        allowed = (4, *RESOLUTIONS)
        if any(size not in allowed for size in sizes) or not sizes[0] < sizes[1] < sizes[2]:
            raise InvalidRequestError(
                "SemanticStyleGAN's first, coarse and last resolution must be powers of two that "
                f"grow within 4 to {allowed[-1]}, are {', '.join(map(str, sizes))}."
            )
        layers = (self.base_layers, self.depth_layers, self.local_layers)
        if not 0 <= layers[0] < layers[1] < layers[2] <= MAX_LAYERS:
            raise InvalidRequestError(
                "SemanticStyleGAN's base, depth and local layers must be numbers that grow within "
                f"0 to {MAX_LAYERS}, are {', '.join(map(str, layers))}."
            )
        if not 2 <= self.parts <= MAX_PARTS or self.num_codes > MAX_CODES:
            raise InvalidRequestError(
                f"SemanticStyleGAN has 2 to {MAX_PARTS} parts and up to {MAX_CODES} codes, not "
                f"{self.parts} and {self.num_codes}."
            )
        if strange := sorted(set(self.transparent) - set(range(self.parts))):
            raise InvalidRequestError(
                f"SemanticStyleGAN's transparent parts must be in 0..{self.parts - 1}, "
                f"not {strange}."
            )

    @property
    def z_dim(self) -> int:
        return self.w_dim

    @property
    def c_dim(self) -> int:
        return 0  # never conditional

    @property
    def mapping_lr_multiplier(self) -> float:
        return 0.01

    @property
    def num_codes(self) -> int:
        """Layers of w: the base, then shape and texture of each part."""
        return self.base_layers + 2 * self.parts

    @property
    def render_resolutions(self) -> tuple[int, ...]:
        """Sizes the render net doubles to."""
        return tuple(s for s in RESOLUTIONS if self.first_resolution < s <= self.resolution)

    def channels(self, resolution: int) -> int:
        """Channels rendered at that size."""
        return min(self.channel_base // resolution, self.channel_max)

    @property
    def part_names(self) -> tuple[str, ...]:
        """Of the published face networks; plain numbers where there are more or fewer parts."""
        if self.parts == len(FACE_PARTS):
            return FACE_PARTS
        return ("background", *(f"part {part}" for part in range(1, self.parts)))

    def codes_of_its_own(self, part: int) -> PartCodes:
        """Which of the num_codes steer that part alone."""
        first = self.base_layers + 2 * part
        return PartCodes(first, first + 1)

    def codes_of(self, part: int) -> tuple[int, ...]:
        """For each of a part's layers, which of the num_codes steers it."""
        own = self.codes_of_its_own(part)
        shared = range(self.base_layers) if part else []  # the background shares nothing
        middle, last = self.depth_layers - len(shared), self.local_layers - self.depth_layers
        return (*shared, *[own.shape] * middle, *[own.texture] * last)


class Segmentation(NamedTuple):
    """Scores of the parts, about -1 to 1: the largest wins.

    coarse: [N, parts, c, c], exactly the shares of the parts, scaled. fine: [N, parts, R, R].
    """

    coarse: Tensor
    fine: Tensor


class Position(nn.Module):
    """Where a pixel is: sines and cosines of its coordinates, mixed to [1, channels, s, s]."""

    waves: Tensor

    def __init__(self, channels: int, size: int, octaves: int) -> None:
        super().__init__()
        line = torch.linspace(-1, 1, size)
        places = torch.stack([line.expand(size, -1), line[:, None].expand(-1, size)])  # x, y
        turns = [wave(2.0**octave * places) for octave in range(octaves) for wave in WAVES]
        self.register_buffer("waves", torch.cat([places, *turns])[None], persistent=False)
        self.weight = nn.Parameter(torch.randn(channels, self.waves.shape[1]))
        self.gain = self.waves.shape[1] ** -0.5

    def forward(self) -> Tensor:
        weight = self.weight * self.gain
        return F.conv2d(self.waves.to(weight.dtype), weight[:, :, None, None])


class LocalGenerator(nn.Module):
    """One part: position -> hidden maps of its texture, and its depth (the background's is 0)."""

    def __init__(self, config: SemanticStyleGANConfig, *, has_depth: bool) -> None:
        super().__init__()
        width = config.local_channels
        self.layers = nn.ModuleList(
            Convolution(config.w_dim, width, width, kernel=1, takes_noise=False)
            for _ in range(config.local_layers)
        )
        self.to_feature = Projection(None, width, config.coarse_channels)
        self.to_depth = Projection(None, width, 1) if has_depth else None
        self.depth_layers = config.depth_layers

    def forward(self, x: Tensor, codes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """x [1, C, s, s], codes [N, w_dim] of each layer -> [N, C, s, s], depth [N, 1, s, s]."""
        depth = None
        for index, (layer, w) in enumerate(zip(self.layers, codes, strict=True), start=1):
            x = layer(x, w, None)
            if index == self.depth_layers and self.to_depth is not None:
                depth = self.to_depth(x, None)
        return x, torch.zeros_like(x[:, :1]) if depth is None else depth


class RenderBlock(nn.Module):
    """A doubling convolution and a plain one, with what they add to image and segmentation."""

    def __init__(self, config: SemanticStyleGANConfig, resolution: int, channels_in: int) -> None:
        super().__init__()
        channels = config.channels(resolution)
        self.up = Convolution(
            None, channels_in, channels, doubling=Doubling(TAPS), baked_size=resolution
        )
        self.conv = Convolution(None, channels, channels, baked_size=resolution)
        self.rgb = Projection(None, channels, 3)
        self.scores = Projection(None, channels, config.parts)


class SemanticSynthesis(PartSynthesis):
    """Layers: the base codes, then shape and texture of each part, all acting on coarse maps.

    Feature maps: at the first resolution the reduced map of all parts, above it the rendered
    ones. That of the coarse resolution is what the next block reads, [rendered, all parts],
    followed by the coarse segmentation. So the maps hold all that `segmentation` needs.
    """

    clear: Tensor  # [parts, 1, 1], 1 where a part is transparent

    def __init__(self, config: SemanticStyleGANConfig) -> None:
        super().__init__()
        self.config = config
        self.resolution, self.w_dim, self.num_ws = config.resolution, config.w_dim, config.num_codes
        self.part_names = config.part_names
        self.part_codes = tuple(config.codes_of_its_own(part) for part in range(config.parts))
        self.layer_resolutions = (config.coarse_resolution,) * self.num_ws
        self.noise_resolutions = tuple(s for s in config.render_resolutions for _ in range(2))
        self.feature_channels = {config.first_resolution: config.coarse_channels}
        self.position = Position(
            config.local_channels, config.coarse_resolution, config.resolution.bit_length() - 1
        )
        self.parts = nn.ModuleList(
            LocalGenerator(config, has_depth=part > 0) for part in range(config.parts)
        )
        self.blocks = nn.ModuleDict()
        channels = config.coarse_channels
        for size in config.render_resolutions:
            self.blocks[str(size)] = RenderBlock(config, size, channels)
            channels = config.channels(size)
            self.feature_channels[size] = channels
            if size == config.coarse_resolution:
                channels += config.coarse_channels
                self.feature_channels[size] = channels + config.parts
        self.doubling = Doubling(TAPS)
        clear = [float(part in config.transparent) for part in range(config.parts)]
        self.register_buffer("clear", torch.tensor(clear)[:, None, None], persistent=False)

    def baked_noise(self) -> list[Tensor]:
        pairs = [(self.block(s).up, self.block(s).conv) for s in self.config.render_resolutions]
        return [convolution.baked_noise for pair in pairs for convolution in pair]

    def style_weights(self) -> list[Tensor]:
        maps: list[list[Tensor]] = [[] for _ in range(self.num_ws)]
        for index, part in enumerate(self.parts):
            assert isinstance(part, LocalGenerator)
            for code, layer in zip(self.config.codes_of(index), part.layers, strict=True):
                maps[code].append(layer.get_parameter("style.weight"))
        return [torch.cat(weights) for weights in maps]

    def block(self, resolution: int) -> RenderBlock:
        """What renders that size."""
        block = self.blocks[str(resolution)]
        assert isinstance(block, RenderBlock)
        return block

    def expanded(self, ws: Tensor) -> Tensor:
        """ws [N, num_ws, w_dim] -> [N, parts * local_layers, w_dim], a code for each layer."""
        check_shape(ws, [None, self.num_ws, self.w_dim], "ws")
        codes = [code for part in range(self.config.parts) for code in self.config.codes_of(part)]
        return ws[:, codes]

    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
        shown: Tensor | None = None,
    ) -> Synthesized:
        check_request(self, ws, noise, features)
        composed, shares = self._composed(ws, shown)
        config = self.config
        x = F.avg_pool2d(composed, config.coarse_resolution // config.first_resolution)
        found = {config.first_resolution: x} if config.first_resolution in features else {}
        last = self.resolution if with_image else max(features, default=0)
        images = iter(noise if noise is not None else [None] * len(self.noise_resolutions))
        rgb = None
        for size in config.render_resolutions:
            if size > last:
                break
            block = self.block(size)
            x = block.conv(block.up(x, None, next(images)), None, next(images))
            if with_image:
                skip = block.rgb(x, None)
                rgb = skip if rgb is None else self.doubling.enlarge(rgb) + skip
            offered = x
            if size == config.coarse_resolution:
                x = torch.cat([x, composed], dim=1)
                offered = torch.cat([x, 2 * shares - 1], dim=1)
            if size in features:
                found[size] = offered
        return Synthesized(rgb, found)

    def depths(self, ws: Tensor) -> Tensor:
        """Pseudo-depths [N, parts, c, c]: at each pixel the part with the largest is in front."""
        return self._drawn(ws)[1]

    def segmentation(self, features: dict[int, Tensor]) -> Segmentation:
        """From feature maps of every size rendered, as `forward` gives them."""
        config = self.config
        if missing := [size for size in config.render_resolutions if size not in features]:
            raise InvalidRequestError(f"The segmentation needs feature maps of {missing} px too.")
        coarse = features[config.coarse_resolution][:, -config.parts :]
        scores = None
        for size in config.render_resolutions:
            skip = self.block(size).scores(features[size][:, : config.channels(size)], None)
            scores = skip if scores is None else self.doubling.enlarge(scores) + skip
            if size == config.coarse_resolution and config.refines:
                scores = scores + coarse
        assert scores is not None  # there is at least one size
        return Segmentation(coarse, scores)

    def _drawn(self, ws: Tensor) -> tuple[list[Tensor], Tensor]:
        """Each part's hidden maps, and the depths of all."""
        position = self.position()
        codes = self.expanded(ws).unflatten(1, (self.config.parts, -1))  # [N, parts, layers, D]
        drawn = [
            part(position, own.unbind(1))
            for part, own in zip(self.parts, codes.unbind(1), strict=True)
        ]
        return [hidden for hidden, _ in drawn], torch.cat([depth for _, depth in drawn], dim=1)

    def _composed(self, ws: Tensor, shown: Tensor | None) -> tuple[Tensor, Tensor]:
        """The map of all parts [N, coarse_channels, c, c], and their shares [N, parts, c, c]."""
        hidden, depths = self._drawn(ws)
        shares = depths.softmax(dim=1)
        if shown is not None:
            shares = _shares(shares * self._checked(shown, len(ws)))
        weights = shares
        if self.config.transparent:
            weights = _shares(shares * (1 - self.clear)) + shares * self.clear
        composed = None
        for index, part in enumerate(self.parts):
            assert isinstance(part, LocalGenerator)
            layer = part.to_feature(hidden[index], None) * weights[:, index : index + 1]
            composed = layer if composed is None else composed + layer
        assert composed is not None
        return composed, shares

    def _checked(self, shown: Tensor, faces: int) -> Tensor:
        check_shape(shown, [None, self.config.parts], "shown")
        if len(shown) not in (1, faces):
            raise InvalidRequestError(f"shown must have 1 or {faces} rows, has {len(shown)}.")
        return shown[:, :, None, None]


def _shares(values: Tensor) -> Tensor:
    """[N, parts, c, c] scaled to a sum of 1 over the parts."""
    return values / (values.sum(dim=1, keepdim=True) + EPSILON)


def build_semantic_stylegan(config: SemanticStyleGANConfig) -> Generator:
    """An untrained network of that shape (random weights)."""
    return Generator(StyleGAN2Mapping(config), SemanticSynthesis(config))
