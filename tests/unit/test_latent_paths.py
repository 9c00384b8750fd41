"""Interpolation, walks and mixing: where they start, end and pass through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InvalidRequestError
from core.generators.generator import Generator
from core.latent_paths import (
    frame_count,
    lerp_w,
    mix_styles,
    parse_layers,
    slerp_z,
    walk_ws,
    walk_z,
)
from core.sampling import ws_from_z
from core.seeds import draw_z
from tests.tiny_generator import tiny_generator

VECTORS = arrays(np.float64, 8, elements=st.floats(-5, 5))


@pytest.fixture(scope="module")
def tiny() -> Generator:
    return tiny_generator()


def ws(count: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randn(count, 4, 16).astype(np.float32)


@given(VECTORS, VECTORS, st.floats(0, 1))
def test_slerp_ends_exactly_and_changes_length_evenly(
    a: np.ndarray, b: np.ndarray, t: float
) -> None:
    a_length, b_length = np.linalg.norm(a), np.linalg.norm(b)
    assert np.array_equal(slerp_z(a, b, 0.0), a) and np.array_equal(slerp_z(a, b, 1.0), b)
    if min(a_length, b_length) > 1e-9:
        length = np.linalg.norm(slerp_z(a, b, t))
        assert length == pytest.approx((1 - t) * a_length + t * b_length, rel=1e-9)


def test_slerp_halves_a_right_angle() -> None:
    middle = slerp_z(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 0.5)
    assert middle == pytest.approx([2**0.5, 2**0.5])


@pytest.mark.parametrize("tilt", [0.0, 1e-15, 1e-9])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_slerp_is_smooth_between_parallel_and_opposite_vectors(tilt: float, sign: float) -> None:
    a, b = np.array([3.0, 0.0, 0.0]), np.array([sign * 3.0, tilt, 0.0])
    path = slerp_z(a, b, np.linspace(0, 1, 21))
    assert np.linalg.norm(path, axis=1) == pytest.approx(np.full(21, 3.0))
    strides = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert strides == pytest.approx(strides.mean(), abs=1e-6)


def test_slerp_of_many_is_the_slerp_of_each() -> None:
    a, b, t = draw_z(range(5), 16), draw_z(range(5, 10), 16), np.linspace(0, 1, 5)
    each = [slerp_z(*three) for three in zip(a, b, t, strict=True)]
    assert np.array_equal(slerp_z(a, b, t), np.stack(each))


def test_lerp_ends_exactly() -> None:
    a, b = ws(2)
    assert np.array_equal(lerp_w(a, b, 0), a) and np.array_equal(lerp_w(a, b, 1), b)
    assert np.allclose(lerp_w(a, b, 0.25), 0.75 * a + 0.25 * b)


@pytest.mark.parametrize(("loop", "count"), [(False, 9), (True, 12)])
def test_a_walk_passes_its_keyframes_every_so_many_steps(loop: bool, count: int) -> None:
    keyframes = ws(3)
    frames = list(walk_ws(keyframes, 4, loop=loop))
    assert len(frames) == frame_count(3, 4, loop=loop) == count
    assert all(np.array_equal(frames[4 * key], keyframes[key]) for key in range(3))
    assert np.allclose(frames[5], 0.75 * keyframes[1] + 0.25 * keyframes[2], atol=1e-6)


def test_a_looped_walk_goes_on_to_its_start_without_repeating_it() -> None:
    keyframes = ws(2)
    last = list(walk_ws(keyframes, 4, loop=True))[-1]
    assert np.allclose(last, 0.25 * keyframes[1] + 0.75 * keyframes[0], atol=1e-6)


def test_a_walk_in_z_has_the_bits_of_its_seeds_at_the_keyframes(tiny: Generator) -> None:
    z = draw_z([6000, 6100, 6500], 16)
    frames = list(walk_z(tiny, z, 150, psi=0.7))
    assert len(frames) == 301
    assert np.array_equal(np.stack(frames[::150]), ws_from_z(tiny, z, psi=0.7))
    turned = slerp_z(z[0], z[1], 0.5)[None]
    assert np.array_equal(frames[75], ws_from_z(tiny, turned, psi=0.7)[0])


@pytest.mark.parametrize(
    ("keyframes", "steps", "message"),
    [(1, 4, "at least 2 faces to go between, got 1"), (2, 0, "at least 1 step .* got 0")],
)
def test_a_walk_to_nowhere_is_refused_at_once(keyframes: int, steps: int, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        walk_ws(ws(keyframes), steps)


@given(st.lists(st.integers(0, 3)))
def test_mixing_takes_the_named_layers_and_no_other(layers: list[int]) -> None:
    a, b = ws(2, 0), ws(2, 1)
    mixed = mix_styles(a, b, layers)
    for layer in range(4):
        source = b if layer in layers else a
        assert np.array_equal(mixed[:, layer], source[:, layer])
    assert np.array_equal(a, ws(2, 0))


def test_one_face_is_mixed_into_many() -> None:
    mixed = mix_styles(ws(3), ws(1, 1), [3])
    assert np.array_equal(mixed[:, 3], np.repeat(ws(1, 1)[:, 3], 3, axis=0))
    assert np.array_equal(mix_styles(ws(3)[0], ws(1, 1)[0], [3]), mixed[0])


@pytest.mark.parametrize(
    ("b", "layers", "message"),
    [
        (ws(1), [0, 4, -1], r"must be in 0\.\.3 for a generator of 4 layers, got \[4, -1\]"),
        (ws(1)[:, :3], [0], r"same layers and width, got \[3, 4, 16\] and \[1, 3, 16\]"),
        (ws(2), [0], r"\[2, 4, 16\] cannot be mixed into \[3, 4, 16\]"),
    ],
)
def test_mixing_what_does_not_fit_is_refused(
    b: np.ndarray, layers: list[int], message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        mix_styles(ws(3), b, layers)


def test_layers_are_read_within_the_generator() -> None:
    assert parse_layers("0-3, 8", 18) == [0, 1, 2, 3, 8]
    with pytest.raises(InvalidRequestError, match=r"A layer must be in 0\.\.17, is 18.* 18 layers"):
        parse_layers("0-18", 18)
    with pytest.raises(InvalidRequestError, match="Expected a layer or a range of layers"):
        parse_layers("coarse", 18)
