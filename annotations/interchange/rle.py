"""COCO's run-length encoding of a binary mask, written from its format.

Runs of 0 and 1 in turn, column by column, starting with 0; each written in digits of 5
bits, from the third run on as the difference to the run two before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotations.errors import BadMaskError

_FIRST_CHARACTER = 48  # '0'
_MORE, _SIGN, _BITS = 0x20, 0x10, 5


def encode_rle(is_set: NDArray[np.bool_]) -> str:
    """bool [H, W] -> COCO's compressed counts."""
    runs = _runs(is_set)
    return "".join(
        _digits(run - runs[place - 2] if place > 2 else run) for place, run in enumerate(runs)
    )


def decode_rle(counts: str | Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """COCO's counts, compressed or a list of numbers -> bool [H, W].

    Raises BadMaskError unless they fill exactly height * width pixels.
    """
    runs = _parsed(counts) if isinstance(counts, str) else list(counts)
    if any(type(run) is not int or run < 0 for run in runs) or sum(runs) != height * width:
        raise BadMaskError(
            f"A run-length code must cover {width} x {height} px exactly, by counts of 0 or more."
        )
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T  # [H, W]


def _runs(is_set: NDArray[np.bool_]) -> list[int]:
    pixels = is_set.T.ravel()  # column by column
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate([[0], changes, [pixels.size]])
    lengths: list[int] = np.diff(edges).tolist()
    return [0, *lengths] if pixels[0] else lengths


def _digits(value: int) -> str:
    characters = []
    while True:
        digit = value & (_MORE - 1)
        value >>= _BITS
        is_last = value == (-1 if digit & _SIGN else 0)
        characters.append(chr(_FIRST_CHARACTER + (digit if is_last else digit | _MORE)))
        if is_last:
            return "".join(characters)


def _parsed(text: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for character in text:
        digit = ord(character) - _FIRST_CHARACTER
        if not 0 <= digit < 2 * _MORE or shift > 10 * _BITS:
            raise BadMaskError(f"A run-length code has the character {character!r} out of place.")
        value |= (digit & (_MORE - 1)) << shift
        shift += _BITS
        if digit & _MORE:
            continue
        if digit & _SIGN:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise BadMaskError("A run-length code stops early.")
    return runs
