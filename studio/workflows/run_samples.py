"""Pictures of what a training predicts: for some faces picture, truth and prediction in a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.files import whole_file

TILE, GAP, FACES_IN_A_ROW = 160, 4, 2  # px
QUALITY = 88
GROUND = 128  # grey between the tiles: neither light nor dark
Rows = Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]


def write_samples(path: Path, rows: Rows, palette: NDArray[np.uint8]) -> None:
    """A JPEG of a few faces.

    rows: picture uint8 [H, W, 3], truth and prediction uint8 [h, w] of class ids. palette:
    uint8 [256, 3]. Where the truth is not labelled it has the palette's colour of 255.
    Raises OutputError.
    """
    faces = [
        np.hstack(_spaced([_tile(p), _tile(palette[t]), _tile(palette[q])], 1)) for p, t, q in rows
    ]
    lines = [
        np.hstack(_spaced(_filled(faces[start : start + FACES_IN_A_ROW]), 1, 4 * GAP))
        for start in range(0, len(faces), FACES_IN_A_ROW)
    ]
    picture = np.vstack(_spaced(lines, 0))
    with whole_file(path) as unfinished:
        Image.fromarray(picture).save(unfinished, "JPEG", quality=QUALITY)


def _tile(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    is_smaller = image.width < TILE
    how = Image.Resampling.NEAREST if is_smaller else Image.Resampling.BOX
    return np.asarray(image.resize((TILE, TILE), how))


def _filled(faces: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """With blanks up to a full row, so that all rows are as wide."""
    blank = np.full_like(faces[0], GROUND)
    return faces + [blank] * (FACES_IN_A_ROW - len(faces))


def _spaced(parts: list[NDArray[np.uint8]], axis: int, gap: int = GAP) -> list[NDArray[np.uint8]]:
    shape = list(parts[0].shape)
    shape[axis] = gap
    between = np.full(shape, GROUND, np.uint8)
    return [piece for part in parts for piece in (between, part)][1:]
