"""Seed lists as people write them, and the z they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequestError
from core.seeds import MAX_COUNT, MAX_SEED, draw_z, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", [3]),
        ("0-3", [0, 1, 2, 3]),
        ("1,2,5-10", [1, 2, 5, 6, 7, 8, 9, 10]),
        ("6000,6100,6500", [6000, 6100, 6500]),
        (" 9 , 4 - 5,9 ", [9, 4, 5, 9]),
        ("7-7", [7]),
        ("007", [7]),
        (str(MAX_SEED), [MAX_SEED]),
    ],
)
def test_parse_seeds_keeps_what_is_written(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing in ''. Write for example '0-15'"),
        ("a", "found 'a' in 'a'"),
        ("1,,2", "found nothing in '1,,2'"),
        ("-3", "found '-3'"),
        ("1.5", r"found '1\.5'"),
        ("²", "found '²'"),
        ("1-2-3", "found '1-2-3'"),
        ("5-1", "range 5-1 runs backwards. Write '1-5'"),
        (str(MAX_SEED + 1), r"must be in 0\.\.4294967295, is 4294967296"),
        ("9" * 6000, r"must be in 0\.\.4294967295, is 9{60}\.\.\."),
        ("0" * 6000 + "5-1", "range 5-1 runs backwards"),
        ("0-4294967295", f"asks for 4294967296 seeds, at most {MAX_COUNT}"),
        ("0-9999999,5", f"asks for 10000001 seeds, at most {MAX_COUNT}"),
    ],
)
def test_parse_seeds_refuses_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        parse_seeds(text)


@given(st.lists(st.tuples(st.integers(0, MAX_SEED - 50), st.integers(0, 50)), min_size=1))
def test_parse_seeds_reads_back_any_list_of_ranges(spans: list[tuple[int, int]]) -> None:
    text = ", ".join(f"{first}-{first + more}" for first, more in spans)
    expected = [seed for first, more in spans for seed in range(first, first + more + 1)]
    assert parse_seeds(text) == expected


@given(st.text(max_size=20))
def test_parse_seeds_answers_any_text_with_seeds_or_its_own_error(text: str) -> None:
    try:
        seeds = parse_seeds(text)
    except InvalidRequestError:
        return
    assert seeds and all(0 <= seed <= MAX_SEED for seed in seeds)


def test_draw_z_follows_the_stream_of_the_stylegan_scripts() -> None:
    z = draw_z([85, 0, 85], 512)
    assert z.shape == (3, 512) and z.dtype == np.float64
    # The first values of numpy.random.RandomState(0).randn, as numpy documents the stream.
    assert z[1, :3].tolist() == [1.764052345967664, 0.4001572083672233, 0.9787379841057392]
    assert (z[0] == z[2]).all() and (z[0] == np.random.RandomState(85).randn(1, 512)[0]).all()


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_draw_z_refuses_a_seed_numpy_does_not_take(seed: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"Seeds must be in .* one is {seed}"):
        draw_z([0, seed], 4)
