"""Generators that draw a face in parts: which there are, their own codes, and leaving some out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.generator import Synthesis, Synthesized

Kind = Literal["shape", "texture", "both"]


class PartCodes(NamedTuple):
    """The layers of w that steer one part and no other."""

    shape: int
    texture: int


class PartSynthesis(Synthesis):
    """A synthesis whose layers of w belong to parts of the face, or to all of them.

    part_names: in the order of the columns of `shown`. part_codes: of each part.
    """

    part_names: tuple[str, ...]
    part_codes: tuple[PartCodes, ...]

    @abstractmethod
    def forward(
        self,
        ws: Tensor,
        noise: Sequence[Tensor] | None = None,
        *,
        features: Collection[int] = (),
        with_image: bool = True,
        shown: Tensor | None = None,
    ) -> Synthesized:
        """As every synthesis. shown: how much of each part is drawn, [N or 1, parts], 0 to 1."""


def shown_parts(synthesis: Synthesis, names: Sequence[str]) -> Tensor:
    """`shown` [1, parts] with these parts alone. Raises InvalidRequestError."""
    places = [place for place, _ in _found(synthesis, names)]
    if not places:
        raise InvalidRequestError("No part is to be drawn. Name at least one.")
    shown = torch.zeros(1, len(_parted(synthesis).part_names))
    shown[:, places] = 1.0
    return shown


def with_parts_of(
    synthesis: Synthesis,
    ws: NDArray[np.float32],
    other: NDArray[np.float32],
    names: Sequence[str],
    kind: Kind = "both",
) -> NDArray[np.float32]:
    """`ws` [N, L, D] where these parts have the codes of `other` [N or 1, L, D]; a copy.

    kind: their shape, their texture, or both. Raises InvalidRequestError.
    """
    if ws.ndim != 3 or other.shape not in (ws.shape, (1, *ws.shape[1:])):
        raise InvalidRequestError(
            f"The codes of parts go from faces [N or 1, L, D] to faces [N, L, D], got "
            f"{list(other.shape)} and {list(ws.shape)}."
        )
    mixed = ws.copy()
    for _, codes in _found(synthesis, names):
        taken = list(codes) if kind == "both" else [getattr(codes, kind)]
        mixed[:, taken] = other[:, taken]
    return mixed


def _parted(synthesis: Synthesis) -> PartSynthesis:
    if not isinstance(synthesis, PartSynthesis):
        raise InvalidRequestError(
            "This generator does not draw its faces in parts. Use a SemanticStyleGAN for that."
        )
    return synthesis


def _found(synthesis: Synthesis, names: Sequence[str]) -> list[tuple[int, PartCodes]]:
    """Place and codes of each part named."""
    parted = _parted(synthesis)
    if strange := [name for name in names if name not in parted.part_names]:
        raise InvalidRequestError(
            f"This generator has no part '{strange[0]}'. Its parts are "
            f"{', '.join(parted.part_names)}."
        )
    places = [parted.part_names.index(name) for name in names]
    return [(place, parted.part_codes[place]) for place in places]
