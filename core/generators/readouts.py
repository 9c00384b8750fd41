"""Preview readouts: small RGB heads on a generator's feature maps.

MobileStyleGAN has no RGB output below its full size, yet its features hold the picture. A
readout turns the map at 128, 256 or 512 px into the area-downsampled image at that size for
a fraction of the cost, with gradients. Each stage is steered by w as StyleGAN2's layers are
[Karras et al. 2020, arXiv:1912.04958, section 4.1], because the layers it stands in for are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators.generator import Generator, Synthesis
from core.generators.mobile_stylegan import MobileSynthesis
from core.shapes import check_shape

SLOPE = 0.2  # of every leaky ReLU


@dataclass(frozen=True)
class ReadoutsConfig:
    """Shape of the readouts of one generator; entry i of each field belongs to sizes[i]."""

    sizes: tuple[int, ...]  # of the previews and of the feature maps they read, px
    channels: tuple[int, ...]  # of those feature maps
    layers: tuple[tuple[int, int, int], ...]  # whose w steers a head's start, middle and end
    hidden: tuple[int, ...]  # channels of each head's correction; 0: none
    w_dim: int = 512

    def __post_init__(self) -> None:
        for name in ("sizes", "channels", "hidden"):  # JSON brings lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "layers", tuple((a, b, c) for a, b, c in self.layers))

    @classmethod
    def of(cls, synthesis: Synthesis, hidden: dict[int, int]) -> ReadoutsConfig:
        """Heads at the sizes of `hidden`, steered by the layers that they stand in for."""
        offered = synthesis.feature_channels
        if strange := sorted(set(hidden) - set(offered)):
            raise InvalidRequestError(
                f"No feature maps of {strange} px; there are {list(offered)}."
            )
        last = synthesis.num_ws - 1
        layers = []
        for size in hidden:
            first = next((i for i, r in enumerate(synthesis.layer_resolutions) if r > size), last)
            layers.append((first, (first + last) // 2, last))
        sizes, widths = tuple(hidden), tuple(hidden.values())
        channels = tuple(offered[size] for size in hidden)
        return cls(sizes, channels, tuple(layers), widths, synthesis.w_dim)


class Styled(nn.Module):
    """Scale the input channels by style(w), then convolve: 1x1, or separable 3x3."""

    def __init__(
        self, w_dim: int, in_channels: int, channels: int, *, separable: bool = False
    ) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, in_channels)
        nn.init.zeros_(self.style.weight)
        nn.init.ones_(self.style.bias)
        self.depthwise = (
            nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
            if separable
            else nn.Identity()
        )
        self.mix = nn.Conv2d(in_channels, channels, 1)
        for layer in (self.depthwise, self.mix):
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=SLOPE)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = self.style(w)  # [N, C]
        is_compiled = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        if is_compiled and len(x) == 1 and isinstance(self.depthwise, nn.Identity):
            # Of one face the weights are scaled: the same without a pass over the whole map.
            return F.conv2d(x, self.mix.weight * style[:, :, None, None], self.mix.bias)
        x = x * style[:, :, None, None]  # [N, C, h, w]
        return self.mix(self.depthwise(x))  # type: ignore[no-any-return]


class Readout(nn.Module):
    """Feature map [N, C, s, s] and three w [N, w_dim] -> RGB [N, 3, s, s] in about [-1, 1].

    A styled 1x1 convolution and, where hidden > 0, a correction: a narrow copy of what lies
    between the map and the image (two separable convolutions, then 1x1 to RGB), and a shift
    of the whole picture's colour that follows w.
    """

    def __init__(self, channels: int, w_dim: int, hidden: int) -> None:
        super().__init__()
        self.direct = Styled(w_dim, channels, 3)
        nn.init.normal_(self.direct.mix.weight, std=0.01)
        self.correction = Correction(channels, w_dim, hidden) if hidden else None

    def forward(self, x: Tensor, start: Tensor, middle: Tensor, end: Tensor) -> Tensor:
        rgb: Tensor = self.direct(x, end)
        return rgb if self.correction is None else rgb + self.correction(x, start, middle, end)


class Correction(nn.Module):
    """[N, channels, s, s] and three w [N, w_dim] -> [N, 3, s, s]."""

    def __init__(self, channels: int, w_dim: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = Styled(w_dim, channels, hidden)
        self.conv1 = Styled(w_dim, hidden, hidden, separable=True)
        self.conv2 = Styled(w_dim, hidden, hidden, separable=True)
        self.to_rgb = Styled(w_dim, hidden, 3)
        self.shift = nn.Linear(w_dim, 3)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)
        nn.init.normal_(self.to_rgb.mix.weight, std=0.01)

    def forward(self, x: Tensor, start: Tensor, middle: Tensor, end: Tensor) -> Tensor:
        h = F.leaky_relu(self.squeeze(x, start), SLOPE)
        h = F.leaky_relu(self.conv1(h, start), SLOPE)
        h = F.leaky_relu(self.conv2(h, middle), SLOPE)
        return self.to_rgb(h, end) + self.shift(end)[:, :, None, None]  # type: ignore[no-any-return]


class Readouts(nn.Module):
    """The heads of one generator, by size in px."""

    def __init__(self, config: ReadoutsConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = nn.ModuleDict(
            {
                str(size): Readout(channels, config.w_dim, hidden)
                for size, channels, hidden in zip(
                    config.sizes, config.channels, config.hidden, strict=True
                )
            }
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.config.sizes

    def forward(self, features: Tensor, ws: Tensor, size: int) -> Tensor:
        """features [N, C, h, w] of the map at `size`, or crops of it; ws [N, L, w_dim] -> RGB."""
        place = self.config.sizes.index(size)
        check_shape(features, [None, self.config.channels[place], None, None], "features")
        start, middle, end = (ws[:, layer] for layer in self.config.layers[place])
        return self.heads[str(size)](features, start, middle, end)  # type: ignore[no-any-return]


def derive_exact_heads(readouts: Readouts, generator: Generator) -> tuple[int, ...]:
    """Fill in the heads that follow from the network itself; returns their sizes.

    MobileStyleGAN makes each 2 x 2 pixels by a 1x1 convolution of its last feature map;
    the mean of those convolutions gives the mean of the pixels, exactly before clamping.
    """
    synthesis = generator.synthesis
    half = synthesis.resolution // 2
    place = str(half)
    if not isinstance(synthesis, MobileSynthesis) or place not in readouts.heads:
        return ()
    head = readouts.heads[place]
    if head.correction is not None:
        return ()
    weight, bias = synthesis.to_image.mean_mix()
    head.direct.style.load_state_dict(synthesis.to_image.style.state_dict())
    head.direct.mix.load_state_dict({"weight": weight, "bias": bias})
    return (half,)
