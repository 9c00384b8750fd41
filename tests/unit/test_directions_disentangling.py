"""Directions freed of leaks on faces whose attributes are known functions of ws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.directions import Basis, Direction, disentangled, measure_effect
from core.directions.training import FaceData, FitPlan, Freeing, Judging, fit_directions
from core.errors import InvalidRequestError
from core.latents import Identity, LatentSpace
from core.progress import Step

LAYERS, WIDTH = 3, 8
NAMES = ("age", "male", "smile")
SCALE = np.array([10.0, 0.5, 2.0])
COVARIANCE = np.diag(np.linspace(1, 2, WIDTH))
SPACE = LatentSpace(Identity("tiny", "0" * 64), LAYERS, WIDTH)


def direction(vector: list[float], name: str) -> Direction:
    """Changes the first columns of w in layer 1."""
    change = np.zeros((LAYERS, WIDTH), np.float32)
    change[1, : len(vector)] = vector
    return Direction(name, name, name, change, "tiny", "0" * 64)


RAW = [
    direction([1.0, 0.5, -0.2], "age"),
    direction([0.4, 0.9, 0.3], "male"),
    direction([0.1, -0.3, 1.1], "smile"),
]


def slopes_of(directions: list[Direction]) -> NDArray[np.float64]:
    """The attributes are columns 0 to 2 of w in layer 1."""
    return np.stack([each.vector[1, :3] for each in directions], axis=1).astype(np.float64)


def basis(directions: list[Direction] = RAW, covariance: NDArray[np.float64] = COVARIANCE) -> Basis:
    return Basis(directions, slopes_of(directions), NAMES, covariance)


def freed(place: int, leak: float) -> Direction:
    return disentangled(RAW[place], slopes_of(RAW)[:, place], basis(), leak)


@pytest.mark.parametrize("place", range(3))
def test_without_leeway_each_moves_one_thing_alone(place: int) -> None:
    assert slopes_of([freed(place, 0.0)])[:, 0] == pytest.approx(np.eye(3)[place], abs=1e-5)


@given(place=st.integers(0, 2), leak=st.floats(0, 0.6))
def test_leeway_is_kept_and_makes_the_change_no_longer(place: int, leak: float) -> None:
    changes = slopes_of([freed(place, leak)])[:, 0]
    assert changes[place] == pytest.approx(1, abs=1e-5)
    assert np.abs(np.delete(changes, place)).max() <= leak + 1e-5
    strict, length = freed(place, 0.0).facts["length"], freed(place, leak).facts["length"]
    assert length <= strict + 1e-4


def test_the_length_is_told_in_the_standard_deviations_of_w() -> None:
    wide = disentangled(RAW[0], slopes_of(RAW)[:, 0], basis(covariance=COVARIANCE * 4), 0.0)
    assert wide.facts["length"] == pytest.approx(freed(0, 0.0).facts["length"] / 2, abs=1e-4)
    assert freed(0, 0.0).facts["length"] == pytest.approx(1, abs=1e-4)  # column 0 alone


def test_what_adds_nothing_is_not_added() -> None:
    own = direction([1.0], "age")
    alone = disentangled(
        own, np.array([1.0, 0, 0]), Basis([own], np.eye(3)[:, :1], NAMES, COVARIANCE)
    )
    assert np.allclose(alone.vector, own.vector) and alone.facts["added"] == {}


def test_what_no_combination_can_do_is_refused() -> None:
    age = direction([1.0, 0.5], "age")
    narrow = Basis([age], np.array([[1.0], [0.5], [0.0]]), NAMES, COVARIANCE)
    with pytest.raises(InvalidRequestError, match=r"moves 'age' and any other by at most 0\.2"):
        disentangled(age, narrow.slopes[:, 0], narrow)


@pytest.mark.parametrize(
    ("slopes", "names", "message"),
    [
        (np.eye(2), NAMES, r"slopes must be \[3, 3\].*are \[2, 2\]"),
        (np.full((3, 3), np.nan), NAMES, "do to age, male, smile was not measured. Leave these"),
    ],
)
def test_slopes_that_say_nothing_are_refused(
    slopes: NDArray[np.float64], names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        Basis(RAW, slopes, names, COVARIANCE)


def test_an_attribute_that_is_not_told_of_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="does to 'hat' is not among the slopes"):
        disentangled(direction([1.0], "hat"), np.zeros(3), basis())


def test_directions_of_two_generators_are_not_combined() -> None:
    other = Direction("b", "b", "male", RAW[1].vector, "other", "1" * 64)
    with pytest.raises(InvalidRequestError, match="of one generator"):
        Basis([RAW[0], other], np.eye(2), NAMES[:2], COVARIANCE)


def bent(ws: NDArray[np.float32]) -> NDArray[np.float64]:
    """Nearly the first three columns of w in layer 1; each leans on the next one."""
    seen = ws[:, 1, :3].astype(np.float64)
    return np.array([40, 0.5, 0]) + (seen + 0.3 * np.tanh(seen[:, [1, 2, 0]])) * SCALE


@pytest.fixture(scope="module")
def data() -> FaceData:
    source = np.random.default_rng(0)
    axes = np.eye(WIDTH)
    axes[0, :3] = 1, 0.6, 0.3  # the attributes come together in random faces
    w = (source.normal(size=(400, 1, WIDTH)) @ axes).repeat(2, 1).astype(np.float32)
    values = bent(w[:, :1].repeat(LAYERS, 1)).astype(np.float32)
    covariance = np.cov(w[:, 0], rowvar=False)
    return FaceData(w, np.full(400, LAYERS), values, NAMES, SCALE, covariance)


def fitted(data: FaceData, *rounds: int, **changes: float) -> tuple[list[Direction], float]:
    """And the largest leak, over its effect, of those wanted."""
    ws = np.random.default_rng(1).normal(size=(12, LAYERS, WIDTH)).astype(np.float32)
    layers = dict.fromkeys(NAMES, (1,))
    plan = FitPlan(layers, ("age", "smile"), **{"leak": 0.1, "least_ratio": 0} | changes)
    stages = [Freeing(ws[:6], bent, each) for each in rounds]
    kept, measured = fit_directions(
        data, SPACE, plan, {"age": "Age"}, stages, Judging(ws[6:], bent)
    )
    return kept, max(1 / effect.ratio for effect in measured.values())


def test_rounds_free_directions_of_what_leaks(data: FaceData) -> None:
    leaks = [fitted(data, rounds)[1] for rounds in range(3)]
    assert leaks[0] > 0.5 > 0.2 > leaks[2]
    kept, _ = fitted(data, 2)
    assert [(each.name, each.title) for each in kept] == [("age", "Age"), ("smile", "smile")]
    for each in kept:
        again = measure_effect(
            each,
            np.zeros((1, LAYERS, WIDTH), np.float32),
            bent,
            names=NAMES,
            scale=SCALE,
            amounts=(-1.0, 1.0),
        )
        assert again.effect == pytest.approx(1, abs=0.2)


def test_a_stage_begins_with_what_the_one_before_it_made(data: FaceData) -> None:
    (alone, _), (after, leak) = fitted(data, 1), fitted(data, 2, 1)
    assert leak < 0.2
    first, second = (kept[0].facts["added"] for kept in (alone, after))
    assert sum(map(abs, second.values())) < 0.3 * sum(map(abs, first.values()))


def test_a_round_that_makes_it_worse_does_not_count(data: FaceData) -> None:
    ws = np.random.default_rng(1).normal(size=(12, LAYERS, WIDTH)).astype(np.float32)
    seen: list[int] = []

    def worse(ws: NDArray[np.float32]) -> NDArray[np.float64]:
        """From the last round on everything leaks into everything."""
        seen.append(len(ws))
        own = bent(ws) - np.array([40, 0.5, 0])
        return (
            own if len(seen) <= (1 + 2 * 3) + (1 + 2) else own + own.sum(1, keepdims=True) * SCALE
        )

    plan = FitPlan(dict.fromkeys(NAMES, (1,)), ("age",), leak=0.1, least_ratio=0)
    kept = [
        fit_directions(
            data, SPACE, plan, {}, [Freeing(ws[:6], measure, rounds)], Judging(ws[6:], bent)
        )[0][0]
        for measure, rounds in ((bent, 1), (worse, 2))
    ]
    np.testing.assert_array_equal(kept[0].vector, kept[1].vector)


def test_a_shorter_direction_may_leak_more(data: FaceData) -> None:
    (long, leak), (short, more) = fitted(data, 1), fitted(data, 1, longest=0.1)
    assert all(each.facts["leak"] == pytest.approx(0.1) for each in long)
    assert all(each.facts["leak"] == pytest.approx(0.3) for each in short)
    assert short[0].facts["length"] < long[0].facts["length"] and more > leak


def test_each_direction_measured_is_a_step(data: FaceData) -> None:
    ws = np.random.default_rng(1).normal(size=(4, LAYERS, WIDTH)).astype(np.float32)
    plan = FitPlan(dict.fromkeys(NAMES, (1,)), ("age",), least_ratio=0)
    stages = [Freeing(ws[:2], bent, 2), Freeing(ws[:2], bent, 0), Freeing(ws[:2], bent, 1)]
    steps: list[Step] = []
    fit_directions(data, SPACE, plan, {}, stages, Judging(ws[2:], bent), steps.append)
    assert steps[-1].done == steps[-1].total == (3 + 2 * 3) + (3 + 1) + 1
    assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_what_still_leaks_is_measured_and_not_kept(data: FaceData) -> None:
    kept, worst = fitted(data, 0, least_ratio=3)
    assert kept == [] and worst > 1 / 3


def test_an_attribute_that_nobody_measured_is_refused(data: FaceData) -> None:
    plan = FitPlan({"hat": (1,)}, ("hat",))
    ws = np.zeros((1, LAYERS, WIDTH), np.float32)
    with pytest.raises(InvalidRequestError, match=r"no attributes hat\. There are: age, male"):
        fit_directions(data, SPACE, plan, {}, [], Judging(ws, bent))
