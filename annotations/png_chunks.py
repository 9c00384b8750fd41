"""A PNG's frame, read before anything of it is decompressed.

What a picture claims to be is held against the limits, and every checksum is verified,
so that Pillow only ever decompresses what is plausible and undamaged. Format: PNG, W3C.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MAX_SIDE = 4096  # pixels; four times what the largest generator makes
MAX_FILE_BYTES = 64 * 2**20

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6  # colour types of the header

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class BadPngError(ValueError):
    """Not a PNG, or damaged, or larger than allowed; the message says which."""


@dataclass(frozen=True)
class PngHeader:
    """width, height in pixels; bit_depth of one channel; color_type as the PNG standard has it."""

    width: int
    height: int
    bit_depth: int
    color_type: int


def read_header(png: bytes) -> PngHeader:
    """The header of a PNG whose chunks are all there and undamaged.

    Raises BadPngError; allocates nothing that the file could choose the size of.
    """
    if len(png) > MAX_FILE_BYTES:
        raise BadPngError(f"it has {len(png)} bytes; at most {MAX_FILE_BYTES} are allowed")
    if not png.startswith(_SIGNATURE):
        raise BadPngError("it is not a PNG")
    header = _header_of(png)
    _check_chunks(png)
    return header


def _header_of(png: bytes) -> PngHeader:
    if len(png) < 33 or png[8:16] != b"\0\0\0\x0dIHDR":
        raise BadPngError("its header is damaged")
    width, height, bit_depth, color_type = struct.unpack(">IIBB", png[16:26])
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise BadPngError(f"it is {width} x {height} px; 1 to {MAX_SIDE} px a side are allowed")
    return PngHeader(width, height, bit_depth, color_type)


def _check_chunks(png: bytes) -> None:
    view, place = memoryview(png), len(_SIGNATURE)
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        end = place + 12 + length
        if end > len(png):
            break
        kind = png[place + 4 : place + 8]
        (stored,) = struct.unpack_from(">I", png, end - 4)
        if zlib.crc32(view[place + 4 : end - 4]) != stored:
            raise BadPngError(f"its part {kind!r} is damaged (checksum)")
        if kind == b"IEND":
            return
        place = end
    raise BadPngError("it stops early")
