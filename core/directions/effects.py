"""What a direction does to pictures: its effect, what leaks into other attributes, how far.

A direction is worth what it does, not what its fit promised. So faces are moved along it, measured
again, and compared with themselves; everything is told in standard deviations of random faces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.directions.direction import Direction
from core.directions.safe_range import end_of_range
from core.errors import InvalidRequestError
from core.progress import OnStep, Step, ignore

Measure = Callable[[NDArray[np.float32]], NDArray[np.floating]]  # ws [N, L, D] -> values [N, K]
Embed = Callable[[NDArray[np.float32]], NDArray[np.floating]]  # ws [N, L, D] -> [N, E]
Score = Callable[[NDArray[np.float32]], NDArray[np.floating]]  # ws [N, L, D] -> [N], more is better

AMOUNTS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
FACE = "age"  # the attribute that is NaN where no face was found


@dataclass(frozen=True, eq=False)
class Effect:
    """Measured on `faces` faces. All changes are in standard deviations of random faces.

    attribute: what the direction is judged by: its own, or, if it has none, what it moves most.
    names: K attributes. amounts: A, ascending, without 0. curve: mean change at each, [A, K].
    per_unit: mean change per unit within `safe`, [K] (least squares through 0).
    spread: how much faces differ in that, their standard deviation, [K].
    safe: the furthest measured amounts up to which faces hold. limits: what ends the range below
    and above: 'attribute', 'face' or 'quality'; '' where nothing did within the amounts.
    identity: change of identity per unit as a share of the mean distance of two different
    faces; None where it was not measured. NaN: could not be measured on any face.
    """

    attribute: str
    names: tuple[str, ...]
    amounts: tuple[float, ...]
    curve: NDArray[np.float64]
    per_unit: NDArray[np.float64]
    spread: NDArray[np.float64]
    safe: tuple[float, float]
    limits: tuple[str, str]
    identity: float | None
    faces: int

    @property
    def effect(self) -> float:
        """Change of the attribute per unit."""
        return float(self.per_unit[self.names.index(self.attribute)])

    @property
    def leakage(self) -> dict[str, float]:
        """Change per unit of every other attribute that could be measured."""
        return {
            name: float(change)
            for name, change in zip(self.names, self.per_unit, strict=True)
            if name != self.attribute and np.isfinite(change)
        }

    @property
    def worst(self) -> tuple[str, float]:
        """The attribute that it leaks into most, and how much; ('', 0) where there is no other."""
        leakage = self.leakage
        name = max(leakage, key=lambda other: abs(leakage[other]), default="")
        return name, leakage.get(name, 0.0)

    @property
    def ratio(self) -> float:
        """Size of the effect over that of the largest leakage; infinite where nothing leaks."""
        worst = abs(self.worst[1])
        return abs(self.effect) / worst if worst else math.inf

    def facts(self) -> dict[str, Any]:
        """For a direction's facts: what JSON can hold, rounded; what is not finite is None."""
        name, change = self.worst
        return {
            "attribute": self.attribute,
            "effect": rounded(self.effect),
            "leakage": {other: rounded(value) for other, value in self.leakage.items()},
            "worst": [name, rounded(change)],
            "ratio": rounded(self.ratio),
            "limits": list(self.limits),
            "identity": None if self.identity is None else rounded(self.identity),
            "faces": self.faces,
            "amounts": list(self.amounts),
        }


def measure_effect(
    direction: Direction,
    ws: NDArray[np.float32],
    measure: Measure,
    *,
    names: Sequence[str],
    scale: NDArray[np.floating],
    amounts: Sequence[float] = AMOUNTS,
    embed: Embed | None = None,
    quality: Score | None = None,
    on_step: OnStep = ignore,
) -> Effect:
    """Move the faces ws [N, L, D] by each of the amounts and measure what changed.

    names, scale: the K attributes that `measure` tells and their standard deviations among
    random faces. A value that is NaN before or after is left out of its mean. embed: vectors
    whose cosine tells people apart, NaN where there is no face; needs two faces. quality: scores
    not below 0, more is better. on_step: called after each amount; stops the work by raising
    Cancelled. Renders N * (A + 1) pictures, one amount at a time.

    `safe` ends where core/directions/safe_range.py says. Raises InvalidRequestError for arguments
    that do not go together.
    """
    steps = _checked_amounts(amounts)
    _check(direction, ws, names, scale, embed)
    senses = _Senses(measure, len(names), embed, quality)
    total, doing = len(steps) + 1, f"measuring '{direction.name}'"
    before = senses.see(ws)
    on_step(Step(1, total, doing, "amounts"))
    moved = []
    for place, amount in enumerate(steps):
        moved.append(senses.see(direction.apply(ws, amount)))
        on_step(Step(place + 2, total, doing, "amounts"))
    return _judged(direction.attribute, steps, before, moved, tuple(names), scale)


@dataclass(frozen=True, eq=False)
class _Faces:
    """What is seen of N faces: values float64 [N, K], vectors of unit length [N, E], scores [N]."""

    values: NDArray[np.float64]
    vectors: NDArray[np.float64] | None
    scores: NDArray[np.float64] | None


@dataclass(frozen=True)
class _Senses:
    """What faces are seen with."""

    measure: Measure
    num_names: int
    embed: Embed | None
    quality: Score | None

    def see(self, ws: NDArray[np.float32]) -> _Faces:
        """Raises InvalidRequestError where `measure` does not tell a value for each name."""
        values = np.asarray(self.measure(ws), np.float64)
        if values.shape != (len(ws), self.num_names):
            raise InvalidRequestError(
                f"measure must give [{len(ws)}, {self.num_names}], a column for each name; gave "
                f"{list(values.shape)}."
            )
        vectors = None
        if self.embed is not None:
            vectors = np.asarray(self.embed(ws), np.float64)
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        scores = None if self.quality is None else np.asarray(self.quality(ws), np.float64)
        return _Faces(values, vectors, scores)


