"""What a second estimator says of faces that the first one steered.

Its own error is large, and it is wrong in its own way. Both are seen on random faces, which
nobody steered: there it is held against our estimator, once as it is and once after its ages were
recalibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.evaluation.control import Target, mean_distance

Ages = NDArray[np.floating]
FEWEST = 3  # faces that a recalibration needs


@dataclass(frozen=True)
class Recalibration:
    """A linear map of the second estimator's years to ours."""

    slope: float
    offset: float

    def __call__(self, ages: Ages) -> Ages:
        return self.slope * ages + self.offset


def recalibration_of(own: Ages, second: Ages) -> Recalibration:
    """Gives the second estimator's ages [N] the mean and spread of ours on the same faces.

    Least squares would also pull them towards the mean age of those faces, and faces that were
    steered far from it would look worse than they are. NaN: no face, left out. Raises
    InvalidRequestError where there are too few faces, or all of an age.
    """
    is_judged = np.isfinite(own) & np.isfinite(second)
    own, second = own[is_judged], second[is_judged]
    if len(own) < FEWEST or second.std() == 0:
        raise InvalidRequestError(
            f"To recalibrate an estimator, at least {FEWEST} faces of different ages are needed, "
            f"there are {len(own)}."
        )
    slope = float(own.std() / second.std())
    return Recalibration(slope, float(own.mean() - slope * second.mean()))


def second_opinion(
    targets: list[Target],
    own: tuple[Ages, Ages],
    second: tuple[Ages, Ages],
    recalibrate: Recalibration | None,
) -> dict[str, Any]:
    """Against what was asked, and against our estimator; {} where it judged no face.

    own, second: ages and probabilities of male, [N] each, NaN without a face. second_gender: share
    that is as asked. same_gender: share of which both estimators say the same. disagreement: mean
    absolute difference of the two, years.
    """
    is_judged = np.isfinite(own[0]) & np.isfinite(second[0])
    if not is_judged.any():
        return {}
    asked = np.array([target.age for target in targets])[is_judged]
    wanted = np.array([target.gender == "male" for target in targets])[is_judged]
    ours, ours_male = own[0][is_judged], own[1][is_judged] > 0.5
    ages, males = second[0][is_judged], second[1][is_judged] > 0.5
    found = {
        **_errors("second", np.abs(ages - asked)),
        "second_gender": round(float((males == wanted).mean()), 4),
        "same_gender": round(float((males == ours_male).mean()), 4),
        "disagreement": round(float(np.abs(ages - ours).mean()), 3),
    }
    if recalibrate is not None:
        found |= _errors("recalibrated", np.abs(recalibrate(ages) - asked))
    return found


def reference(
    own: tuple[Ages, Ages], second: tuple[Ages, Ages], recalibrate: Recalibration
) -> dict[str, Any]:
    """The two estimators on the same random faces, arguments as for second_opinion: how far they
    are apart where nobody steered. bias: second minus ours. correlation: of ages."""
    is_judged = np.isfinite(own[0]) & np.isfinite(second[0])
    ours, ages = own[0][is_judged], second[0][is_judged]
    same = (own[1][is_judged] > 0.5) == (second[1][is_judged] > 0.5)
    return {
        "faces": int(is_judged.sum()),
        **_differences("disagreement", np.abs(ages - ours)),
        "bias": round(float((ages - ours).mean()), 3),
        "correlation": round(float(np.corrcoef(ours, ages)[0, 1]), 3),
        "same_gender": round(float(same.mean()), 4),
        **_differences("recalibrated_disagreement", np.abs(recalibrate(ages) - ours)),
        "slope": round(recalibrate.slope, 4),
        "offset": round(recalibrate.offset, 3),
    }


def spread(embeddings: NDArray[np.floating]) -> float | None:
    """Mean distance of all pairs of [N, 128], NaN left out; None for fewer than two faces."""
    found = embeddings[np.isfinite(embeddings).all(1)]
    return mean_distance(found) if len(found) > 1 else None


def moved(before: NDArray[np.floating], after: NDArray[np.floating]) -> float | None:
    """Mean distance from a face to what it became, [N, 128] each; NaN left out."""
    distances = np.linalg.norm(after.astype(np.float64) - before, axis=1)
    found = distances[np.isfinite(distances)]
    return float(found.mean()) if len(found) else None


def _errors(name: str, errors: Ages) -> dict[str, float]:
    return {
        f"{name}_age_error": round(float(errors.mean()), 3),
        f"{name}_median_age_error": round(float(np.median(errors)), 3),
    }


def _differences(name: str, differences: Ages) -> dict[str, float]:
    return {
        name: round(float(differences.mean()), 3),
        f"median_{name}": round(float(np.median(differences)), 3),
    }
