"""The one place where label maps and PNG files meet.

A label map is uint8 [H, W] of class ids, 255 where nobody labelled. A mask file is an
8-bit single-channel PNG of the same values: mode L, or P with the scheme's colours.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotations.errors import BadMaskError
from annotations.png_chunks import GREY, MAX_SIDE, PALETTE, BadPngError, PngHeader, read_header
from annotations.taxonomy import IGNORE_ID, LabelScheme

LabelMap = NDArray[np.uint8]

# Measured on 18 smooth regions (Pillow 13 with zlib-ng, ms | bytes at 512 px): default
# strategy level 1: 4.7 | 20507, level 6: 3.6 | 15375, level 9: 33 | 13075; run-length
# strategy, any level: 1.9 | 13828.
PNG_STRATEGY = 3  # zlib's Z_RLE

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


@dataclass(frozen=True)
class EncodedMask:
    """A label map as it is stored.

    png: mode L, the same for the same map. sha256: hex, of `png`.
    pixel_counts: class id -> number of pixels, only those that occur, 255 included.
    """

    png: bytes
    sha256: str
    height: int
    width: int
    pixel_counts: dict[int, int]


def encode_mask(labels: LabelMap, palette_of: LabelScheme | None = None) -> bytes:
    """Label map uint8 [H, W] -> PNG bytes of mode L, or P with the colours of `palette_of`.

    Equal maps make equal bytes (with one build of zlib). Raises BadMaskError for another
    dtype or shape, or sides outside 1..4096.
    """
    _check_map(labels)
    image = Image.fromarray(labels)
    if palette_of is not None:
        image.putpalette(palette_of.palette().tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", compress_type=PNG_STRATEGY)
    return file.getvalue()


def decode_mask(
    png: bytes, scheme: LabelScheme, size_hw: tuple[int, int] | None = None
) -> LabelMap:
    """PNG bytes of mode L or P -> label map uint8 [H, W], every value of it in the scheme.

    size_hw: the height and width it must have. Nothing is decompressed before the header
    was found plausible. Raises BadMaskError, saying what is wrong with it.
    """
    labels, colors = _decoded(png, size_hw)
    if colors is not None:
        _check_palette(labels, colors, scheme)
    check_values(labels, scheme)
    return labels


def decode_values(png: bytes) -> LabelMap:
    """PNG bytes of mode L or P -> its values uint8 [H, W], whatever they mean.

    For files of other programs, whose values are looked up in a table afterwards. Raises
    BadMaskError as `decode_mask` does.
    """
    return _decoded(png, None)[0]


def prepare_mask(
    mask: LabelMap | bytes, scheme: LabelScheme, size_hw: tuple[int, int] | None = None
) -> EncodedMask:
    """Check a label map or a PNG and bring it into the form that is stored.

    Raises BadMaskError as `decode_mask` does.
    """
    labels = decode_mask(mask, scheme, size_hw) if isinstance(mask, bytes) else mask
    _check_map(labels)
    check_size((labels.shape[0], labels.shape[1]), size_hw)
    pixel_counts = check_values(labels, scheme)
    png = encode_mask(labels)
    sha256 = hashlib.sha256(png).hexdigest()
    return EncodedMask(png, sha256, labels.shape[0], labels.shape[1], pixel_counts)


def check_values(labels: LabelMap, scheme: LabelScheme) -> dict[int, int]:
    """Count the pixels of each value. Raises BadMaskError naming values outside the scheme."""
    counts = np.bincount(labels.ravel(), minlength=256)
    pixel_counts = {int(value): int(counts[value]) for value in counts.nonzero()[0]}
    strange = [value for value in pixel_counts if value not in scheme.ids and value != IGNORE_ID]
    if strange:
        raise BadMaskError(
            f"The mask has values outside the scheme '{scheme.name}': "
            f"{', '.join(f'{value} ({pixel_counts[value]} px)' for value in strange[:8])}"
            f"{', ...' if len(strange) > 8 else ''}. Allowed are {_ranges(scheme)} and "
            f"{IGNORE_ID} for not labelled."
        )
    return pixel_counts


def check_size(size_hw: tuple[int, int], wanted_hw: tuple[int, int] | None) -> None:
    """Raise BadMaskError unless a mask of this height and width has the wanted ones."""
    if wanted_hw is not None and size_hw != wanted_hw:
        raise BadMaskError(
            f"The mask is {size_hw[1]} x {size_hw[0]} px, must be {wanted_hw[1]} x "
            f"{wanted_hw[0]} px. A mask has the size of its face."
        )


def _decoded(png: bytes, size_hw: tuple[int, int] | None) -> tuple[LabelMap, LabelMap | None]:
    """Values uint8 [H, W], and colours uint8 [N, 3] where the file has a palette."""
    try:
        header = read_header(png)
    except BadPngError as error:
        raise BadMaskError(f"The mask cannot be read: {error}. Save it as PNG again.") from error
    _check_kind(header)
    check_size((header.height, header.width), size_hw)
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            image.load()
            labels = np.array(image, np.uint8)  # [H, W]
            colors = image.getpalette("RGB") if image.mode == "P" else None
    except _UNREADABLE as error:
        raise BadMaskError(f"The mask is damaged: {error}. Save it as PNG again.") from error
    return labels, None if colors is None else np.reshape(np.array(colors, np.uint8), (-1, 3))


def _check_map(labels: LabelMap) -> None:
    if labels.dtype != np.uint8 or labels.ndim != 2 or not labels.size:
        raise BadMaskError(
            f"A label map must be uint8 [H, W], is {labels.dtype} {list(labels.shape)}."
        )
    if max(labels.shape) > MAX_SIDE:
        raise BadMaskError(
            f"The mask is {labels.shape[1]} x {labels.shape[0]} px; "
            f"at most {MAX_SIDE} px a side are allowed."
        )


def _check_kind(header: PngHeader) -> None:
    if (header.color_type, header.bit_depth) == (GREY, 8) or header.color_type == PALETTE:
        return
    raise BadMaskError(
        "A mask file must have one 8-bit channel of class ids (mode L or P); this has colour "
        f"type {header.color_type} and {header.bit_depth} bits. Blended colours cannot be "
        "undone; save class ids, or import exact colours with the format 'palette'."
    )


def _check_palette(labels: LabelMap, colors: LabelMap, scheme: LabelScheme) -> None:
    """Refuse a palette that gives a class another colour: its numbers may mean something else."""
    for value in np.unique(labels):
        label = scheme.by_id.get(int(value))
        if label and (value >= len(colors) or tuple(colors[value].tolist()) != label.rgb):
            raise BadMaskError(
                f"The mask's palette gives value {value} another colour than the scheme "
                f"'{scheme.name}' gives {label.name} ({label.color}). Save it in mode L if its "
                "values are class ids, or import it by colours with the format 'palette'."
            )


def _ranges(scheme: LabelScheme) -> str:
    """'0-17' for contiguous ids, the ids one by one otherwise."""
    first, last = scheme.classes[0].id, scheme.classes[-1].id
    if last - first + 1 == len(scheme.classes):
        return f"{first}-{last}"
    return ", ".join(str(label.id) for label in scheme.classes)
