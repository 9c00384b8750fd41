"""COCO's run-length encoding of a binary mask, written from its format.

Runs of 0 and 1 in turn, column by column, starting with 0; each written in digits of 5
bits, from the third run on as the difference to the run two before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from annotations.errors import BadMaskError
from annotations.mask_codec import LabelMap

_FIRST_CHARACTER = 48  # '0'
_MORE, _SIGN, _BITS = 0x20, 0x10, 5


class ClassRuns(NamedTuple):
    """Where the pixels of one value lie: runs of others and of it in turn, starting with others."""

    value: int
    runs: list[int]
    area: int
    box_xywh: list[int]


def class_runs(labels: LabelMap) -> Iterator[ClassRuns]:
    """The runs of each value in a label map uint8 [H, W], in order of the values.

    One pass over the pixels finds them all.
    """
    height = labels.shape[0]
    pixels = labels.T.ravel()  # column by column
    starts = np.concatenate([[0], np.flatnonzero(pixels[1:] != pixels[:-1]) + 1])
    ends = np.concatenate([starts[1:], [pixels.size]])
    values = pixels[starts]
    for value in np.unique(values).tolist():
        begin, end = starts[values == value], ends[values == value]
        runs = np.empty(2 * len(begin), np.int64)
        runs[0::2] = begin - np.concatenate([[0], end[:-1]])
        runs[1::2] = end - begin
        rest = [pixels.size - int(end[-1])] if end[-1] < pixels.size else []
        area = int((end - begin).sum())
        yield ClassRuns(value, [*runs.tolist(), *rest], area, _box_xywh(begin, end, height))


def encode_rle(runs: Sequence[int]) -> str:
    """Runs of 0 and 1 in turn -> COCO's compressed counts."""
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


def _box_xywh(begin: NDArray[np.int64], end: NDArray[np.int64], height: int) -> list[int]:
    """The box around runs of pixels that are numbered column by column."""
    left, right = int(begin[0]) // height, (int(end[-1]) - 1) // height
    top, bottom = int((begin % height).min()), int(((end - 1) % height).max())
    if (begin // height != (end - 1) // height).any():  # a run goes on in the next column
        top, bottom = 0, height - 1
    return [left, top, right - left + 1, bottom - top + 1]


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
