"""Measured effects on faces whose attributes are known functions of ws."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.directions import Direction, Effect, calibrated, measure_effect
from core.errors import Cancelled, InvalidRequestError
from core.progress import Step

LAYERS, WIDTH = 3, 8
NAMES = ("age", "male", "smile")
SCALE = np.array([10.0, 0.5, 2.0])
WS = np.random.default_rng(0).normal(size=(40, LAYERS, WIDTH)).astype(np.float32)


def direction(vector: dict[int, float], attribute: str = "age", name: str = "d") -> Direction:
    """Changes these columns of w in layer 1."""
    change = np.zeros((LAYERS, WIDTH), np.float32)
    for column, value in vector.items():
        change[1, column] = value
    return Direction(name, name, attribute, change, "tiny", "0" * 64)


def linear(ws: NDArray[np.float32]) -> NDArray[np.float64]:
    """The attributes are columns 0 to 2 of w in layer 1, in standard deviations."""
    return np.array([40, 0.5, 0]) + ws[:, 1, :3].astype(np.float64) * SCALE


def effect_of(moved: Direction, measure: Any = linear, **changes: Any) -> Effect:
    return measure_effect(moved, WS, measure, **{"names": NAMES, "scale": SCALE} | changes)


def test_effect_and_leakage_are_changes_per_unit_in_standard_deviations() -> None:
    found = effect_of(direction({0: 0.9, 1: -0.3, 2: 0.1}))
    assert found.per_unit == pytest.approx([0.9, -0.3, 0.1], abs=1e-5)
    assert found.effect == pytest.approx(0.9, abs=1e-5)
    assert found.leakage == pytest.approx({"male": -0.3, "smile": 0.1}, abs=1e-5)
    assert found.worst == ("male", pytest.approx(-0.3, abs=1e-5))
    assert found.ratio == pytest.approx(3, abs=1e-4)
    assert found.curve[-1] == pytest.approx([2.7, -0.9, 0.3], abs=1e-5)
    assert found.spread == pytest.approx(0, abs=1e-5)
    assert (found.safe, found.limits, found.faces) == ((-3.0, 3.0), ("", ""), 40)


def test_the_spread_tells_that_faces_go_different_ways() -> None:
    sign = np.where(np.arange(40) % 2, 1.0, -1.0)

    def two_ways(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        values = linear(ws)
        values[:, 1] = 0.5 + sign * ws[:, 1, 0] * SCALE[1]
        return values

    found = effect_of(direction({0: 1.0}), two_ways)
    assert found.per_unit == pytest.approx([1, 0, 0], abs=1e-5)
    assert found.spread == pytest.approx([0, 1, 0], abs=1e-5)


def test_a_direction_without_an_attribute_is_judged_by_what_it_moves_most() -> None:
    found = effect_of(direction({0: 0.2, 1: -0.6}, attribute=""))
    assert found.attribute == "male" and found.effect == pytest.approx(-0.6, abs=1e-5)


def test_nothing_that_leaks_is_an_infinite_ratio_that_json_can_hold() -> None:
    found = effect_of(
        direction({0: 1.0}), lambda ws: linear(ws)[:, :1], names=NAMES[:1], scale=SCALE[:1]
    )
    assert found.ratio == math.inf and found.worst == ("", 0.0)
    assert json.loads(json.dumps(found.facts(), allow_nan=False))["ratio"] is None


def test_the_range_ends_where_the_attribute_stops_following() -> None:
    def bent(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        values = linear(ws)
        moved = ws[:, 1, 0] - WS[:, 1, 0]
        values[:, 0] = 40 + 10 * np.clip(moved, -5, 2)
        return values

    found = effect_of(direction({0: 1.0}), bent)
    assert found.safe == (-3.0, 2.0) and found.limits == ("", "attribute")
    assert found.effect == pytest.approx(1, abs=1e-5)  # what is beyond does not count


def test_the_range_of_what_exists_one_way_only_is_half_a_step_the_other() -> None:
    def rare(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        values = linear(ws)
        values[:, 0] = 10 * np.maximum(ws[:, 1, 0] - WS[:, 1, 0], 0)
        return values

    found = effect_of(direction({0: 1.0}), rare)
    assert found.safe == (-0.5, 3.0) and found.limits == ("attribute", "")
    assert found.effect == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("lost", "high"), [(2, 3.0), (3, 1.0)])
def test_the_range_ends_where_more_than_a_twentieth_has_no_face(lost: int, high: float) -> None:
    def losing(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        values = linear(ws)
        far = np.flatnonzero(ws[:, 1, 0] - WS[:, 1, 0] > 1.5)
        values[far[:lost], 0] = np.nan
        return values

    found = effect_of(direction({0: 1.0}), losing)
    assert found.safe == (-3.0, high)
    assert found.limits == ("", "" if high == 3 else "face")
    assert found.effect == pytest.approx(1, abs=1e-5)


def test_faces_that_had_none_before_do_not_count() -> None:
    def half(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        values = linear(ws)
        values[::2, 0] = np.nan
        return values

    found = effect_of(direction({0: 1.0}), half)
    assert found.safe == (-3.0, 3.0) and found.effect == pytest.approx(1, abs=1e-5)


def test_the_range_ends_where_quality_is_lost() -> None:
    def quality(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.where(ws[:, 1, 0] - WS[:, 1, 0] < -1.5, 30.0, 80.0)

    found = effect_of(direction({0: 1.0}), quality=quality)
    assert found.safe == (-1.0, 3.0) and found.limits == ("quality", "")


def test_where_all_breaks_at_once_the_nearest_amounts_are_judged() -> None:
    found = effect_of(direction({0: 1.0}), quality=lambda ws: 1.0 * (ws == WS).all((1, 2)))
    assert found.safe == (-0.5, 0.5) and found.limits == ("quality", "quality")
    assert found.effect == pytest.approx(1, abs=1e-5)


def test_an_attribute_never_measured_is_not_a_leak() -> None:
    def without_smile(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        return linear(ws) * [1, 1, np.nan]

    found = effect_of(direction({0: 1.0, 1: 0.25, 2: 1.0}), without_smile)
    assert list(found.leakage) == ["male"] and math.isnan(found.per_unit[2])
    assert found.ratio == pytest.approx(4, abs=1e-4)


def test_identity_change_is_a_share_of_the_distance_of_different_faces() -> None:
    away = np.random.default_rng(1).normal(size=(40, 64))

    def embed(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        """Another person from 1 unit on; the same one before."""
        is_other = np.abs(ws[:, 1, 0] - WS[:, 1, 0]) > 0.9
        return np.where(is_other[:, None], np.roll(away, 1, axis=0), away)

    kept = effect_of(direction({0: 0.1}), embed=embed)
    lost = effect_of(direction({0: 1.0}), embed=embed, amounts=(-1.0, 1.0))
    assert kept.identity == pytest.approx(0, abs=1e-9)
    assert lost.identity == pytest.approx(1, abs=0.1)
    assert effect_of(direction({0: 1.0})).identity is None


def test_faces_that_were_not_found_do_not_count_for_the_identity() -> None:
    def embed(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        vectors = ws[:, 0, :4].astype(np.float64)
        vectors[0] = np.nan
        return vectors

    lost = effect_of(direction({0: 1.0}), embed=embed)
    assert lost.identity is not None and np.isfinite(lost.identity)


def test_every_amount_is_reported_and_can_stop_the_work() -> None:
    steps: list[Step] = []

    def stop(step: Step) -> None:
        steps.append(step)
        if step.done == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled, match="stopped"):
        effect_of(direction({0: 1.0}), on_step=stop)
    assert [(step.done, step.total) for step in steps] == [(1, 7), (2, 7)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amounts": (1.0, 2.0)}, "at least one below and one above 0"),
        ({"amounts": (-1.0, math.inf)}, "amounts must be finite"),
        ({"names": ("male", "smile", "hat")}, "'age', which is not measured. Measured are: male"),
        ({"scale": SCALE[:2]}, r"3 names and scales of \[2\]"),
        ({"measure": lambda ws: linear(ws)[:, :2]}, r"must give \[40, 3\].*gave \[40, 2\]"),
    ],
)
def test_an_effect_that_cannot_be_measured_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        effect_of(direction({0: 1.0}), **changes)


def test_one_face_has_no_identity_to_compare() -> None:
    with pytest.raises(InvalidRequestError, match=r"at least 2 face\(s\), got \[1, 3, 8\]"):
        measure_effect(
            direction({0: 1.0}), WS[:1], linear, names=NAMES, scale=SCALE, embed=lambda ws: ws[:, 0]
        )


def test_a_calibrated_direction_moves_by_one_and_keeps_its_range() -> None:
    def bent(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        values = linear(ws)
        values[:, 0] = 40 + 10 * np.clip(ws[:, 1, 0] - WS[:, 1, 0], -5, 1)
        return values

    before = direction({0: -0.5, 1: 0.1})
    found = calibrated(before, effect_of(before, bent))
    assert found.safe == pytest.approx((-1.5, 1.0), abs=1e-4)  # it was -2 to 3, the other way
    again = effect_of(found, bent, amounts=(-1.0, 1.0))
    assert again.per_unit == pytest.approx([1, -0.2, 0], abs=1e-4)
    measured = found.facts["measured"]
    assert measured["effect"] == 1 and measured["worst"] == ["male", pytest.approx(-0.2)]
    assert measured["limits"] == ["", "attribute"]


def test_a_direction_that_moves_nothing_is_not_calibrated() -> None:
    weak = direction({0: 0.01})
    with pytest.raises(
        InvalidRequestError, match=r"moves 'age' by only 0\.010 standard deviations"
    ):
        calibrated(weak, effect_of(weak))
