"""Seeds: what people write for them, and the z they stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError

MAX_SEED = 2**32 - 1  # the largest that numpy.random.RandomState takes
MAX_COUNT = 10_000_000  # seeds in one request


def parse_seeds(text: str) -> list[int]:
    """Read '3', '0-15' or '1,2,5-10': single seeds and ranges, both ends included.

    The order and any repetition stay as written; spaces are ignored. Raises
    InvalidRequestError for anything else, for seeds above MAX_SEED and for more than
    MAX_COUNT of them.
    """
    return parse_numbers(text, what="seed", largest=MAX_SEED, example="'0-15' or '3,7,100-120'")


def parse_numbers(text: str, *, what: str, largest: int, example: str) -> list[int]:
    """Read a list of whole numbers and ascending ranges, each number in 0..largest.

    what: the singular noun for messages. example: what a right one looks like, with quotes.
    """
    spans = [_parse_span(part.strip(), text, what, largest, example) for part in text.split(",")]
    count = sum(len(span) for span in spans)
    if count > MAX_COUNT:
        raise InvalidRequestError(
            f"'{_shortened(text)}' asks for {count} {what}s, at most {MAX_COUNT} are allowed "
            f"at once. Write for example {example}."
        )
    return [number for span in spans for number in span]


def draw_z(seeds: Sequence[int], z_dim: int) -> NDArray[np.float64]:
    """The z of each seed, [N, z_dim] float64, standard normal.

    Each row is `numpy.random.RandomState(seed).randn(1, z_dim)`, the stream of NVIDIA's
    StyleGAN2-ADA and StyleGAN3 scripts, so the same seeds mean the same faces. Raises
    InvalidRequestError for a seed outside 0..MAX_SEED.
    """
    z = np.empty((len(seeds), z_dim), np.float64)
    for row, seed in enumerate(seeds):
        if not 0 <= seed <= MAX_SEED:
            raise InvalidRequestError(f"Seeds must be in 0..{MAX_SEED}, one is {seed}.")
        z[row] = np.random.RandomState(seed).randn(1, z_dim)
    return z


def _parse_span(part: str, text: str, what: str, largest: int, example: str) -> range:
    match = re.fullmatch(r"([0-9]+)(?:\s*-\s*([0-9]+))?", part)
    if match is None:
        found = f"'{_shortened(part)}'" if part else "nothing"
        raise InvalidRequestError(
            f"Expected a {what} or a range of {what}s, found {found} in '{_shortened(text)}'. "
            f"Write for example {example}."
        )
    # int() refuses thousands of digits, so length is judged before value.
    first, last = (digits.lstrip("0") or "0" for digits in (match[1], match[2] or match[1]))
    for digits in (first, last):
        if len(digits) > len(str(largest)) or int(digits) > largest:
            raise InvalidRequestError(
                f"A {what} must be in 0..{largest}, is {_shortened(digits)}. "
                f"Write for example {example}."
            )
    if int(first) > int(last):
        raise InvalidRequestError(
            f"The {what} range {first}-{last} runs backwards. Write '{last}-{first}'."
        )
    return range(int(first), int(last) + 1)


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."
