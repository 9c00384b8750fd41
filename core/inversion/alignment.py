"""A face of a photo, brought into FFHQ's frame: what encoders and generators expect to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.inversion.frame import Frame
from core.inversion.resampling import cut, outside, softened

SIZES = (256, 1024)  # px, least and most
LARGEST_FRAME = 8.0  # in longer sides of the photo


@dataclass(frozen=True, eq=False)
class Aligned:
    """picture: uint8 [size, size, 3]. frame: where it lies in the photo; `put_back` takes it.

    padding: the part of the picture, 0 to 1, that lies outside the photo and is made up.
    """

    picture: NDArray[np.uint8]
    frame: Frame
    padding: float


def align(photo: NDArray[np.uint8], frame: Frame, size: int = 1024) -> Aligned:
    """Cut a frame out of a photo uint8 [H, W, 3] as FFHQ was cut.

    Turned upright, scaled, with mirrored padding that gets blurred and fades. size: 256 to
    1024 px. Raises InvalidRequestError for another size or a frame that does not fit the photo.
    """
    check_size(size)
    beyond = outside(photo.shape, frame, size)
    if beyond.min() > 0 or frame.side > LARGEST_FRAME * max(photo.shape[:2]):
        raise InvalidRequestError(
            "The frame shows none of the photo, or nearly none. Shift it less, or zoom in."
        )
    picture = softened(cut(photo, frame, size), beyond)
    return Aligned(picture, frame, float((beyond > 0).mean()))


def check_size(size: int) -> None:
    """Raise InvalidRequestError unless an aligned picture can be that wide."""
    if not SIZES[0] <= size <= SIZES[1]:
        raise InvalidRequestError(
            f"An aligned picture must be {SIZES[0]} to {SIZES[1]} px wide, is {size}."
        )
