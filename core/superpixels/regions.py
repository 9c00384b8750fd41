"""Nested regions: a fine watershed of the picture, merged step by step into larger ones.

The watershed (of the colour gradient) puts every border onto a visible edge, to the pixel.
What merges first is decided by colour together with the generator's features, which know
hair from skin where colours do not; as merging only ever joins, the levels are nested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.segmentation import watershed

from core.errors import InvalidRequestError
from core.superpixels.appearance import colour_and_gradient, feature_descriptions
from core.superpixels.merging import merge_order, neighbours

LEVELS = (30, 100, 300, 900, 2500)  # regions at each level, coarsest first
MAX_SIDE = 1536  # pixels; a larger picture is reduced, its borders are that much coarser
COLOUR_WEIGHT = 1 / 40  # of a Lab unit, beside features whose total variance is 1 a layer


@dataclass(frozen=True)
class Regions:
    """Regions of a picture at several levels; a region of a finer one lies in one of a coarser.

    ids: uint16 [H, W], the finest level, from 0. tables: for each coarser level, coarsest
    first, uint16 [num_regions]: finest id -> id at that level, from 0. Every id is used, and
    every region is connected by sides.
    """

    ids: NDArray[np.uint16]
    tables: tuple[NDArray[np.uint16], ...]

    @property
    def num_regions(self) -> int:
        """At the finest level."""
        return len(self.tables[0]) if self.tables else int(self.ids.max()) + 1

    def levels(self) -> tuple[NDArray[np.uint16], ...]:
        """An id map uint16 [H, W] for each level, coarsest first."""
        return (*(table[self.ids] for table in self.tables), self.ids)


def compute_regions(
    picture: NDArray[np.uint8],
    features: Sequence[NDArray[np.float32]] | None = None,
    levels: Sequence[int] = LEVELS,
) -> Regions:
    """Regions of a picture uint8 [H, W, 3]. The same input gives the same regions.

    features: float32 [C, h, w] each, maps that cover the whole picture at whatever size;
    None or empty: by colour alone. levels: how many regions at each, rising, at most 65,535;
    a level that the picture has not enough detail for has fewer, and is left out where it
    would equal the one before. Raises InvalidRequestError for other shapes, types or levels.
    """
    _check(picture, features or (), levels)
    height, width = picture.shape[:2]
    shrink = math.ceil(max(height, width) / MAX_SIDE)
    reduced = np.asarray(Image.fromarray(picture).reduce(shrink)) if shrink > 1 else picture
    colours, gradient = colour_and_gradient(reduced)
    basins = _basins(gradient)
    descriptions = [COLOUR_WEIGHT * _means(basins, colours)]
    descriptions += feature_descriptions(features or (), _centres(basins))
    joined = np.concatenate(descriptions, axis=1)  # [num_basins, D]
    order = merge_order(np.bincount(basins.ravel()), joined, neighbours(basins, gradient))
    cuts = [_numbered(order.labels(count)) for count in _counts(levels, order.num_leaves)]
    ids = cuts[-1][basins].repeat(shrink, 0).repeat(shrink, 1)[:height, :width]
    _, first_basins = np.unique(cuts[-1], return_index=True)
    return Regions(np.ascontiguousarray(ids), tuple(cut[first_basins] for cut in cuts[:-1]))


def _basins(gradient: NDArray[np.float32]) -> NDArray[np.int32]:
    """One basin for each local minimum of a gradient [H, W]: ids int32 [H, W], from 0.

    Some 60,000 in a face of 1024 px. Flooded from the lowest gradient up, so that basins
    meet on the ridges; each is connected by sides.
    """
    minima, _ = ndimage.label(gradient == ndimage.minimum_filter(gradient, 3))
    basins: NDArray[np.int32] = watershed(gradient, minima)  # type: ignore[no-untyped-call]
    return basins - 1


def _check(
    picture: NDArray[np.uint8], features: Sequence[NDArray[np.float32]], levels: Sequence[int]
) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InvalidRequestError(
            f"A picture must be uint8 [H, W, 3], is {picture.dtype} {list(picture.shape)}. "
            "Convert it to RGB."
        )
    for feature_map in features:
        if feature_map.ndim != 3 or not feature_map.size or not np.isfinite(feature_map).all():
            raise InvalidRequestError(
                "Feature maps must be finite numbers [C, h, w], one of shape "
                f"{list(feature_map.shape)} is not. Leave it out."
            )
    if (
        not levels
        or list(levels) != sorted(set(levels))
        or not 1 <= min(levels) <= max(levels) < 2**16
    ):
        raise InvalidRequestError(
            f"Levels must be rising numbers of regions in 1..65535, are {list(levels)}, "
            f"usual are {list(LEVELS)}."
        )


def _counts(levels: Sequence[int], largest: int) -> list[int]:
    return sorted({min(count, largest) for count in levels})


def _means(basins: NDArray[np.int32], channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean [num_basins, C] of channels [C, H, W] in each basin."""
    flat = basins.ravel()
    sums = [np.bincount(flat, channel.ravel()) for channel in channels]
    return (np.stack(sums, 1) / np.bincount(flat)[:, None]).astype(np.float32)


def _centres(basins: NDArray[np.int32]) -> NDArray[np.float32]:
    """The centre of each basin [num_basins, 2], x and y from 0 to 1 across the picture."""
    height, width = basins.shape
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    places = np.stack(np.broadcast_arrays(x[None, :], y[:, None])).astype(np.float32)
    return _means(basins, places)


def _numbered(labels: NDArray[np.int64]) -> NDArray[np.uint16]:
    """The labels [num_basins], renumbered from 0 in the order in which they first occur."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), np.uint16)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[inverse]
