"""People's own photos, from whatever file they come in to plain RGB.

What files may do wrong is refused in words; what they may do differently is brought into one form
and told: `Photo.notes`. Nothing of a file but its pixels is kept: no place, no camera, no name.
"""

from __future__ import annotations

import io
import math
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.errors import CoreError

LEAST_SIDE = 64  # px; below, no face can be told
LARGEST_SIDE = 4096  # px; larger photos are reduced to it
MOST_PIXELS = 80_000_000  # as stored; more may be a trap, and takes gigabytes to decode
MOST_BYTES = 100 * 2**20
BACKGROUND = (255, 255, 255)  # seen through transparent parts

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
ASK = "Choose a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF file."

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError)
_BROKEN = (*_UNREADABLE, struct.error, zlib.error, OverflowError)
_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
_ORIENTATION = 0x0112  # EXIF
_UPRIGHT = {  # by that tag: how to turn what is stored
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_READING = threading.Lock()  # large photos take memory, and Python's warnings have one filter


class PhotoError(CoreError):
    """A file that is no photo we can use; the message says why and what to choose instead."""


@dataclass(frozen=True, eq=False)
class Photo:
    """pixels: uint8 [H, W, 3], sRGB, upright. notes: sentences on what was changed to get there."""

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def read_photo(source: Path | bytes, name: str = "The photo") -> Photo:
    """Any photo as RGB, turned as its EXIF says; the first picture where there are several.

    name: what messages call bytes; a path is called by its own name. 16 bits become 8, CMYK and
    colour profiles sRGB, transparent parts white. Longer sides than 4096 px are reduced to it.
    Raises PhotoError for what is no picture, damaged, below 64 px, above 80 million px or 100 MB.
    """
    if isinstance(source, Path):
        name = source.name
    content = _content(source, name)
    with _READING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, which are checked, and of odd metadata
        return _read(content, name)


def _read(content: bytes, name: str) -> Photo:
    notes: list[str] = []
    with _opened(content, name) as image:
        stored = image.size
        _check_size(stored, name)
        try:
            _load(image, notes)
            picture = _in_rgb(_turned(image, notes), name, notes)
        except _BROKEN as error:
            raise PhotoError(
                f"{name} is damaged or incomplete ({error}). Copy or save it again, or choose "
                "another."
            ) from error
    if max(stored) > LARGEST_SIDE:
        notes.append(f"It was reduced from {stored[0]} x {stored[1]} px.")
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return Photo(np.array(picture, np.uint8), tuple(notes))


def _content(source: Path | bytes, name: str) -> bytes:
    try:
        if isinstance(source, Path):
            if not source.is_file():
                what = "a folder" if source.is_dir() else "missing or no plain file"
                raise PhotoError(f"{source} is {what}. {ASK}")
            size = source.stat().st_size
            content = source.read_bytes() if size <= MOST_BYTES else b""
        else:
            size, content = len(source), source
    except OSError as error:
        raise PhotoError(f"{source!s:.200} cannot be read ({error.strerror}).") from error
    if size > MOST_BYTES:
        raise PhotoError(
            f"{name} has {size / 2**20:.0f} MB, more than {MOST_BYTES // 2**20}. "
            "Save it as JPEG and try again."
        )
    if not size:
        raise PhotoError(f"{name} is empty. {ASK}")
    return content


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Image.Image]:
    """Only the formats above: others have decoders that run programs or are hardly tested."""
    Image.init()
    formats = [known for known in FORMATS if known in Image.OPEN]  # AVIF is an option of Pillow's
    try:
        image = Image.open(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        raise _too_large(name, "far too many") from error
    except _BROKEN as error:
        if content[4:12] in _HEIC:
            raise PhotoError(
                f"{name} is a HEIC file, which cannot be read here. Save or export it as JPEG."
            ) from error
        raise PhotoError(f"{name} is not a picture that can be read here. {ASK}") from error
    with image:
        yield image


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise _too_large(name, f"{width} x {height}")
    if min(size) * min(1.0, LARGEST_SIDE / max(size)) < LEAST_SIDE:
        also = f", once its longer one is {LARGEST_SIDE}" if max(size) > LARGEST_SIDE else ""
        raise PhotoError(
            f"{name} is {width} x {height} px; the shorter side needs at least {LEAST_SIDE} px"
            f"{also}. Choose a larger picture of the face."
        )


def _load(image: Image.Image, notes: list[str]) -> None:
    """Decode the first picture; a large JPEG at a whole part of its size, which saves memory."""
    if image.format != "MPO" and getattr(image, "is_animated", False):
        notes.append(
            "It has several pages; the first one is taken."
            if image.format == "TIFF"
            else "It is animated; its first frame is taken."
        )
        image.seek(0)
    scale = LARGEST_SIDE / max(image.size)
    if scale < 1:
        image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    image.load()


def _turned(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except _BROKEN:
        orientation = None  # broken EXIF says nothing; the pixels are whole
    if orientation not in _UPRIGHT:
        return image
    notes.append("It was turned as its EXIF says.")
    return image.transpose(_UPRIGHT[orientation])


def _in_rgb(image: Image.Image, name: str, notes: list[str]) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        notes.append("It is grey with 16 bits; 8 are kept.")
        return _eight_bits(image, name).convert("RGB")
    if image.mode in ("1", "L", "LA", "La"):
        notes.append("It is grey.")
    if image.mode == "CMYK":
        notes.append("It is in CMYK; colours may differ a little.")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        if np.asarray(seen.getchannel("A")).min() < 255:
            notes.append("Its transparent parts are shown on white.")
        ground = Image.new("RGBA", seen.size, (*BACKGROUND, 255))
        return _in_srgb(Image.alpha_composite(ground, seen).convert("RGB"), image)
    return _in_srgb(image, image)


def _in_srgb(picture: Image.Image, image: Image.Image) -> Image.Image:
    """picture: in the colours of the profile that `image` brings, if it brings one."""
    profile = image.info.get("icc_profile")
    if picture.mode not in ("RGB", "CMYK"):
        picture = picture.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, *_BROKEN):
            converted = None  # a broken profile, or one of other colours: taken as sRGB
        if converted is not None:
            return converted
    return picture.convert("RGB")


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise PhotoError(
            f"{name} holds numbers beyond 16 bits ({image.mode}). Save it with 8 or 16 bits."
        )
    levels = (values.astype(np.uint32) * 255 + 32767) // 65535
    return Image.fromarray(levels.astype(np.uint8))


def _too_large(name: str, size: str) -> PhotoError:
    return PhotoError(
        f"{name} has {size} px; at most {MOST_PIXELS // 10**6} million can be read. "
        "Save it smaller and try again."
    )
