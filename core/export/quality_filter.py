"""Which faces of an export are taken, and why others are not.

Reasons are fixed texts, so that they can be counted. Limits that are asked for as a share of
faces are turned into values once, on faces of a pilot, and kept in the journal: a face is
judged the same in any run, by any worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.export.recipe import Filter, Limit

MOST_UNCERTAIN = 0.1  # of the pixels, whose mean counts
UNCERTAIN, ARTIFACT = "uncertain labels", "artifact score"
NO_FACE, SEVERAL, MISSED = "no face found", "several faces", "missed its target"
REASONS = (UNCERTAIN, ARTIFACT, NO_FACE, SEVERAL, MISSED)


@dataclass(frozen=True)
class Judged:
    """What a face is judged by; None: not looked at.

    uncertainty: 0..1. artifact: 0 (least typical) to 100. faces: that the detector sees.
    has_missed: whether what was asked was not reached.
    """

    artifact: float
    uncertainty: float | None = None
    faces: int | None = None
    has_missed: bool = False


@dataclass(frozen=True)
class Bounds:
    """The limits as values. None: not looked at."""

    uncertainty: float | None = None
    artifact: float | None = None


def most_uncertain(uncertainty: NDArray[np.uint8]) -> float:
    """Mean of the tenth of the pixels uint8 [S, S] that are least sure, 0..1."""
    counts = np.bincount(uncertainty.ravel(), minlength=256)
    left = wanted = max(1, round(MOST_UNCERTAIN * uncertainty.size))
    total = 0
    for level in range(255, -1, -1):
        taken = min(left, int(counts[level]))
        total += taken * level
        left -= taken
        if not left:
            break
    return total / (255.0 * wanted)


def needs_pilot(asked: Filter) -> bool:
    return any(limit and limit.is_share for limit in (asked.uncertainty, asked.artifact))


def settled(asked: Filter, pilot: Sequence[Judged]) -> Bounds:
    """The bounds, where shares are asked for such that they drop these shares of the pilot.

    Raises InvalidRequestError for shares without a pilot.
    """
    if needs_pilot(asked) and not pilot:
        raise InvalidRequestError("filter: shares to drop need faces to measure them on.")
    doubts = [judged.uncertainty or 0.0 for judged in pilot]
    artifacts = [judged.artifact for judged in pilot]
    return Bounds(
        _bound(asked.uncertainty, doubts, from_above=True),
        _bound(asked.artifact, artifacts, from_above=False),
    )


def faults(judged: Judged, asked: Filter, bounds: Bounds) -> tuple[str, ...]:
    """Why the face is not to be taken, the weightiest reason first; empty: it is."""
    found = []
    if asked.one_face and judged.faces is not None and judged.faces != 1:
        found.append(SEVERAL if judged.faces else NO_FACE)
    if asked.target and judged.has_missed:
        found.append(MISSED)
    if bounds.artifact is not None and judged.artifact < bounds.artifact:
        found.append(ARTIFACT)
    doubt = judged.uncertainty
    if bounds.uncertainty is not None and doubt is not None and doubt > bounds.uncertainty:
        found.append(UNCERTAIN)
    return tuple(found)


def _bound(limit: Limit | None, values: Sequence[float], *, from_above: bool) -> float | None:
    if limit is None:
        return None
    if not limit.is_share:
        return limit.value
    share = 1 - limit.value if from_above else limit.value
    return round(float(np.quantile(values, share)), 6)
