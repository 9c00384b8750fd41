"""Regions as bytes for the painter, little endian, and back.

uint32 width, height, num_levels, num_regions; uint16 ids [height * width] of the finest
level; then for each coarser level, coarsest first, uint16 [num_regions]: id -> id there.
"""

from __future__ import annotations

import struct

import numpy as np

from core.errors import CoreError
from core.superpixels.regions import Regions

_HEADER = struct.Struct("<4I")


class BadRegionsError(CoreError):
    """Bytes that are no regions, or not all of them."""


def to_wire(regions: Regions) -> bytes:
    height, width = regions.ids.shape
    header = _HEADER.pack(width, height, len(regions.tables) + 1, regions.num_regions)
    return header + b"".join(a.astype("<u2").tobytes() for a in (regions.ids, *regions.tables))


def from_wire(content: bytes) -> Regions:
    """The inverse of `to_wire`. Raises BadRegionsError."""
    if len(content) < _HEADER.size:
        raise BadRegionsError(f"Regions need {_HEADER.size} bytes at least, got {len(content)}.")
    width, height, num_levels, num_regions = _HEADER.unpack_from(content)
    num_tables = num_levels - 1
    expected = _HEADER.size + 2 * (width * height + num_tables * num_regions)
    if not (width and height and num_levels and num_regions) or len(content) != expected:
        raise BadRegionsError(
            f"Regions of {width} x {height} px with {num_levels} levels of up to {num_regions} "
            f"regions have {expected} bytes, got {len(content)}. Compute them again."
        )
    numbers = np.frombuffer(content, "<u2", offset=_HEADER.size).astype(np.uint16)
    ids, tables = np.split(numbers, [width * height])
    if ids.max() >= num_regions:
        raise BadRegionsError(
            f"An id of regions is {ids.max()}, below {num_regions} are allowed. Compute them again."
        )
    return Regions(ids.reshape(height, width), tuple(tables.reshape(num_tables, num_regions)))
