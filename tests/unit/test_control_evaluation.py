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
from core.evaluation.opinions import (
    Recalibration,
    moved,
    recalibration_of,
    second_opinion,
    spread,
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


def test_recalibration_gives_the_second_estimator_our_mean_and_spread():
    own, second = np.array([20.0, 30, np.nan, 52]), np.array([25.0, 22, 40, 33])
    recalibrate = recalibration_of(own, second)
    found = recalibrate(second[[0, 1, 3]])
    assert found.mean() == pytest.approx(34) and found.std() == pytest.approx(own[[0, 1, 3]].std())
    with pytest.raises(InvalidRequestError, match="at least 3 faces of different ages"):
        recalibration_of(own, np.full(4, 30.0))
    with pytest.raises(InvalidRequestError, match="there are 2"):
        recalibration_of(own[:3], second[:3])


def test_a_second_opinion_is_held_against_the_order_and_against_ours():
    targets = [Target(20, "male"), Target(40, "female"), Target(60, "female"), Target(5, "male")]
    own = np.array([21.0, 40, 60, np.nan]), np.array([0.9, 0.1, 0.1, np.nan])
    second = np.array([14.0, 30, 59, np.nan]), np.array([0.9, 0.8, 0.7, np.nan])
    found = second_opinion(targets, own, second, Recalibration(1.0, 5.0))
    assert (found["second_age_error"], found["second_median_age_error"]) == (5.667, 6.0)
    assert (found["second_gender"], found["same_gender"]) == (0.3333, 0.3333)
    assert found["disagreement"] == 6.0
    assert (found["recalibrated_age_error"], found["recalibrated_median_age_error"]) == (3.333, 4)
    assert second_opinion(targets, own, (np.full(4, np.nan),) * 2, None) == {}


def test_faces_that_stay_themselves_have_not_moved():
    faces = np.eye(4, 128, dtype=np.float32)
    faces[3] = np.nan
    assert spread(faces) == pytest.approx(2**0.5) and spread(faces[2:]) is None
    assert moved(faces, faces) == 0 and moved(faces, faces[[1, 0, 3, 2]]) == pytest.approx(2**0.5)
    assert moved(faces[3:], faces[3:]) is None


def test_nothing_is_not_judged():
    with pytest.raises(InvalidRequestError, match="At least one"):
        draw_targets(0, 0)
    with pytest.raises(InvalidRequestError, match="at least two"):
        mean_distance(np.zeros((1, 3)))
