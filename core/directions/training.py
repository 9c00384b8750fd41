"""From measured faces to named sliders: fitted, measured, freed of what leaks, measured again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.directions.calibration import calibrated, decorrelate
from core.directions.direction import Direction
from core.directions.effects import Effect, Measure, Score, measure_effect
from core.directions.regression import fit_regression
from core.errors import InvalidRequestError
from core.latents import LatentSpace
from core.progress import OnStep, Step, ignore

CLOSE = (-1.0, 1.0)  # amounts at which leakage is measured while directions are freed of it
FAR = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True)
class FitPlan:
    """wanted: layers in which each attribute is moved, by name. held: attributes that stay.
    rounds: of measuring and freeing. least_ratio: of an effect over its largest leakage; a
    direction below it is not kept.
    """

    wanted: Mapping[str, tuple[int, ...]]
    held: tuple[str, ...]
    rounds: int = 2
    least_ratio: float = 3.0


@dataclass(frozen=True, eq=False)
class FaceData:
    """Measured faces: w [N, 2, D], crossover [N], values [N, K] of `names`; scale [K]: what
    counts as one unit of each, in plain values."""

    w: NDArray[np.float32]
    crossover: NDArray[np.int64]
    values: NDArray[np.float32]
    names: tuple[str, ...]
    scale: NDArray[np.float64]


def fit_directions(
    data: FaceData,
    space: LatentSpace,
    plan: FitPlan,
    titles: Mapping[str, str],
    ws: NDArray[np.float32],
    measure: Measure,
    quality: Score | None = None,
    on_step: OnStep = ignore,
) -> tuple[list[Direction], dict[str, Effect]]:
    """ws: unseen faces [M, L, D] that directions are measured on.

    Returns the directions that are clean enough, and what was measured of all of them. Renders
    M * (2 rounds + 6) pictures for each. Raises InvalidRequestError where none can be fitted.
    """
    directions = _fitted(data, space, plan, titles)
    total = plan.rounds + 1
    for turn in range(plan.rounds):
        on_step(Step(turn, total, "freeing directions", "rounds"))
        effects = [
            measure_effect(d, ws, measure, names=data.names, scale=data.scale, amounts=CLOSE)
            for d in directions
        ]
        known, jacobian = _jacobian(effects, data.names, plan.held)
        directions = decorrelate(directions, jacobian, known)
    on_step(Step(plan.rounds, total, "measuring directions", "rounds"))
    kept, measured = [], {}
    for direction in directions:
        effect = measure_effect(
            direction,
            ws,
            measure,
            names=data.names,
            scale=data.scale,
            amounts=FAR,
            quality=quality,
        )
        measured[direction.name] = effect
        if effect.ratio >= plan.least_ratio:
            kept.append(calibrated(direction, effect))
    on_step(Step(total, total, "measuring directions", "rounds"))
    return kept, measured


def _fitted(
    data: FaceData, space: LatentSpace, plan: FitPlan, titles: Mapping[str, str]
) -> list[Direction]:
    if unknown := sorted(set(plan.wanted) - set(data.names)):
        raise InvalidRequestError(
            f"There are no attributes {', '.join(unknown)}. There are: {', '.join(data.names)}."
        )
    directions = []
    for layers in sorted(set(plan.wanted.values())):
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
            seen.direction(name, plan.held, title=titles.get(name, name))
            for name, chosen in plan.wanted.items()
            if chosen == layers
        ]
    order = list(plan.wanted)
    return sorted(directions, key=lambda direction: order.index(direction.name))


def _jacobian(
    effects: Sequence[Effect], names: tuple[str, ...], held: tuple[str, ...]
) -> tuple[list[str], NDArray[np.float64]]:
    """Changes [K', M] of the attributes that count and could be measured on every direction."""
    changes = np.stack([effect.per_unit for effect in effects], axis=1)
    counted = {*held, *(effect.attribute for effect in effects)}
    rows = [
        place
        for place, name in enumerate(names)
        if name in counted and np.isfinite(changes[place]).all()
    ]
    return [names[place] for place in rows], changes[rows]
