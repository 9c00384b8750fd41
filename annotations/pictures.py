"""The picture and the latent of a face, checked and brought into the form that is stored."""

from __future__ import annotations

import hashlib
import io
import math
import re
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotations.checks import checked_name
from annotations.errors import BadPictureError, BadRequestError
from annotations.png_chunks import GREY, RGB, RGBA, BadPngError, read_header
from annotations.records import NewFace

THUMBNAIL_SIDE = 160  # pixels

_MAX_LATENT_NUMBERS = 2**20
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


@dataclass(frozen=True)
class CheckedFace:
    """A face ready to be stored.

    latent: .npy bytes of float32 [L, C]. thumbnail: JPEG, at most 160 px a side.
    identity_sha256: of everything that makes it this face.
    """

    face: NewFace
    width: int
    height: int
    latent: bytes
    thumbnail: bytes
    picture_sha256: str
    identity_sha256: str


def check_face(face: NewFace) -> CheckedFace:
    """Decode the picture once and encode the latent.

    Raises BadPictureError, or BadRequestError for facts that cannot be.
    """
    _check_facts(face)
    thumbnail, width, height = _thumbnail_of(face.picture)
    latent = encode_latent(face.ws)
    picture_sha256 = hashlib.sha256(face.picture).hexdigest()
    facts = (face.generator, face.generator_sha256, face.seed, float(face.psi), face.noise)
    identity = hashlib.sha256(repr((picture_sha256, facts)).encode())
    identity.update(latent)
    return CheckedFace(face, width, height, latent, thumbnail, picture_sha256, identity.hexdigest())


def encode_latent(ws: NDArray[np.float32]) -> bytes:
    """ws float32 [L, C] -> .npy bytes. Raises BadPictureError for anything else."""
    if ws.dtype != np.float32 or ws.ndim != 2 or not 0 < ws.size <= _MAX_LATENT_NUMBERS:
        raise BadPictureError(
            f"A face's latent must be float32 [L, C], is {ws.dtype} {list(ws.shape)}."
        )
    if not np.isfinite(ws).all():
        raise BadPictureError("A face's latent has numbers that are not finite.")
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(ws), allow_pickle=False)
    return file.getvalue()


def decode_latent(latent: bytes) -> NDArray[np.float32]:
    """The inverse of `encode_latent`: float32 [L, C]."""
    return np.asarray(np.load(io.BytesIO(latent), allow_pickle=False), np.float32)


def _thumbnail_of(picture: bytes) -> tuple[bytes, int, int]:
    """JPEG bytes of a small copy, and the picture's width and height."""
    try:
        header = read_header(picture)
        if header.color_type not in (GREY, RGB, RGBA) or header.bit_depth != 8:
            raise BadPngError("it must be grey or RGB of 8 bits")
        with Image.open(io.BytesIO(picture), formats=["PNG"]) as image:
            small = image.convert("RGB")
    except _UNREADABLE as error:
        raise BadPictureError(
            f"The face's picture cannot be read: {error}. Make it again."
        ) from error
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX, reducing_gap=None)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return file.getvalue(), header.width, header.height


def _check_facts(face: NewFace) -> None:
    checked_name("The name of a generator", face.generator, 200)
    checked_name("The noise mode", face.noise)
    if not re.fullmatch("[0-9a-f]{64}", face.generator_sha256):
        raise BadRequestError(
            f"The generator's sha256 must be 64 hex digits, is '{face.generator_sha256[:80]}'."
        )
    if not math.isfinite(face.psi):
        raise BadRequestError(f"psi must be a finite number, is {face.psi}.")
    if face.seed is not None and not 0 <= face.seed < 2**63:
        raise BadRequestError(f"A seed must be 0 to 2^63 - 1, or None, is {face.seed}.")
