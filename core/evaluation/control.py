"""How precisely faces get the age and gender that were asked for, and what that costs.

Targets follow the ages and genders of FFHQ as FFHQ-Aging counts them [Or-El et al. 2020, ECCV,
arXiv:2003.09764; figure 'Age Distribution' of its repository].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.seeds import MAX_SEED

# First and last year of a group, then how many men and women: FFHQ-Aging's ten groups. The last
# is '70 and more'; 75 is the most that the estimator says of more than one face in a thousand.
FFHQ_AGES = (
    (0, 2, 1485, 1007),
    (3, 6, 1930, 2593),
    (7, 9, 1285, 1573),
    (10, 14, 906, 1329),
    (15, 19, 1274, 2748),
    (20, 29, 6349, 13162),
    (30, 39, 7355, 7788),
    (40, 49, 5519, 4159),
    (50, 69, 4964, 2762),
    (70, 75, 1103, 709),
)
YOUNGEST = 1  # the first class of the estimator
FIRST_SEED = 2**31  # of the faces; below lie those that trainings draw, and people


@dataclass(frozen=True)
class Target:
    age: float
    gender: str  # female or male


def draw_targets(count: int, seed: int) -> list[Target]:
    """Whole years, evenly within a group; groups and genders as FFHQ has them."""
    if count < 1:
        raise InvalidRequestError(f"At least one face is needed, got {count}.")
    random = np.random.default_rng(seed)
    shares = np.array([numbers for group in FFHQ_AGES for numbers in group[2:]], np.float64)
    chosen = random.choice(len(shares), count, p=shares / shares.sum())
    targets = []
    for place in chosen:
        first, last = FFHQ_AGES[place // 2][:2]
        age = max(int(random.integers(first, last + 1)), YOUNGEST)
        targets.append(Target(float(age), ("male", "female")[place % 2]))
    return targets


def draw_seeds(count: int, seed: int) -> list[int]:
    """Seeds of the faces that are to become the targets; no two are the same."""
    random = np.random.default_rng([seed, FIRST_SEED])  # not the stream of the targets
    drawn = random.choice(MAX_SEED + 1 - FIRST_SEED, count, replace=False)
    return [FIRST_SEED + int(number) for number in drawn]


@dataclass(frozen=True)
class Precision:
    """age_error: mean absolute error in years; median and the worst of 95 %, too. gender: share
    that is as asked. without_face: faces that were not found; they count in none of the others.
    within: share of faces within two years.
    """

    age_error: float
    median_age_error: float
    age_error_95: float
    within: float
    gender: float
    without_face: int
    faces: int


def precision_of(
    targets: list[Target], ages: NDArray[np.floating], males: NDArray[np.floating]
) -> Precision:
    """ages, males: estimates [N] of the faces made for N targets, NaN without a face."""
    is_found = np.isfinite(ages) & np.isfinite(males)
    asked = np.array([target.age for target in targets])
    error = np.abs(ages - asked)[is_found]
    wanted = np.array([target.gender == "male" for target in targets])
    if not is_found.any():
        raise InvalidRequestError("No face was found in any picture: there is nothing to judge.")
    return Precision(
        round(float(error.mean()), 3),
        round(float(np.median(error)), 3),
        round(float(np.quantile(error, 0.95)), 3),
        round(float((error <= 2).mean()), 4),
        round(float(((males > 0.5) == wanted)[is_found].mean()), 4),
        int((~is_found).sum()),
        len(targets),
    )


def mean_distance(points: NDArray[np.floating]) -> float:
    """Mean Euclidean distance of all pairs of [N, D]: how different faces are."""
    points = np.asarray(points, np.float64)
    if len(points) < 2:
        raise InvalidRequestError("Diversity needs at least two faces.")
    squares = (points**2).sum(1)
    distances = np.sqrt(np.clip(squares[:, None] + squares - 2 * points @ points.T, 0, None))
    return float(distances.sum() / (len(points) * (len(points) - 1)))
