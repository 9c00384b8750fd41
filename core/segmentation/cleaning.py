"""Cleaning of predicted masks. What helps is measured by `bench segmenter`; all is off by default.

Works on class indices uint8 [S, S]; returns a new map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from core.segmentation.classes import ClassSet


@dataclass(frozen=True)
class Cleaning:
    """specks: parts of a class smaller than this many pixels take the class around them.
    holes: the same for parts that lie wholly inside one other class, which may be larger.
    sides: a left or right part on the wrong side of the face becomes the other.
    """

    specks: int = 0
    holes: int = 0
    sides: bool = False

    def __bool__(self) -> bool:
        return bool(self.specks or self.holes or self.sides)


def clean(labels: NDArray[np.uint8], classes: ClassSet, cleaning: Cleaning) -> NDArray[np.uint8]:
    """labels: indices uint8 [S, S]."""
    cleaned = labels.copy()
    if cleaning.sides:
        cleaned = sort_sides(cleaned, classes)
    if cleaning.specks or cleaning.holes:
        cleaned = fill_small(cleaned, cleaning.specks, cleaning.holes)
    return cleaned


def fill_small(labels: NDArray[np.uint8], specks: int, holes: int) -> NDArray[np.uint8]:
    """Small connected parts (four neighbours) take the class that most of their rim has."""
    cleaned = labels.copy()
    limit = max(specks, holes)
    for value in np.unique(labels):
        parts, count = ndimage.label(labels == value)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        boxes = ndimage.find_objects(parts)
        for part in np.flatnonzero(sizes < limit):
            if not part:
                continue
            box = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in boxes[part - 1])
            inside = parts[box] == part
            rim = labels[box][ndimage.binary_dilation(inside) & ~inside]
            if not len(rim):
                continue
            votes = np.bincount(rim, minlength=256)
            is_hole = np.count_nonzero(votes) == 1
            if sizes[part] < specks or (is_hole and sizes[part] < holes):
                cleaned[box][inside] = votes.argmax()
    return cleaned


def sort_sides(labels: NDArray[np.uint8], classes: ClassSet) -> NDArray[np.uint8]:
    """Parts of a left or right class that lie nearer to its counterpart's main part change sides.

    Only where both have a part; nothing is known otherwise.
    """
    cleaned = labels.copy()
    for index, other in enumerate(classes.mirrored()):
        if index == other:
            continue
        own, theirs = (_main_centre(labels == value) for value in (index, other))
        if own is None or theirs is None or abs(own - theirs) < 1:
            continue
        parts, count = ndimage.label(labels == index)
        centres = ndimage.center_of_mass(parts > 0, parts, range(1, count + 1))
        for part, (_, x) in enumerate(centres, start=1):
            if abs(x - theirs) < abs(x - own):
                cleaned[parts == part] = other
    return cleaned


def _main_centre(mask: NDArray[np.bool_]) -> float | None:
    """x of the centre of the largest part; None without a pixel."""
    parts, count = ndimage.label(mask)
    if not count:
        return None
    largest = 1 + int(np.bincount(parts.ravel())[1:].argmax())
    return float(np.nonzero(parts == largest)[1].mean())
