"""Parts of another face by the codes of a generator that draws its faces in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.generators.parts import Kind, PartSynthesis, with_parts_of
from core.regions.parts import PARTS, Take, checked_takes

Ws = NDArray[np.float32]


def coded_parts(synthesis: PartSynthesis) -> tuple[str, ...]:
    """Those of PARTS that it draws."""
    drawn = set(synthesis.part_names)
    return tuple(name for name, part in PARTS.items() if drawn & set(part.codes))


def with_codes_of(synthesis: PartSynthesis, own: Ws, other: Ws, takes: Sequence[Take]) -> Ws:
    """ws [L, D] whose parts go towards the codes of `other` [L, D], by what each take says.

    Raises InvalidRequestError for a part that is not drawn.
    """
    mixed = own[None]
    for take in checked_takes(takes):
        codes = [name for name in PARTS[take.part].codes if name in synthesis.part_names]
        if not codes:
            raise InvalidRequestError(
                f"This generator does not draw {PARTS[take.part].title.lower()}. Choose of: "
                f"{', '.join(coded_parts(synthesis))}."
            )
        for kind, amount in (("shape", take.shape), ("texture", take.texture)):
            mixed = _towards(synthesis, mixed, other[None], codes, kind, amount)  # type: ignore[arg-type]  # a Kind
    found: Ws = mixed[0]
    return found


def _towards(
    synthesis: PartSynthesis, own: Ws, other: Ws, names: Sequence[str], kind: Kind, amount: float
) -> Ws:
    """At 0 and 1 to the bit."""
    if amount == 0:
        return own
    whole = with_parts_of(synthesis, own, other, names, kind)
    return whole if amount == 1 else own + np.float32(amount) * (whole - own)
