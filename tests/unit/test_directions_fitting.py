"""Fits on faces whose attributes are known functions of w, so that the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.directions import fit_boundary, fit_from_sets, fit_regression
from core.directions.fitting import TYPICAL, most_and_least, projected_out
from core.directions.layers import checked_layers, mean_over_layers
from core.directions.regression import AttributeRegression
from core.errors import InvalidRequestError
from core.generators import Identity
from core.latents import LatentSpace

LAYERS, WIDTH = 6, 12
SPACE = LatentSpace(Identity("tiny", "0" * 64), LAYERS, WIDTH)
NAMES = ("age", "male", "beard")
RANDOM = np.random.default_rng(5)
ROOT = np.linalg.qr(RANDOM.normal(size=(WIDTH, WIDTH)))[0] * np.geomspace(1, 0.2, WIDTH)
COVARIANCE = ROOT @ ROOT.T
SLOPES = RANDOM.normal(size=(3, WIDTH))  # of the attributes, per unit of w
SLOPES[2] = 0.7 * SLOPES[1] + 0.3 * SLOPES[2]  # beards go with being male


def faces(count: int, seed: int = 0) -> NDArray[np.float32]:
    """w [N, D] with that covariance."""
    return (np.random.default_rng(seed).normal(size=(count, WIDTH)) @ ROOT.T).astype(np.float32)


def measured(w: NDArray[np.floating]) -> NDArray[np.float32]:
    """age in years, male, beard: [N, 3]."""
    return (np.array([35, 0.5, 0]) + w @ SLOPES.T).astype(np.float32)


def regression(**changes: object) -> AttributeRegression:
    w = faces(400)
    two = np.stack([w, w[::-1]], axis=1)
    known = {"space": SPACE, "ridge": 1e-9} | changes
    crossover = np.full(len(w), LAYERS)
    return fit_regression(two, crossover, measured(w), NAMES, **known)  # type: ignore[arg-type]


def change_of(values_before: NDArray[np.floating], w: NDArray[np.floating]) -> list[float]:
    """Mean change of the attributes in standard deviations of random faces."""
    scale = measured(faces(400)).std(axis=0)
    return ((measured(w) - values_before) / scale).mean(axis=0).tolist()


def test_a_conditional_direction_moves_its_attribute_alone() -> None:
    found = regression().direction("beard", hold=("age", "male"))
    w = faces(50, seed=9)
    moved = found.apply(np.repeat(w[:, None], LAYERS, 1), 1.0)
    assert change_of(measured(w), moved[:, 0]) == pytest.approx([0, 0, 1], abs=1e-3)


def test_without_holding_the_entangled_one_moves_too() -> None:
    found = regression().direction("beard")
    _, male, beard = change_of(measured(faces(50)), faces(50) + found.vector[0])
    assert beard == pytest.approx(1, abs=1e-3) and male > 0.3


def test_no_smaller_change_of_w_does_the_same() -> None:
    fit = regression()
    found = fit.direction("age", hold=("male",)).vector[0].astype(np.float64)
    held = fit.slopes_of(["age", "male"])
    inverse = np.linalg.inv(fit.covariance)
    for other in np.random.default_rng(0).normal(size=(20, WIDTH)):
        other = other - held.T @ np.linalg.solve(held @ held.T, held @ other)  # moves neither
        assert abs(found @ inverse @ other) < 1e-3 * np.sqrt(other @ inverse @ other)


def test_only_the_chosen_layers_change_and_mixed_faces_are_seen_through_them() -> None:
    w = np.stack([faces(400), faces(400, seed=1)], axis=1)  # [N, 2, D]
    crossover = np.arange(400) % LAYERS + 1
    seen = mean_over_layers(w, crossover, (1, 2))
    fit = fit_regression(
        w, crossover, measured(seen), NAMES, space=SPACE, layers=(2, 1), ridge=1e-9
    )
    found = fit.direction("age", hold=("male",))
    assert found.layers == (1, 2) and found.facts["layers"] == [1, 2]
    assert fit.explained == pytest.approx(1, abs=1e-4)
    assert list(fit.predicted(found).values())[:2] == pytest.approx([1, 0], abs=1e-3)


def test_the_mean_over_layers_is_that_of_the_ws() -> None:
    w = np.stack([faces(30), faces(30, seed=1)], axis=1)
    crossover = np.arange(30) % (LAYERS + 1)
    ws = np.where((np.arange(LAYERS) < crossover[:, None])[..., None], w[:, :1], w[:, 1:])
    for layers in ((0,), (1, 4, 5), tuple(range(LAYERS))):
        expected = ws[:, list(layers)].mean(axis=1)
        assert np.allclose(mean_over_layers(w, crossover, layers), expected, atol=1e-6)


def test_faces_without_a_value_are_left_out_for_that_attribute_alone() -> None:
    w = faces(400)
    values = measured(w)
    values[:250, 0] = np.nan  # most of age: the few known are summed anew
    values[5:20, 1] = np.nan  # few of male
    two, crossover = np.stack([w, w], axis=1), np.full(400, LAYERS)
    scale = measured(w).std(axis=0)
    fit = fit_regression(two, crossover, values, NAMES, space=SPACE, scale=scale, ridge=1e-9)
    assert np.allclose(fit.slopes * scale[:, None], SLOPES, atol=1e-3)


def test_an_attribute_that_was_hardly_measured_is_not_offered() -> None:
    w = faces(400)
    values = measured(w)
    values[9:, 0], values[:, 2] = np.nan, 1.0
    fit = fit_regression(np.stack([w, w], 1), np.full(400, LAYERS), values, NAMES, space=SPACE)
    assert list(fit.predicted(fit.direction("male"))) == ["male"]
    for name in ("age", "beard"):
        with pytest.raises(InvalidRequestError, match=f"'{name}' was measured on fewer than 10"):
            fit.direction("male", hold=(name,))
    with pytest.raises(InvalidRequestError, match=r"no attribute 'hat'. Choose of: age, male"):
        fit.direction("hat")


def test_holding_the_same_thing_under_another_name_is_refused() -> None:
    w = faces(400)
    values = np.stack([measured(w)[:, 1], 2 * measured(w)[:, 1] + 1], axis=1)
    two, crossover = np.stack([w, w], axis=1), np.full(400, LAYERS)
    fit = fit_regression(two, crossover, values, ("male", "man"), space=SPACE)
    with pytest.raises(InvalidRequestError, match="'male' cannot be moved while man stays"):
        fit.direction("male", hold=("man",))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ()}, r"layers must be in 0..5, at least one; got \[\]"),
        ({"layers": (6,)}, r"layers must be in 0..5, at least one; got \[6\]"),
        ({"layers": (-1, 2)}, r"layers must be in 0..5"),
        ({"ridge": 0.0}, "ridge must be above 0"),
        ({"scale": np.ones(2)}, "scale must be 3 numbers"),
        ({"space": LatentSpace(SPACE.identity, LAYERS, 8)}, r"finite w \[N, 2, 8\], got 400 of"),
    ],
)
def test_a_regression_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        regression(**changes)


def test_layers_are_sorted_and_none_means_all() -> None:
    assert checked_layers((3, 1, 3), LAYERS) == (1, 3)
    assert checked_layers(None, 3) == (0, 1, 2)


@pytest.mark.parametrize("method", ["svm", "logistic"])
def test_a_boundary_finds_the_plane_that_labels_come_from(method: str) -> None:
    w = np.random.default_rng(0).normal(size=(600, WIDTH))
    normal = SLOPES[0] / np.linalg.norm(SLOPES[0])
    is_with = w @ normal > 0.3
    found = fit_boundary(w[is_with], w[~is_with], method=method)  # type: ignore[arg-type]
    assert found.normal @ normal > 0.98 and np.linalg.norm(found.normal) == pytest.approx(1)
    assert found.accuracy is not None and found.accuracy > 0.9


def test_few_faces_are_all_learned_from() -> None:
    found = fit_boundary(np.eye(WIDTH)[:2], -np.eye(WIDTH)[:2])
    assert found.accuracy is None and found.normal[:2] == pytest.approx(0.5**0.5, abs=1e-4)
    assert found.normal[2:] == pytest.approx(0)


@pytest.mark.parametrize(
    ("with_w", "without_w", "method", "message"),
    [
        (np.zeros((0, 3)), np.ones((2, 3)), "svm", "got 0 'with' and 2 'without'"),
        (np.ones((2, 3)), np.ones((2, 4)), "svm", r"are \[2, 3\] and \[2, 4\]"),
        (np.ones((2, 3)), np.ones((2, 3)), "svm", "All faces are the same one"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), "svm", "not finite"),
        (np.eye(3), np.ones((2, 3)), "forest", "by svm or logistic with .*'forest'"),
    ],
)
def test_a_boundary_that_cannot_be_is_refused(
    with_w: NDArray[np.float64], without_w: NDArray[np.float64], method: str, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        fit_boundary(with_w, without_w, method=method)  # type: ignore[arg-type]


def test_the_surest_faces_are_those_of_the_ends() -> None:
    most, least = most_and_least(np.array([5, np.nan, 1, 9, 7, 3.0]), share=0.4)
    assert most.tolist() == [3, 4] and least.tolist() == [2, 5]
    with pytest.raises(InvalidRequestError, match=r"above 0 and at most 0.5, is 0.6"):
        most_and_least(np.arange(9.0), share=0.6)
    with pytest.raises(InvalidRequestError, match=r"0\.1 of 3 measured faces is none"):
        most_and_least(np.array([1, 2, 3, np.nan]), share=0.1)


def test_a_projected_normal_crosses_no_other_boundary() -> None:
    found = projected_out(SLOPES[0], SLOPES[[1, 2, 1]])
    assert SLOPES[1:] @ found == pytest.approx(0, abs=1e-9)
    assert np.linalg.norm(found) == pytest.approx(1)
    with pytest.raises(InvalidRequestError, match="Nothing of this direction is left"):
        projected_out(SLOPES[1] - SLOPES[0], SLOPES[:2])


def sets(count: int, seed: int = 2) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """ws of the `count` faces with the most and the least 'age' of eight times as many."""
    w = faces(count * 8, seed)
    order = np.argsort(measured(w)[:, 0])
    ws = np.repeat(w[:, None], LAYERS, axis=1)
    return ws[order[-count:]], ws[order[:count]]


def from_sets(with_ws: NDArray[np.floating], without_ws: NDArray[np.floating], **changes: object):
    known = {"space": SPACE, "covariance": COVARIANCE, "name": "mine"} | changes
    return fit_from_sets(with_ws, without_ws, **known)  # type: ignore[arg-type]


def test_a_direction_from_sets_gets_better_with_more_faces_and_has_its_unit() -> None:
    ideal = COVARIANCE @ SLOPES[0]
    ideal /= np.sqrt(SLOPES[0] @ ideal)  # one standard deviation of age, the nearest way
    errors = [np.abs(from_sets(*sets(n)).vector - ideal).max() for n in (1, 10, 1000)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.05 * np.abs(ideal).max()


def test_few_faces_count_more_where_faces_differ_more() -> None:
    apart = np.repeat(ROOT.sum(axis=1)[None], LAYERS, axis=0)  # one deviation in each component
    for count in (1, 50):
        with_ws = apart + np.zeros((count, 1, 1))
        found = from_sets(with_ws.astype(np.float32), np.zeros_like(with_ws, np.float32))
        y = np.linalg.solve(ROOT, found.vector[0])
        expected = TYPICAL**2 * (ROOT**2).sum(axis=0) / (ROOT**2).sum()
        shrunk = expected / (expected + 2 / count)
        assert y == pytest.approx(shrunk / np.linalg.norm(shrunk), rel=1e-3)


def test_what_differs_by_rounding_alone_is_refused() -> None:
    with_ws, _ = sets(3)
    almost = with_ws[::-1] * np.float32(1 + 2e-7)
    with pytest.raises(InvalidRequestError, match="do not differ"):
        from_sets(with_ws, almost)


def test_one_face_on_each_side_is_enough() -> None:
    with_ws, without_ws = sets(1)
    found = from_sets(with_ws, without_ws, layers=(0, 3), title="Mine", attribute="age")
    assert found.layers == (0, 3) and (found.title, found.attribute) == ("Mine", "age")
    assert (found.facts["with"], found.facts["without"]) == (1, 1)
    assert SLOPES[0] @ found.vector[0] > 0
    length = found.vector[0] @ np.linalg.solve(COVARIANCE, found.vector[0])
    assert length == pytest.approx(1, rel=1e-3)  # one standard deviation of random faces


def test_held_attributes_do_not_change_with_peoples_own_directions() -> None:
    plain = from_sets(*sets(20)).vector[0]
    held = from_sets(*sets(20), held_slopes=SLOPES[1:]).vector[0]
    assert np.abs(SLOPES[1:] @ held).max() < 1e-4 < np.abs(SLOPES[1:] @ plain).max()
    assert SLOPES[0] @ held > 0


def test_faces_in_both_sets_are_left_out() -> None:
    with_ws, without_ws = sets(5)
    found = from_sets(np.concatenate([with_ws, without_ws[:2]]), without_ws)
    assert found.facts["in_both"] == 2
    assert np.array_equal(found.vector, from_sets(with_ws, without_ws[2:]).vector)


@pytest.mark.parametrize(
    ("num_with", "num_without", "message"),
    [
        (slice(0, 0), slice(0, 3), "got 0 'with' and 3 'without'. Choose faces for the empty"),
        (slice(0, 3), slice(0, 0), "got 3 'with' and 0 'without'"),
        (slice(0, 3), slice(0, 3), "overlap: each face 'with' is in the other set"),
        (slice(0, 3), slice(1, 2), "overlap: each face 'without' is in the other set"),
    ],
)
def test_sets_that_say_nothing_are_refused(
    num_with: slice, num_without: slice, message: str
) -> None:
    ws = sets(3)[0]
    with pytest.raises(InvalidRequestError, match=message):
        from_sets(ws[num_with], ws[num_without])


def test_sets_that_do_not_differ_in_the_chosen_layers_are_refused() -> None:
    ws = sets(1)[0]
    other = ws.copy()
    other[:, 5] += 1
    with pytest.raises(InvalidRequestError, match=r"do not differ in the layers \[0, 1\]"):
        from_sets(other, ws, layers=(0, 1))
    assert from_sets(other, ws, layers=(4, 5)).layers == (4, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"covariance": np.eye(3)}, r"covariance of w must be finite, \[12, 12\], is \[3, 3\]"),
        ({"covariance": np.full((WIDTH, WIDTH), np.nan)}, "covariance of w must be finite"),
        ({"space": LatentSpace(SPACE.identity, 4, WIDTH)}, r"have ws \[N, 4, 12\], got \[3, 6,"),
        ({"held_slopes": np.ones(WIDTH)}, r"held must be finite, \[H, 12\], is \[12\]"),
        ({"held_slopes": np.full((1, WIDTH), np.nan)}, r"held must be finite"),
        ({"name": "My own!"}, "name has 1 to 64 of a-z"),
    ],
)
def test_sets_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        from_sets(*sets(3), **changes)
