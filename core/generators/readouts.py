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

from core.generators.generator import Generator, check_shape


@dataclass(frozen=True)
class ReadoutsConfig:
    """Shape of the readouts of one generator."""

    channels: dict[int, int]  # of the feature map at each preview size in px
    layers: dict[int, int]  # which w steers the head at each size
    w_dim: int = 512
    hidden: int = 32  # channels between the two convolutions

    @classmethod
    def of(cls, generator: Generator, sizes: tuple[int, ...], hidden: int) -> ReadoutsConfig:
        """Heads for `sizes`, each steered by the w of the layer after its feature map."""
        synthesis = generator.synthesis
        after = {
            size: min(
                (i for i, r in enumerate(synthesis.layer_resolutions) if r > size),
                default=synthesis.num_ws - 1,
            )
            for size in sizes
        }
        channels = {size: synthesis.feature_channels[size] for size in sizes}
        return cls(channels, after, synthesis.w_dim, hidden)


class Readout(nn.Module):
    """Feature map [N, C, s, s] and w [N, w_dim] -> RGB [N, 3, s, s] in about [-1, 1].

    A styled 1x1 readout, plus a styled 3x3 correction through a leaky ReLU.
    """

    def __init__(self, channels: int, w_dim: int, hidden: int) -> None:
        super().__init__()
        self.style = nn.Linear(w_dim, channels)
        self.direct = nn.Conv2d(channels, 3, 1)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.hidden_style = nn.Linear(w_dim, hidden)
        self.look = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.correct = nn.Conv2d(hidden, 3, 1)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = x * self.style(w)[:, :, None, None]
        h = F.leaky_relu(self.squeeze(x), 0.2) * self.hidden_style(w)[:, :, None, None]
        h = F.leaky_relu(self.look(h), 0.2)
        return self.direct(x) + self.correct(h)  # type: ignore[no-any-return]


class Readouts(nn.Module):
    """The heads of one generator, by size in px."""

    def __init__(self, config: ReadoutsConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = nn.ModuleDict(
            {
                str(size): Readout(channels, config.w_dim, config.hidden)
                for size, channels in config.channels.items()
            }
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(self.config.channels)

    def forward(self, features: Tensor, ws: Tensor, size: int) -> Tensor:
        """features [N, C, size, size], ws [N, L, w_dim] -> RGB [N, 3, size, size]."""
        check_shape(features, [None, self.config.channels[size], size, size], "features")
        head = self.heads[str(size)]
        return head(features, ws[:, self.config.layers[size]])  # type: ignore[no-any-return]
