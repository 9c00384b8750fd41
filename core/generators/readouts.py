"""Preview readouts: small RGB heads on a generator's feature maps.

The default generator has no RGB output below its full size, yet its features hold the
picture. A readout turns the map at 128, 256 or 512 px into the area-downsampled image at
that size for a fraction of the cost, with gradients, steered by w as StyleGAN2's toRGB is
[Karras et al. 2020, arXiv:1912.04958, section 4.1].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from core.generators.generator import Synthesis
from core.shapes import check_shape

SLOPE = 0.2  # of every leaky ReLU


@dataclass(frozen=True)
class ReadoutsConfig:
    """Shape of the readouts of one generator; entry i of each field belongs to sizes[i]."""

    sizes: tuple[int, ...]  # of the previews and of the feature maps they read, px
    channels: tuple[int, ...]  # of those feature maps
    layers: tuple[int, ...]  # which w steers each head
    hidden: tuple[int, ...]  # channels of each head's correction; 0: none
    w_dim: int = 512

    def __post_init__(self) -> None:
        for name in ("sizes", "channels", "layers", "hidden"):  # JSON brings lists
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @classmethod
    def of(cls, synthesis: Synthesis, hidden: dict[int, int]) -> ReadoutsConfig:
        """Heads at the sizes of `hidden`, each steered by the layer after its feature map."""
        steering = synthesis.layer_resolutions
        layers = (next(i for i, r in enumerate(steering) if r > size) for size in hidden)
        channels = (synthesis.feature_channels[size] for size in hidden)
        sizes, widths = tuple(hidden), tuple(hidden.values())
        return cls(sizes, tuple(channels), tuple(layers), widths, synthesis.w_dim)


class Readout(nn.Module):
    """Feature map [N, C, s, s] and w [N, w_dim] -> RGB [N, 3, s, s] in about [-1, 1].

    A styled 1x1 convolution and, where hidden > 0, a correction: two 3x3 convolutions with
    leaky ReLUs between styled 1x1 ones, which stand in for the layers that are skipped.
    """

    def __init__(self, channels: int, w_dim: int, hidden: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.direct = nn.Conv2d(channels, 3, 1)
        nn.init.zeros_(self.style.weight)
        nn.init.ones_(self.style.bias)
        self.correction = Correction(channels, w_dim, hidden) if hidden else None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = x * self.style(w)[:, :, None, None]
        rgb = self.direct(x)
        return rgb if self.correction is None else rgb + self.correction(x, w)


class Correction(nn.Module):
    """[N, channels, s, s], w [N, w_dim] -> [N, 3, s, s]."""

    def __init__(self, channels: int, w_dim: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.look = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.style = nn.Linear(w_dim, hidden)
        self.expand = nn.Conv2d(hidden, 3, 3, padding=1)
        nn.init.zeros_(self.style.weight)
        nn.init.ones_(self.style.bias)
        nn.init.zeros_(self.expand.weight)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        h = F.leaky_relu(self.squeeze(x), SLOPE)
        h = F.leaky_relu(self.look(h), SLOPE) * self.style(w)[:, :, None, None]
        return self.expand(h)  # type: ignore[no-any-return]


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
        head = self.heads[str(size)]
        return head(features, ws[:, self.config.layers[place]])  # type: ignore[no-any-return]
