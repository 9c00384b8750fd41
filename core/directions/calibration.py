"""What measured effects are for: units that hold, and sliders that move one thing alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.directions.direction import Direction
from core.directions.effects import Effect, rounded
from core.directions.safe_range import WEAKEST
from core.errors import InvalidRequestError

RIDGE = 1e-3  # squared leakage per unit that is accepted for staying near the direction as it was


def calibrated(direction: Direction, effect: Effect) -> Direction:
    """The direction with +1 = one measured standard deviation of the effect's attribute, upwards,
    its measured range and the measurements, in the new unit, among its facts ('measured').

    A direction without an attribute keeps its unit. Raises InvalidRequestError where the
    attribute hardly moves.
    """
    unit = 1.0
    if direction.attribute:
        if not abs(effect.effect) >= WEAKEST:
            raise InvalidRequestError(
                f"Direction '{direction.name}' moves '{effect.attribute}' by only "
                f"{effect.effect:.3f} standard deviations per unit, so it cannot be told in them. "
                "Fit it in other layers, or hold fewer attributes."
            )
        unit = 1 / effect.effect
    measured = effect.facts()
    measured["effect"] = rounded(effect.effect * unit)
    measured["leakage"] = {name: rounded(value * unit) for name, value in effect.leakage.items()}
    measured["worst"] = [effect.worst[0], rounded(effect.worst[1] * unit)]
    if effect.identity is not None:
        measured["identity"] = rounded(effect.identity * abs(unit))
    measured["amounts"] = sorted(rounded(amount / unit) or 0.0 for amount in effect.amounts)
    if unit < 0:
        measured["limits"].reverse()
    facts = {**direction.facts, "measured": measured}
    return replace(direction, safe=effect.safe, facts=facts).scaled(unit)


def decorrelate(
    directions: Sequence[Direction],
    jacobian: NDArray[np.floating],
    names: Sequence[str],
    *,
    ridge: float = RIDGE,
) -> list[Direction]:
    """Combine directions so that each moves its own attribute by 1 per unit and no other.

    jacobian: measured change of K attributes (`names`) per unit of M directions, float [K, M] in
    standard deviations: `np.stack([effect.per_unit ...], axis=1)`. For each direction j with an
    attribute, the weights c [M] minimise the squared leakage into all other K - 1 attributes
    plus `ridge` times |c - e_j|^2, with the effect held at 1; so with at least as many
    directions as attributes leakage goes to 0 with the ridge. Directions without an attribute
    only lend themselves, and come back as they are.

    What is linear at 0 is not so further out: measure the result, and repeat. Combinations of
    directions in different layers change the layers of all. Raises InvalidRequestError for a
    jacobian of another shape or with values that are not finite (leave out attributes that
    could not be measured), and where nothing moves an attribute.
    """
    changes = np.asarray(jacobian, np.float64)
    _check(directions, changes, names, ridge)
    stacked = np.stack([direction.vector for direction in directions])  # [M, L, D]
    result = []
    for place, direction in enumerate(directions):
        if not direction.attribute:
            result.append(direction)
            continue
        weights = _weights(changes, names.index(direction.attribute), place, ridge)
        vector = np.tensordot(weights, stacked.astype(np.float64), axes=1).astype(np.float32)
        shares = {
            other.name: rounded(weight)
            for other, weight in zip(directions, weights, strict=True)
            if abs(weight) >= 1e-4
        }
        facts = {**direction.facts, "combined": shares}
        result.append(replace(direction, vector=vector, facts=facts))
    return result


def _weights(
    jacobian: NDArray[np.float64], own: int, place: int, ridge: float
) -> NDArray[np.float64]:
    """Of the M directions, [M]: the closed form of the constrained least squares above."""
    others = np.delete(jacobian, own, axis=0)  # [K - 1, M]
    effect = jacobian[own]  # [M]
    before = np.eye(jacobian.shape[1])[place]
    firm = others.T @ others + ridge * np.eye(len(effect))
    stay, move = np.linalg.solve(firm, np.stack([ridge * before, effect], axis=1)).T
    weights: NDArray[np.float64] = stay + move * (1 - effect @ stay) / (effect @ move)
    return weights


def _check(
    directions: Sequence[Direction],
    jacobian: NDArray[np.float64],
    names: Sequence[str],
    ridge: float,
) -> None:
    if not directions or jacobian.shape != (len(names), len(directions)):
        raise InvalidRequestError(
            f"The jacobian must be [{len(names)}, {len(directions)}], a row for each attribute "
            f"and a column for each direction, is {list(jacobian.shape)}."
        )
    if not np.isfinite(jacobian).all():
        bad = [n for n, row in zip(names, jacobian, strict=True) if not np.isfinite(row).all()]
        raise InvalidRequestError(
            f"What directions do to {', '.join(bad)} was not measured. Leave these attributes out."
        )
    if not ridge > 0:
        raise InvalidRequestError(f"ridge must be above 0, is {ridge}.")
    if len({(direction.identity, direction.vector.shape) for direction in directions}) > 1:
        raise InvalidRequestError("Only directions of one generator can be combined.")
    for direction in directions:
        if direction.attribute and direction.attribute not in names:
            raise InvalidRequestError(
                f"What direction '{direction.name}' does to '{direction.attribute}' is not in the "
                f"jacobian. It has: {', '.join(names)}."
            )
        moving = jacobian[names.index(direction.attribute)] if direction.attribute else WEAKEST
        if np.abs(moving).max() < WEAKEST:
            raise InvalidRequestError(
                f"No direction moves '{direction.attribute}', so none can be made to. Fit one in "
                "other layers."
            )
