"""Directions freed of what leaks, by combining them, and kept among the faces there are.

That nothing else moves at all is too much to ask of attributes that come together in w: the
change that would do it leaves the distribution of w, and faces break. So each direction becomes
the shortest change, in standard deviations of w, that moves its own attribute by 1 and any other
by at most a little. That is least distance programming [Lawson & Hanson 1974, Solving Least
Squares Problems, chapter 23.4].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]

from core.directions.direction import Direction
from core.directions.distribution import checked_covariance, whitening
from core.directions.effects import rounded
from core.errors import InvalidRequestError

LEAK = 0.2  # standard deviations per unit that any other attribute may move
_NOTHING = 1e-9  # of 1: what is left when no combination fulfils the conditions


@dataclass(frozen=True, eq=False)
class Basis:
    """Directions that may be added to others, and what they do.

    directions: M. slopes: float [K, M], measured change of each of `names` per unit of each, in
    standard deviations: `np.stack([effect.per_unit ...], axis=1)`. covariance: of w, [D, D].
    Raises InvalidRequestError where these do not go together or are not finite.
    """

    directions: Sequence[Direction]
    slopes: NDArray[np.float64]
    names: tuple[str, ...]
    covariance: NDArray[np.floating]

    def __post_init__(self) -> None:
        if not self.directions or len({(d.identity, d.vector.shape) for d in self.directions}) > 1:
            raise InvalidRequestError("Only directions of one generator can be combined.")
        if self.slopes.shape != (len(self.names), len(self.directions)):
            raise InvalidRequestError(
                f"The slopes must be [{len(self.names)}, {len(self.directions)}], a row for each "
                f"attribute and a column for each direction, are {list(self.slopes.shape)}."
            )
        rows = zip(self.names, self.slopes, strict=True)
        if bad := [name for name, row in rows if not np.isfinite(row).all()]:
            raise InvalidRequestError(
                f"What directions do to {', '.join(bad)} was not measured. Leave these out."
            )

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """[M, L, D]."""
        return np.stack([each.vector for each in self.directions])

    @cached_property
    def span(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Perpendicular axes [L * D, M] of the whitened vectors, and what takes lengths along
        them to amounts of the directions, [M, M]."""
        axes, root = np.linalg.qr(self.whitened(self.vectors).T)
        return axes, np.linalg.pinv(root)

    @cached_property
    def _components(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return whitening(checked_covariance(self.covariance, self.vectors.shape[-1]))

    def length(self, direction: Direction) -> float:
        """Of its step, in w's standard deviations."""
        return float(np.linalg.norm(self.whitened(direction.vector[None])))

    def whitened(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """[N, L, D] in w's standard deviations, [N, L * D]."""
        deviations, axes = self._components
        return np.asarray((vectors @ axes / deviations).reshape(len(vectors), -1), np.float64)


def disentangled(
    direction: Direction, slopes: NDArray[np.floating], basis: Basis, leak: float = LEAK
) -> Direction:
    """`direction` with as much of the basis added as makes it move its own attribute by 1 per
    unit and each of the others by at most `leak`, and be as short as can be.

    slopes: [K], what the direction itself does. What is linear nearby is not so further out:
    measure the result, and repeat. Raises InvalidRequestError for a direction without an
    attribute among the basis' names, and where no combination does it.
    """
    if direction.attribute not in basis.names or slopes.shape != (len(basis.names),):
        raise InvalidRequestError(
            f"What direction '{direction.name}' does to '{direction.attribute}' is not among the "
            f"slopes. They tell: {', '.join(basis.names)}."
        )
    own = basis.names.index(direction.attribute)
    axes, shortening = basis.span  # weights = shortening @ (x - start), |x|: what is minimised
    start = axes.T @ basis.whitened(direction.vector[None])[0]
    moves = basis.slopes @ shortening  # [K, M]
    offset = np.asarray(slopes, np.float64) - moves @ start
    others = np.arange(len(offset)) != own
    conditions = np.concatenate([moves[[own]], -moves[others], moves[others]])
    limits = np.concatenate([1 - offset[[own]], offset[others] - leak, -offset[others] - leak])
    shortest = _least_distance(conditions, limits)
    if shortest is None:
        raise InvalidRequestError(
            f"No combination of the directions moves '{direction.attribute}' and any other by at "
            f"most {leak:g}. Allow more, or fit directions in other layers."
        )
    weights = shortening @ (shortest - start)
    vector = direction.vector + np.tensordot(weights, basis.vectors, axes=1).astype(np.float32)
    shares = {
        other.name: rounded(weight)
        for other, weight in zip(basis.directions, weights, strict=True)
        if abs(weight) >= 1e-4
    }
    freed = replace(direction, vector=vector)
    told = {"added": shares, "length": rounded(basis.length(freed)), "leak": leak}
    return replace(freed, facts={**direction.facts, **told})


def _least_distance(
    conditions: NDArray[np.float64], limits: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """The shortest x with conditions @ x >= limits; None where there is none."""
    dual = np.vstack([conditions.T, limits])
    goal = np.zeros(len(dual))
    goal[-1] = 1
    multipliers, residual = nnls(dual, goal, maxiter=100 * len(limits))
    if residual < _NOTHING:
        return None
    rest = dual @ multipliers - goal
    return np.asarray(-rest[:-1] / rest[-1])
