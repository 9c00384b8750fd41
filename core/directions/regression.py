"""Directions from measured values: move one attribute, hold others, change w as little as can be.

The attributes are told from w by ridge regression. Of all changes d of w with a_k d = 1 and
a_j d = 0 for the held j, the one that is smallest in units of w's own distribution (d^T S^-1 d)
is d = S A^T (A S A^T)^-1 e_k, with the slopes A and the covariance S of w. It is InterFaceGAN's
conditional manipulation [Shen et al. 2020, arXiv:1907.10786, section 3.3] for any number of
attributes, with the distance that w's distribution suggests instead of the Euclidean one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.directions.direction import Direction, in_layers
from core.directions.layers import checked_layers, mean_over_layers
from core.errors import InvalidRequestError
from core.latents import LatentSpace

RIDGE = 1e-3  # of the regression, of w's mean variance
HOLD_RIDGE = 1e-6  # of A S A^T, in variances of an attribute: what is held may move this much
MIN_KNOWN = 10  # faces on which an attribute was measured, to be regressed at all
_ENTANGLED = 1e-3  # share of an attribute's variance that must be left when the held ones stay


@dataclass(frozen=True, eq=False)
class AttributeRegression:
    """How w tells the attributes, seen through some layers.

    names: K attributes. slopes: float64 [K, D], change of the attribute in its standard
    deviations for a change of w in all those layers; NaN where it was not measured on enough
    faces or is the same on all. explained: share of its variance that w tells, on
    the very faces it was fitted on, [K].
    covariance: of the w seen, float64 [D, D]. layers, faces: that were looked at.

    Where most faces have one w in all layers, what the other layers do is put down to these:
    slopes are then too steep, and the measured effect of a direction is below 1
    (`measure_effect`, `calibrated`).
    """

    names: tuple[str, ...]
    slopes: NDArray[np.float64]
    explained: NDArray[np.float64]
    covariance: NDArray[np.float64]
    layers: tuple[int, ...]
    space: LatentSpace
    faces: int

    def slopes_of(self, names: Collection[str]) -> NDArray[np.float64]:
        """Rows [len(names), D]. Raises InvalidRequestError for what was not measured."""
        return self.slopes[[self._place(name) for name in names]]

    def predicted(self, direction: Direction) -> dict[str, float]:
        """Change of each attribute per unit in standard deviations, as the regression sees it."""
        change = direction.vector[list(self.layers)].mean(axis=0).astype(np.float64)
        return {
            name: float(slope @ change)
            for name, slope in zip(self.names, self.slopes, strict=True)
            if np.isfinite(slope).all()
        }

    def direction(
        self,
        target: str,
        hold: Collection[str] = (),
        *,
        name: str = "",
        title: str = "",
        ridge: float = HOLD_RIDGE,
    ) -> Direction:
        """The smallest change that moves `target` by one standard deviation and no held one.

        name: the target's where none is given. ridge: raise it where the held attributes nearly
        say the same and the change gets large; they then move a little. Raises
        InvalidRequestError for attributes not measured, and where the held ones leave the
        target no room.
        """
        held = [other for other in dict.fromkeys(hold) if other != target]
        slopes = self.slopes_of([target, *held])  # [1 + H, D]
        spread = slopes @ self.covariance @ slopes.T  # [1 + H, 1 + H]
        firm = spread + ridge * np.eye(len(spread))
        weights = np.linalg.solve(firm, np.eye(len(spread))[0])
        # what is left of the target's variance beside the held ones is 1 / (firm^-1)_kk
        if not weights[0] > 0 or 1 / weights[0] < max(_ENTANGLED * spread[0, 0], 2 * ridge):
            raise InvalidRequestError(
                f"'{target}' cannot be moved while {', '.join(held) or 'nothing'} stays: on these "
                "faces they change together. Hold fewer attributes, or measure more faces."
            )
        change = self.covariance @ slopes.T @ weights
        change /= slopes[0] @ change
        facts = {
            "method": "regression",
            "hold": held,
            "faces": self.faces,
            "explained": round(float(self.explained[self._place(target)]), 4),
        }
        return in_layers(
            change,
            self.layers,
            self.space,
            name=name or target,
            title=title,
            attribute=target,
            facts=facts,
        )

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise InvalidRequestError(
                f"There is no attribute '{name}'. Choose of: {', '.join(self.names)}."
            )
        place = self.names.index(name)
        if not np.isfinite(self.slopes[place]).all():
            raise InvalidRequestError(
                f"'{name}' was measured on fewer than {MIN_KNOWN} faces, or is the same on all. "
                "Leave it out, or measure more faces."
            )
        return place


def fit_regression(
    w: NDArray[np.floating],
    crossover: NDArray[np.integer],
    values: NDArray[np.floating],
    names: Sequence[str],
    *,
    space: LatentSpace,
    layers: Sequence[int] | None = None,
    scale: NDArray[np.floating] | None = None,
    ridge: float = RIDGE,
) -> AttributeRegression:
    """Tell the attributes from w, seen as its mean over `layers` (None: all of them).

    w: [N, 2, D] and crossover: [N] as in `mean_over_layers`. values: [N, K], NaN where an
    attribute was not measured on a face, which is then left out for it. scale: the standard
    deviation that counts as 1, [K], NaN or 0 for what is to be left out; None: the values'
    own. Raises InvalidRequestError for shapes that do not go together and infinite values.
    """
    chosen = checked_layers(layers, space.num_ws)
    seen = mean_over_layers(w, crossover, chosen)
    _check(seen, values, names, space, scale, ridge)
    known_scale = np.full(len(names), np.nan) if scale is None else scale.astype(np.float64)
    centred = seen - seen.mean(axis=0)
    gram = centred.T @ centred  # [D, D]
    slopes = np.full((len(names), seen.shape[1]), np.nan)
    explained = np.full(len(names), np.nan)
    for place in range(len(names)):
        is_known = np.isfinite(values[:, place])
        y = values[is_known, place].astype(np.float64)
        deviation = known_scale[place] if scale is not None else (y.std() if len(y) else 0.0)
        if len(y) < MIN_KNOWN or not deviation > 1e-9 * max(1.0, float(np.abs(y).max())):
            continue
        covariance = _covariance_of_known(centred, gram, is_known)
        y = (y - y.mean()) / deviation
        shared = centred[is_known].T @ y / len(y)
        damping = ridge * np.trace(covariance) / len(covariance)
        slope = np.linalg.solve(covariance + damping * np.eye(len(covariance)), shared)
        slopes[place] = slope
        explained[place] = (2 * slope @ shared - slope @ covariance @ slope) / max(y.var(), 1e-12)
    covariance = gram / len(seen)
    return AttributeRegression(
        tuple(names), slopes, explained, covariance, chosen, space, len(seen)
    )


def _covariance_of_known(
    centred: NDArray[np.float64], gram: NDArray[np.float64], is_known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Covariance [D, D] of the rows of `centred` that are known.

    Mostly few are missing: it is cheaper to take their products away than to sum all anew.
    """
    count = int(is_known.sum())
    if count * 2 < len(centred):
        products = centred[is_known].T @ centred[is_known]
    else:
        products = gram - centred[~is_known].T @ centred[~is_known]
    mean = centred[is_known].mean(axis=0)
    covariance: NDArray[np.float64] = products / count - np.outer(mean, mean)
    return covariance


def _check(
    seen: NDArray[np.float64],
    values: NDArray[np.floating],
    names: Sequence[str],
    space: LatentSpace,
    scale: NDArray[np.floating] | None,
    ridge: float,
) -> None:
    if seen.shape[1] != space.w_dim or len(seen) < MIN_KNOWN or not np.isfinite(seen).all():
        raise InvalidRequestError(
            f"A regression needs at least {MIN_KNOWN} faces of generator "
            f"'{space.identity.name}' with finite w [N, 2, {space.w_dim}], got {len(seen)} of "
            f"width {seen.shape[1]}."
        )
    if values.shape != (len(seen), len(names)) or np.isinf(values).any():
        raise InvalidRequestError(
            f"The values must be [{len(seen)}, {len(names)}], a row a face and a column a name, "
            f"finite or NaN; they are {list(values.shape)}."
        )
    if scale is not None and scale.shape != (len(names),):
        raise InvalidRequestError(
            f"The scale must be {len(names)} numbers, one a name, is {list(scale.shape)}."
        )
    if not ridge > 0:
        raise InvalidRequestError(f"ridge must be above 0, is {ridge}.")
