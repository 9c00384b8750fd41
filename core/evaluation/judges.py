"""Those who judge one picture: our estimator, a second one that steers nothing, an embedding."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from core.attributes.estimators import AgeGenderEstimator
from core.errors import OutputError, WeightsError
from core.evaluation.embedding import WIDTH, FaceEmbedder
from core.evaluation.second_estimator import SecondEstimator, open_second_estimator
from core.progress import OnStep, ignore
from core.weights import WeightStore

SECOND_ESTIMATOR, FACE_EMBEDDING = "second estimator", "face embedding"  # kinds of weights
Judge = TypeVar("Judge")
NOT_A_NUMBER = float("nan")


@dataclass(frozen=True, eq=False)
class Judgement:
    """Of one picture; NaN where there is no face or no such judge.

    age, second_age: years. male, second_male: probability. embedding: float32 [128].
    """

    age: float = NOT_A_NUMBER
    male: float = NOT_A_NUMBER
    second_age: float = NOT_A_NUMBER
    second_male: float = NOT_A_NUMBER
    embedding: NDArray[np.float32] = field(
        default_factory=lambda: np.full(WIDTH, np.nan, np.float32)
    )


@dataclass(frozen=True, eq=False)
class Judges:
    """names: of the weights of the two that may be missing, by kind. missing: why, by kind."""

    own: AgeGenderEstimator
    second: SecondEstimator | None = None
    embedder: FaceEmbedder | None = None
    names: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def judge(self, picture: NDArray[np.uint8]) -> Judgement:
        """A picture uint8 [H, W, 3]; its face is looked for once, for all of them."""
        seen = self.own.estimate([picture])[0]
        if seen.face is None:
            return Judgement()
        found = Judgement(seen.age, seen.male)
        if self.second is not None:
            age, male = self.second.estimate(picture, seen.face)
            found = replace(found, second_age=age, second_male=male)
        if self.embedder is not None:
            found = replace(found, embedding=self.embedder.embed(picture, seen.face))
        return found


def open_judges(
    weights: WeightStore,
    own: AgeGenderEstimator,
    on_step: OnStep = ignore,
    kinds: Collection[str] = (SECOND_ESTIMATOR, FACE_EMBEDDING),
) -> Judges:
    """With those of `kinds` that can be had here; weights are fetched where they are missing."""
    names: dict[str, str] = {}
    missing: dict[str, str] = {}

    def opened(kind: str, opener: Callable[[Path], Judge]) -> Judge | None:
        if kind not in kinds:
            return None
        name = weights.default(kind)
        try:
            judge = opener(weights.checked(name, on_step))
        except (WeightsError, OutputError) as error:
            missing[kind] = str(error)
            return None
        names[kind] = name
        return judge

    second = opened(SECOND_ESTIMATOR, open_second_estimator)
    embedder = opened(FACE_EMBEDDING, FaceEmbedder)
    return Judges(own, second, embedder, names, missing)
