"""PNG files, written twice as fast as by Pillow: one filter for all rows instead of a search.

PNG: W3C Recommendation, https://www.w3.org/TR/png-3/. Measured on faces of 1024 px, one core of a
busy machine (ms | kB): Pillow with zlib-ng, run-length strategy: 97 | 1355; here, each row minus
the row above: run-length 51 | 1450, Huffman codes alone 45 | 1453. Their masks: Pillow 6.6 | 7.6,
here 3.5 | 7.9.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2  # filter: each byte minus the byte above


def encode_png(
    picture: NDArray[np.uint8], chunks: PngInfo | None = None, exif: bytes = b""
) -> bytes:
    """Picture uint8 [H, W, 3], or [H, W] as mode L, -> PNG; equal arguments make equal bytes.

    chunks, exif: as Pillow takes them; it writes them into a small file, from which all but the
    pixels is taken.
    """
    height, width = picture.shape[:2]
    frame = io.BytesIO()
    Image.fromarray(picture[:1, :1]).save(frame, "PNG", pnginfo=chunks, exif=exif)
    parts = [_SIGNATURE]
    for kind, data in _chunks(frame.getvalue()):
        if kind == b"IHDR":
            data = struct.pack(">II", width, height) + data[8:]
        elif kind == b"IDAT":
            data = _deflated(picture)
        checksum = zlib.crc32(kind + data)
        parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)]
    return b"".join(parts)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and data of each chunk."""
    place = len(_SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += length + 12


def _deflated(picture: NDArray[np.uint8]) -> bytes:
    rows = picture.reshape(len(picture), -1)  # [H, bytes a row]
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    # Filtered photographs hardly repeat, so no search for repeats is worth its time; masks do.
    strategy = zlib.Z_RLE if picture.ndim == 2 else zlib.Z_HUFFMAN_ONLY
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, strategy)
    return packer.compress(filtered.data) + packer.flush()
