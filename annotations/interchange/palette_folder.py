"""Palette PNG: one file a face in the scheme's colours, read back by colours.

Files of other programs in the same exact colours are understood, of mode P or RGB.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from annotations.errors import BadMaskError
from annotations.interchange.found import (
    Format,
    Found,
    FoundMask,
    IndexOrder,
    NamedMask,
    read_bytes,
)
from annotations.mask_codec import LabelMap, encode_mask
from annotations.png_chunks import BadPngError, read_header
from annotations.taxonomy import IGNORE_ID, LabelScheme

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def _find(folder: Path, scheme: LabelScheme, _order: IndexOrder) -> Found:
    return Found(
        [
            FoundMask(path.stem, path.name, functools.partial(_read, path, scheme))
            for path in sorted(folder.glob("*.png"))
        ]
    )


def read_rgb(png: bytes) -> LabelMap:
    """Any PNG -> uint8 [H, W, 3]. Raises BadMaskError for a damaged or a transparent one."""
    try:
        header = read_header(png)
        if header.bit_depth > 8:
            raise BadPngError(f"it has {header.bit_depth} bits a channel; 8 are allowed")
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            pixels = np.asarray(image.convert("RGBA"))  # [H, W, 4]
    except _UNREADABLE as error:
        raise BadMaskError(f"The file cannot be read: {error}. Save it as PNG again.") from error
    if pixels[..., 3].min() < 255:
        raise BadMaskError("The file has transparent pixels. Save it without transparency.")
    return np.ascontiguousarray(pixels[..., :3])


def _read(path: Path, scheme: LabelScheme) -> LabelMap:
    colors = read_rgb(read_bytes(path)).astype(np.uint32)
    packed = colors[..., 0] << 16 | colors[..., 1] << 8 | colors[..., 2]  # [H, W]
    ids = {label.rgb: label.id for label in scheme.classes} | {scheme.ignore_rgb: IGNORE_ID}
    by_color = {(r << 16 | g << 8 | b): value for (r, g, b), value in ids.items()}
    found, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    strange = [
        f"#{color:06x} ({count} px)"
        for color, count in zip(found.tolist(), counts.tolist(), strict=True)
        if color not in by_color
    ]
    if strange:
        raise BadMaskError(
            f"The mask has {len(strange)} colours that no class of '{scheme.name}' has: "
            f"{', '.join(strange[:8])}. Blended colours cannot be undone; save it without "
            "smoothing, or with the scheme's colours."
        )
    values = np.array([by_color[color] for color in found.tolist()], np.uint8)
    return values[places].reshape(packed.shape)


def _write(folder: Path, scheme: LabelScheme, masks: Iterable[NamedMask]) -> None:
    for mask in masks:
        (folder / f"{mask.name}.png").write_bytes(encode_mask(mask.labels, palette_of=scheme))


PALETTE = Format("palette", _find, _write, has_ids=True)