def _judged(
    own: str,
    steps: NDArray[np.float64],
    before: _Faces,
    moved: Sequence[_Faces],
    names: tuple[str, ...],
    scale: NDArray[np.floating],
) -> Effect:
    """own: the attribute that the direction is meant to move, or ''."""
    changes = np.stack([faces.values - before.values for faces in moved])  # [A, N, K]
    changes = changes / np.where(scale > 0, scale, np.nan)
    curve = _mean(changes, axis=1)
    attribute = own or _strongest(steps, curve, names)
    followed = curve[:, names.index(attribute)]
    lost = [_lost(before, faces, names) for faces in moved]
    kept = [_quality_left(before, faces) for faces in moved]
    low, below = end_of_range(steps, -1, followed, lost, kept)
    high, above = end_of_range(steps, 1, followed, lost, kept)
    is_safe = (steps >= low) & (steps <= high)
    if not is_safe.any():
        is_safe = np.isin(np.abs(steps), np.abs(steps).min())
    slopes = _slopes(steps[is_safe], changes[is_safe])  # [N, K]
    return Effect(
        attribute=attribute,
        names=names,
        amounts=tuple(steps.tolist()),
        curve=curve,
        per_unit=_mean(slopes, axis=0),
        spread=np.sqrt(_mean((slopes - _mean(slopes, axis=0)) ** 2, axis=0)),
        safe=(low, high),
        limits=(below, above),
        identity=_identity_change(before, moved, steps, is_safe),
        faces=len(before.values),
    )


def _slopes(steps: NDArray[np.float64], changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares through 0 for each face: changes [A, N, K] -> per unit [N, K]."""
    known = np.isfinite(changes)
    weight = steps[:, None, None] * known
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes: NDArray[np.float64] = (weight * np.nan_to_num(changes)).sum(axis=0) / (
            weight**2
        ).sum(axis=0)
    return np.where(known.any(axis=0), slopes, np.nan)


def _mean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Of the values that are not NaN; NaN where all are, without a warning."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis) / known.sum(axis))


def _strongest(steps: NDArray[np.float64], curve: NDArray[np.float64], names: Sequence[str]) -> str:
    slopes = np.abs(_slopes(steps, curve[:, None])[0])  # [K]
    return names[int(np.nan_to_num(slopes, nan=-1.0).argmax())]


def _lost(before: _Faces, after: _Faces, names: Sequence[str]) -> float:
    """Share of the faces that were found before and are not any more."""
    if FACE not in names:
        return 0.0
    place = names.index(FACE)
    was_found = ~np.isnan(before.values[:, place])
    if not was_found.any():
        return 0.0
    return float(np.isnan(after.values[was_found, place]).mean())


def _quality_left(before: _Faces, after: _Faces) -> float:
    if before.scores is None or after.scores is None:
        return 1.0
    return float(after.scores.mean() / max(float(before.scores.mean()), 1e-12))


def _identity_change(
    before: _Faces,
    moved: Sequence[_Faces],
    steps: NDArray[np.float64],
    is_safe: NDArray[np.bool_],
) -> float | None:
    """Cosine distance per unit over that of two different faces."""
    if before.vectors is None:
        return None
    likeness = before.vectors @ before.vectors.T  # [N, N]
    apart = 1 - _mean(likeness[~np.eye(len(likeness), dtype=bool)], 0)
    away = [
        1 - float(_mean((before.vectors * faces.vectors).sum(axis=1), 0))
        for faces, is_in in zip(moved, is_safe, strict=True)
        if is_in and faces.vectors is not None
    ]
    size = np.abs(steps[is_safe])
    return float(size @ np.array(away) / (size @ size) / max(float(apart), 1e-12))


def rounded(value: float) -> float | None:
    """To four digits; None for what JSON has no number for."""
    return round(float(value), 4) if math.isfinite(value) else None


def _checked_amounts(amounts: Sequence[float]) -> NDArray[np.float64]:
    """Ascending, without 0 and repetitions."""
    steps: NDArray[np.float64] = np.unique(np.asarray(amounts, np.float64))
    steps = np.asarray(steps[steps != 0])
    if not np.isfinite(steps).all() or not (steps < 0).any() or not (steps > 0).any():
        raise InvalidRequestError(
            f"amounts must be finite, with at least one below and one above 0, are {amounts}."
        )
    return steps


def _check(
    direction: Direction,
    ws: NDArray[np.float32],
    names: Sequence[str],
    scale: NDArray[np.floating],
    embed: Embed | None,
) -> None:
    fewest = 1 if embed is None else 2
    if ws.ndim != 3 or len(ws) < fewest:
        raise InvalidRequestError(
            f"An effect is measured on ws [N, L, D] of at least {fewest} face(s), got "
            f"{list(ws.shape)}."
        )
    if not names or scale.shape != (len(names),):
        raise InvalidRequestError(
            f"Give a name and a scale for each attribute, got {len(names)} names and scales of "
            f"{list(scale.shape)}."
        )
    if direction.attribute and direction.attribute not in names:
        raise InvalidRequestError(
            f"Direction '{direction.name}' is to move '{direction.attribute}', which is not "
            f"measured. Measured are: {', '.join(names)}."
        )
