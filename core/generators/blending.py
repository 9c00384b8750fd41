"""Generators whose maps can be changed between the layers of a pass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence

from torch import Tensor

from core.generators.generator import Synthesis, Synthesized

Blend = Callable[[Tensor], Tensor]  # [N, C, r, r] -> the same shape, the same values elsewhere


class BlendingSynthesis(Synthesis):
    """A synthesis whose every layer is a picture of the whole face, so that faces of one batch
    can be blended where they lie, between the layers."""

    @abstractmethod
    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
        blend: Blend | None = None,
    ) -> Synthesized:
        """As every synthesis. blend: changes the feature map of each size before it goes on, and
        the image that has come about so far; `features` are the changed ones."""
