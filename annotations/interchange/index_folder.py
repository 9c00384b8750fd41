"""Index PNG: one file a face, whose values are class ids (or a known order of them)."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from annotations.errors import BadMaskError
from annotations.interchange.found import (
    Format,
    Found,
    FoundMask,
    IndexOrder,
    NamedMask,
    read_bytes,
)
from annotations.interchange.part_orders import id_table
from annotations.mask_codec import LabelMap, decode_mask, decode_values, encode_mask
from annotations.taxonomy import IGNORE_ID, LabelScheme


def _find(folder: Path, scheme: LabelScheme, order: IndexOrder) -> Found:
    return Found(
        [
            FoundMask(path.stem, path.name, functools.partial(_read, path, scheme, order))
            for path in sorted(folder.glob("*.png"))
        ]
    )


def _read(path: Path, scheme: LabelScheme, order: IndexOrder) -> LabelMap:
    png = read_bytes(path)
    if order == IndexOrder.SCHEME:
        return decode_mask(png, scheme)
    values = decode_values(png)
    table = id_table(order, scheme)
    strange = [int(value) for value in np.unique(values) if int(value) not in table]
    if strange:
        raise BadMaskError(
            f"The mask has values {strange[:8]} that the order '{order}' does not have; it has "
            f"0 to {max(value for value in table if value != IGNORE_ID)}. Choose another order."
        )
    lookup = np.full(256, IGNORE_ID, np.uint8)
    lookup[list(table)] = list(table.values())
    return lookup[values]


def _write(folder: Path, scheme: LabelScheme, masks: Iterable[NamedMask]) -> None:
    for mask in masks:
        (folder / f"{mask.name}.png").write_bytes(encode_mask(mask.labels))


INDEX = Format("index", _find, _write, has_ids=True)
