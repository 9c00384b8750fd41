"""From measured faces to named sliders: fitted, measured, freed of what leaks, measured again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.directions.calibration import calibrated
from core.directions.direction import Direction
from core.directions.disentangling import LEAK, Basis, disentangled
from core.directions.effects import Effect, Measure, Score, measure_effect
from core.directions.regression import fit_regression
from core.directions.safe_range import WEAKEST
from core.errors import InvalidRequestError
from core.latents import LatentSpace
from core.progress import OnStep, Step, ignore

CLOSE = (-1.0, 1.0)  # amounts at which leakage is measured while directions are freed of it
LONGEST = 5.0
_LEAKS = (1.0, 1.5, 2.0, 3.0)  # times FitPlan.leak, tried one after the other
FAR = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True)
class FitPlan:
    """layers: where each attribute is moved, by name; what has none stays out of it all.
    wanted: of these, the ones to make sliders of. leak: what any other attribute may move by
    after freeing, in standard deviations. longest: in standard deviations of w; a direction that
    would be longer may leak more, up to three times as much, since faces break on long ones.
    least_ratio: of an effect over its largest leakage; a direction below it is not kept.
    """

    layers: Mapping[str, tuple[int, ...]]
    wanted: tuple[str, ...]
    leak: float = LEAK
    longest: float = LONGEST
    least_ratio: float = 3.0


@dataclass(frozen=True, eq=False)
class FaceData:
    """Measured faces: w [N, 2, D], crossover [N], values [N, K] of `names`; scale [K]: what
    counts as one unit of each, in plain values. covariance: of w, [D, D]."""

    w: NDArray[np.float32]
    crossover: NDArray[np.int64]
    values: NDArray[np.float32]
    names: tuple[str, ...]
    scale: NDArray[np.float64]
    covariance: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Freeing:
    """Directions are measured on the faces ws [M, L, D] and freed of what leaks, `rounds` times."""

    ws: NDArray[np.float32]
    measure: Measure
    rounds: int = 2


@dataclass(frozen=True, eq=False)
class Judging:
    """What is told of directions in the end, on the faces ws [M, L, D]."""

    ws: NDArray[np.float32]
    measure: Measure
    quality: Score | None = None


def fit_directions(
    data: FaceData,
    space: LatentSpace,
    plan: FitPlan,
    titles: Mapping[str, str],
    freeing: Sequence[Freeing],
    judging: Judging,
    on_step: OnStep = ignore,
) -> tuple[list[Direction], dict[str, Effect]]:
    """Returns the directions that are clean enough, and what was measured of all wanted ones.

    freeing: one after the other, from what is quick to measure to what counts; each begins with
    the directions that the one before it made, and passes on the cleanest it has seen of each.
    One of M faces and R rounds measures 2 M faces for each attribute and 2 M R for each direction
    it frees; judging 6 M for each wanted one. Raises InvalidRequestError where none can be fitted.
    """
    directions = _fitted(data, space, plan, titles)
    stages = [each for each in freeing if each.rounds]
    names = [tuple(plan.layers)] * (len(stages) - 1) + [plan.wanted] * bool(stages)
    turns = sum(len(n) * each.rounds for n, each in zip(names, stages, strict=True))
    total = len(directions) * len(stages) + turns + len(plan.wanted)
    counted = _Counted(total, on_step)
    for stage, moved in zip(stages, names, strict=True):
        directions = _free(directions, moved, stage, data, plan, counted)
    directions = [each for each in directions if each.attribute in plan.wanted]
    far = _Ruler(data, judging.ws, judging.measure, judging.quality, FAR)
    measured = list(counted(far.effects(directions), "measuring directions"))
    kept = [
        calibrated(direction, effect)
        for direction, effect in zip(directions, measured, strict=True)
        if effect.ratio >= plan.least_ratio and abs(effect.effect) >= WEAKEST
    ]
    return kept, {each.name: effect for each, effect in zip(directions, measured, strict=True)}


def _free(
    raw: Sequence[Direction],
    names: Collection[str],
    stage: Freeing,
    data: FaceData,
    plan: FitPlan,
    counted: _Counted,
) -> list[Direction]:
    """Those of `raw` that move one of these attributes, freed by adding of all the others."""
    directions = [each for each in raw if each.attribute in names]
    nearby = _Ruler(data, stage.ws, stage.measure, None, CLOSE)
    effects = list(counted(nearby.effects(raw), "measuring what leaks"))
    basis = _basis(raw, effects, data)
    places = [data.names.index(name) for name in basis.names]
    seen = [effects[raw.index(each)] for each in directions]
    best = list(zip(directions, seen, strict=True))
    for _ in range(stage.rounds):
        directions = [
            _freed(each, effect.per_unit[places], basis, plan)
            for each, effect in zip(directions, seen, strict=True)
        ]
        seen = list(counted(nearby.effects(directions), "freeing directions"))
        made = zip(directions, seen, strict=True)
        best = [max(pair, key=_cleanness) for pair in zip(best, made, strict=True)]
    return [direction for direction, _ in best]


def _cleanness(measured: tuple[Direction, Effect]) -> float:
    """Its ratio; nothing where it hardly moves what it should."""
    _, effect = measured
    return effect.ratio if abs(effect.effect) >= WEAKEST and np.isfinite(effect.ratio) else 0.0


@dataclass
class _Counted:
    """Reports each direction that was measured, of `total` in all."""

    total: int
    on_step: OnStep
    done: int = 0

    def __call__(self, effects: Iterable[Effect], doing: str) -> Iterator[Effect]:
        self.on_step(Step(self.done, self.total, doing, "directions"))
        for effect in effects:
            self.done += 1
            self.on_step(Step(self.done, self.total, doing, "directions"))
            yield effect


@dataclass(frozen=True, eq=False)
class _Ruler:
    """Measures directions on the same faces, which are looked at once as they are."""

    data: FaceData
    faces: NDArray[np.float32]
    measure: Measure
    quality: Score | None
    amounts: tuple[float, ...]

    def effects(self, directions: Sequence[Direction]) -> Iterator[Effect]:
        measure = _remembering(self.measure, self.faces)
        quality = self.quality and _remembering(self.quality, self.faces)
        for direction in directions:
            yield measure_effect(
                direction,
                self.faces,
                measure,
                names=self.data.names,
                scale=self.data.scale,
                amounts=self.amounts,
                quality=quality,
            )


def _remembering(measure: Measure, faces: NDArray[np.float32]) -> Measure:
    """`measure` that looks at these very faces once."""
    known = measure(faces)
    return lambda ws: known if ws is faces else measure(ws)


def _freed(
    direction: Direction, slopes: NDArray[np.float64], basis: Basis, plan: FitPlan
) -> Direction:
    """As it is where it could not be measured or freed: what it is worth is told in the end."""
    found = direction
    for factor in _LEAKS:
        try:
            found = disentangled(direction, np.nan_to_num(slopes), basis, factor * plan.leak)
        except InvalidRequestError:
            continue
        if basis.length(found) <= plan.longest:
            break
    return found


def _basis(raw: Sequence[Direction], effects: Sequence[Effect], data: FaceData) -> Basis:
    """With the attributes that could be measured on every direction."""
    slopes = np.stack([effect.per_unit for effect in effects], axis=1)
    rows = np.flatnonzero(np.isfinite(slopes).all(axis=1))
    return Basis(raw, slopes[rows], tuple(data.names[row] for row in rows), data.covariance)


def _fitted(
    data: FaceData, space: LatentSpace, plan: FitPlan, titles: Mapping[str, str]
) -> list[Direction]:
    if unknown := sorted({*plan.layers, *plan.wanted} - set(data.names)):
        raise InvalidRequestError(
            f"There are no attributes {', '.join(unknown)}. There are: {', '.join(data.names)}."
        )
    directions = []
    for layers in sorted(set(plan.layers.values())):
        seen = fit_regression(
            data.w,
            data.crossover,
            data.values,
            data.names,
            space=space,
            layers=layers,
            scale=data.scale,
        )
        directions += [
            seen.direction(name, title=titles.get(name, name))
            for name, chosen in plan.layers.items()
            if chosen == layers
        ]
    order = list(plan.layers)
    return sorted(directions, key=lambda direction: order.index(direction.name))
