"""The contract of a generator. Everything else is written against it.

Names are StyleGAN's: z -> mapping -> w, broadcast to `ws` (one w per layer), -> synthesis
-> image. [Karras et al. 2019, arXiv:1812.04948; 2020, arXiv:1912.04958]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.shapes import check_shape


class Synthesized(NamedTuple):
    """What one pass delivers.

    image: [N, 3, R, R], RGB in about [-1, 1], or None where it was not asked for.
    features: resolution -> [N, C, resolution, resolution], the maps asked for.
    """

    image: Tensor | None
    features: dict[int, Tensor]


class Mapping(nn.Module, ABC):
    """z [N, z_dim], and c [N, c_dim] for a conditional network, -> w [N, w_dim].

    Works in the dtype of its input, so that sampling can run it in float64.
    """

    z_dim: int
    c_dim: int
    w_dim: int

    @abstractmethod
    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor: ...


class Synthesis(nn.Module, ABC):
    """ws [N, num_ws, w_dim] -> image and feature maps.

    layer_resolutions: for each of the num_ws layers, the size of the map it steers.
    feature_channels: resolution -> channels of the feature map offered at that size.
    noise_resolutions: the sizes of the noise images one pass consumes, in order.
    """

    resolution: int
    num_ws: int
    w_dim: int
    layer_resolutions: tuple[int, ...]
    feature_channels: dict[int, int]
    noise_resolutions: tuple[int, ...]

    @abstractmethod
    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
    ) -> Synthesized:
        """Render ws [N, num_ws, w_dim].

        noise: unit-variance images [N or 1, 1, r, r], one for each of noise_resolutions,
        scaled inside by the learned strengths; None disables noise.
        features: resolutions wanted. Without the image, work stops at the largest of them.
        """

    @abstractmethod
    def baked_noise(self) -> list[Tensor] | None:
        """The noise images frozen into the checkpoint, [1, 1, r, r] each; None if it has none."""

    @abstractmethod
    def style_weights(self) -> list[Tensor]:
        """For each of the num_ws layers, the weights of all affine maps that its w goes through
        to become styles, one below the other: [channels, w_dim].

        As they are stored: rows of different maps may differ by constant gains.
        """


def check_request(
    synthesis: Synthesis, ws: Tensor, noise: Sequence[Tensor] | None, features: Collection[int]
) -> None:
    """Raise InvalidRequestError for what that synthesis cannot be asked."""
    check_shape(ws, [None, synthesis.num_ws, synthesis.w_dim], "ws")
    if noise is not None and len(noise) != len(synthesis.noise_resolutions):
        raise InvalidRequestError(
            f"This generator takes {len(synthesis.noise_resolutions)} noise images, "
            f"one for each of noise_resolutions; got {len(noise)}."
        )
    if unknown := sorted(set(features) - set(synthesis.feature_channels)):
        offered = ", ".join(map(str, synthesis.feature_channels))
        raise InvalidRequestError(f"There is no feature map at {unknown} px, only {offered}.")


@dataclass(frozen=True)
class Identity:
    """Which weights these are: registry name and sha256 of the weights file (hex).

    base: those that they were tuned from. What was made for the base serves them, too.
    """

    name: str
    sha256: str
    base: Identity | None = field(default=None, compare=False)

    def is_served_by(self, made_for: Identity) -> bool:
        """Whether what was made for those weights can be used with these."""
        return made_for.sha256 in (self.sha256, self.base.sha256 if self.base else self.sha256)


class Generator(nn.Module):
    """A mapping and a synthesis network with the mean of w and an identity."""

    mapping: Mapping
    synthesis: Synthesis
    mean_w: Tensor

    def __init__(self, mapping: Mapping, synthesis: Synthesis) -> None:
        super().__init__()
        self.mapping = mapping
        self.synthesis = synthesis
        self.register_buffer("mean_w", torch.zeros(synthesis.w_dim))
        self.identity = Identity("unnamed", "")

    @property
    def num_ws(self) -> int:
        return self.synthesis.num_ws

    @property
    def resolution(self) -> int:
        return self.synthesis.resolution

    def broadcast(self, w: Tensor) -> Tensor:
        """w [N, w_dim] -> ws [N, num_ws, w_dim], the same w in every layer (a view)."""
        return w.unsqueeze(1).expand(-1, self.num_ws, -1)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        psi: float = 1.0,
        noise: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """z [N, z_dim] -> image [N, 3, R, R] in about [-1, 1]."""
        ws = truncate(self.broadcast(self.mapping(z, c)), self.mean_w, psi)
        made: Synthesized = self.synthesis(ws, noise)
        assert made.image is not None  # the default request includes it
        return made.image


def truncate(ws: Tensor, mean_w: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """Pull ws [N, L, w_dim] towards mean_w [w_dim] by psi (truncation trick, arXiv:1812.04948 B).

    psi 1 changes nothing, 0 gives the mean face. Only the first `cutoff` layers are pulled;
    None pulls all of them.
    """
    if psi == 1.0:
        return ws
    if cutoff is None:
        return torch.lerp(mean_w.to(ws.dtype), ws, psi)
    pulled = torch.lerp(mean_w.to(ws.dtype), ws[:, :cutoff], psi)
    return torch.cat([pulled, ws[:, cutoff:]], dim=1)
