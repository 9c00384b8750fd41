"""Targets as FFHQ's people are, and the figures that control is judged by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequestError
from core.evaluation.control import (
    FFHQ_AGES,
    Target,
    draw_targets,
    mean_distance,
    precision_of,
)


def test_targets_follow_the_published_numbers():
    targets = draw_targets(20_000, seed=1)
    assert targets == draw_targets(20_000, seed=1)
    total = sum(men + women for _, _, men, women in FFHQ_AGES)
    for first, last, men, women in FFHQ_AGES:
        found = [t for t in targets if first <= t.age <= last]
        assert len(found) / 20_000 == pytest.approx((men + women) / total, abs=0.01)
        share = sum(t.gender == "male" for t in found) / len(found)
        assert share == pytest.approx(men / (men + women), abs=0.06)
    assert min(t.age for t in targets) >= 1


def test_faces_that_were_not_found_are_counted_apart():
    targets = [Target(20, "male"), Target(40, "female"), Target(60, "female")]
    found = precision_of(targets, np.array([23, np.nan, 59]), np.array([0.9, np.nan, 0.7]))
    assert (found.age_error, found.gender, found.without_face) == (2.0, 0.5, 1)
    assert found.within == 0.5 and found.faces == 3
    with pytest.raises(InvalidRequestError, match="No face"):
        precision_of(targets, np.full(3, np.nan), np.full(3, np.nan))


@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 1000))
def test_mean_distance_is_that_of_all_pairs(count, width, seed):
    points = np.random.RandomState(seed).randn(count, width)
    pairs = [
        np.linalg.norm(points[i] - points[j]) for i in range(count) for j in range(i + 1, count)
    ]
    assert mean_distance(points) == pytest.approx(np.mean(pairs), abs=1e-6)


def test_nothing_is_not_judged():
    with pytest.raises(InvalidRequestError, match="At least one"):
        draw_targets(0, 0)
    with pytest.raises(InvalidRequestError, match="at least two"):
        mean_distance(np.zeros((1, 3)))
