"""Layers of any generator, with what can be measured on its faces."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from core.attributes.estimators import Estimate
from core.errors import InvalidRequestError
from core.export.charts import BLUE, heat_table
from studio.model_cache import ModelCache
from studio.workflows.layer_evaluation import evaluate_layers
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures


class Bright:
    """Finds a face everywhere: the brighter, the older."""

    def estimate(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Estimate]:
        return [Estimate(float(each.mean()), float(each[..., 0].mean() > 99)) for each in pictures]


def test_without_a_segmenter_age_and_gender_are_measured(
    small_models: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.workflows.layer_evaluation.AgeGenderEstimator", Bright)
    table = evaluate_layers(small_models, "small", 4)["influence"]
    assert list(table) == ["4", "8", "16", "32"]
    assert all(set(shares) == {"age", "male"} for shares in table.values())
    assert sum(shares["age"] for shares in table.values()) > 0.5


def test_pictures_without_faces_are_told(small_models: ModelCache) -> None:
    with pytest.raises(InvalidRequestError, match="no face was found"):
        evaluate_layers(small_models, "small", 2)


def test_cells_are_bluer_the_more_they_say() -> None:
    picture = heat_table("t", ["a", "b"], ["x", "y"], [[1.0, 0.0], [0.5, math.nan]])
    found = {colour for _, colour in picture.getcolors(picture.width * picture.height)}
    half = tuple(round(255 + 0.5 * (blue - 255)) for blue in BLUE)
    assert BLUE in found and half in found
