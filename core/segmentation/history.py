"""What is remembered of each epoch of a training."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from core.segmentation.metrics import Scores


@dataclass(frozen=True)
class Epoch:
    """One epoch. Scores are shares 0..1 on the validation faces, background left out of means;
    None in epochs that were not validated.
    """

    number: int  # from 1
    loss: float  # mean over its steps
    learning_rate: float
    seconds: float
    mean_f1: float | None = None
    mean_iou: float | None = None
    f1: dict[str, float | None] = dataclasses.field(default_factory=dict)  # by class name

    @classmethod
    def of(
        cls, number: int, loss: float, rate: float, seconds: float, scores: Scores | None
    ) -> Epoch:
        if scores is None:
            return cls(number, loss, rate, round(seconds, 2))
        each = {
            name: None if f1 != f1 else round(float(f1), 6)  # NaN: the class does not occur
            for name, f1 in zip(scores.classes.names, scores.f1, strict=True)
        }
        means = (round(scores.mean_f1(), 6), round(scores.mean_iou(), 6))
        return cls(number, loss, rate, round(seconds, 2), *means, each)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
