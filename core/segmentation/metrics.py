"""How well predicted masks agree with painted ones.

F1 of a class is Dice's 2TP / (2TP + FP + FN), IoU is TP / (TP + FP + FN), both over all pixels
of all faces together. A class that neither painted nor predicted masks hold has none, and is
left out of the means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.segmentation.classes import UNLABELLED, ClassSet


def confusion_matrix(
    truth: NDArray[np.uint8], predicted: NDArray[np.uint8], num_classes: int
) -> NDArray[np.int64]:
    """Pixels [K, K] by painted class (row) and predicted class (column).

    truth, predicted: indices of one shape; where truth is 255 the pixel does not count.
    """
    if truth.shape != predicted.shape:
        raise InvalidRequestError(
            f"Painted masks are {list(truth.shape)}, predicted ones {list(predicted.shape)}."
        )
    counted = truth != UNLABELLED
    pairs = truth[counted].astype(np.int64) * num_classes + predicted[counted]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


@dataclass(frozen=True, eq=False)
class Scores:
    """What a confusion matrix says. confusion: int64 [K, K] as `confusion_matrix` makes it."""

    confusion: NDArray[np.int64]
    classes: ClassSet

    @property
    def f1(self) -> NDArray[np.float64]:
        """[K], in 0..1; NaN for a class that does not occur."""
        return _ratio(2 * self._hits, self._painted + self._predicted)

    @property
    def iou(self) -> NDArray[np.float64]:
        """[K], in 0..1; NaN for a class that does not occur."""
        return _ratio(self._hits, self._painted + self._predicted - self._hits)

    def mean_f1(self, *, with_background: bool = False) -> float:
        """0 where no class occurs."""
        return self._mean(self.f1, with_background)

    def mean_iou(self, *, with_background: bool = False) -> float:
        return self._mean(self.iou, with_background)

    @property
    def accuracy(self) -> float:
        """Share of the pixels that are right."""
        return float(self._hits.sum() / max(self.confusion.sum(), 1))

    def as_json(self) -> dict[str, Any]:
        """Percentages: means without and with the background, and each class."""
        return {
            "mean_f1": _percent(self.mean_f1()),
            "mean_iou": _percent(self.mean_iou()),
            "mean_f1_with_background": _percent(self.mean_f1(with_background=True)),
            "mean_iou_with_background": _percent(self.mean_iou(with_background=True)),
            "accuracy": _percent(self.accuracy),
            "classes": {
                name: {"f1": _percent(f1), "iou": _percent(iou), "pixels": int(painted)}
                for name, f1, iou, painted in zip(
                    self.classes.names, self.f1, self.iou, self._painted, strict=True
                )
            },
        }

    @property
    def _hits(self) -> NDArray[np.int64]:
        return np.diagonal(self.confusion)

    @property
    def _painted(self) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.confusion.sum(1)
        return found

    @property
    def _predicted(self) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.confusion.sum(0)
        return found

    def _mean(self, values: NDArray[np.float64], with_background: bool) -> float:
        counted = ~np.isnan(values)
        if not with_background and self.classes.background is not None:
            counted[self.classes.background] = False
        return float(values[counted].mean()) if counted.any() else 0.0


def score(truth: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: ClassSet) -> Scores:
    """Scores of predicted against painted masks, both indices of one shape."""
    return Scores(confusion_matrix(truth, predicted, classes.num_classes), classes)


def _ratio(above: NDArray[np.int64], below: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def _percent(share: float) -> float | None:
    return None if np.isnan(share) else round(100 * float(share), 2)
