"""How an export looks at a finished face: how many faces are in it, and what is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.attributes.estimators import AgeGenderEstimator
from core.attributes.faces import FaceFinder
from core.attributes.measures import NAMES, measured
from core.attributes.measuring import SIZE as MEASURED_AT
from core.attributes.measuring import fitted
from core.attributes.sight import Sight
from core.segmentation import ClassSet
from core.threads import one_thread


class Looks:
    """classes: of the masks. counts, measures: what is wanted."""

    def __init__(self, classes: ClassSet, *, counts: bool, measures: bool) -> None:
        self._classes = classes
        finder = FaceFinder()
        self._finder = finder if counts else None
        self._estimator = AgeGenderEstimator(finder) if measures else None

    def at(
        self, image: NDArray[np.uint8], mask: NDArray[np.uint8]
    ) -> tuple[int | None, dict[str, float]]:
        """Image uint8 [S, S, 3], mask [S, S] -> faces that the detector sees, and all measures by
        name, NaN where one cannot be told; None and {} for what is not wanted."""
        seen = reduced(image, MEASURED_AT)
        if self._estimator is None:
            return (None if self._finder is None else self._finder.count(seen)), {}
        with one_thread():
            estimate = self._estimator.estimate([seen])[0]
        count = None if self._finder is None else estimate.num_faces
        values = measured(Sight(seen, fitted(mask, len(seen)), self._classes, estimate))
        return count, dict(zip(NAMES, map(float, values), strict=True))


def told_values(values: Mapping[str, float]) -> dict[str, float]:
    """Measures as a record has them: those that could be told."""
    return {name: round(float(v), 4) for name, v in values.items() if np.isfinite(v)}


def reduced(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Picture uint8 [S, S, 3] -> about [size, size, 3], each pixel the mean of its area."""
    if len(picture) <= size:
        return picture
    return np.asarray(Image.fromarray(picture).reduce(len(picture) // size))
