"""How far along a direction faces hold.

Going outward from 0, the range ends before the first amount at which
- more than LOST_FACES of the faces are no longer found,
- less than QUALITY_LEFT of the quality score is left, or
- the attribute follows the step by less than FOLLOWING of its steepest first step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LOST_FACES = 0.05  # share of the faces that were found before
QUALITY_LEFT = 0.5  # of the unmoved faces' mean score
FOLLOWING = 0.15  # change per unit, of that next to 0
WEAKEST = 0.02  # standard deviations per unit: less is no effect, and nothing to follow


def end_of_range(
    steps: NDArray[np.float64],
    side: int,
    followed: NDArray[np.float64],
    lost: Sequence[float],
    kept: Sequence[float],
) -> tuple[float, str]:
    """The last amount on that side (-1, 1) at which faces hold, and what breaks at the next."""
    order = [place for place in np.argsort(np.abs(steps)) if steps[place] * side > 0]
    inner, value = 0.0, 0.0
    steepest = _steepest_step(steps, followed)
    for place in order:
        slope = (followed[place] - value) / (steps[place] - inner)
        limit = ""
        if lost[place] > LOST_FACES:
            limit = "face"
        elif kept[place] < QUALITY_LEFT:
            limit = "quality"
        elif abs(steepest) >= WEAKEST and not slope / steepest >= FOLLOWING:
            limit = "attribute"
        if limit:
            return float(inner or steps[place] / 2), limit
        inner, value = steps[place], followed[place]
    return float(inner), ""


def _steepest_step(steps: NDArray[np.float64], followed: NDArray[np.float64]) -> float:
    """Change per unit of the step, of those next to 0, that changes the attribute most.

    Only the first step of either side: what happens further out may be faces breaking.
    """
    num_below = int((steps < 0).sum())
    first = [num_below - 1, num_below]
    slopes = [float(followed[place] / steps[place]) for place in first]
    known = [slope for slope in slopes if math.isfinite(slope)]
    return max(known, key=abs, default=0.0)
