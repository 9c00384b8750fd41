"""The square of a photo that FFHQ's crop of a face shows.

Points are (x, y) in px with y downwards, and continuous: the first px spans 0 to 1, so that its
middle is at 0.5, in photos and in aligned pictures alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError

MOST_SHIFT, MOST_TURN = 1.0, 180.0  # sides, degrees; either way
ZOOMS = (0.25, 4.0)

# Karras et al. 2018 (ICLR, appendix C), as FFHQ took it over [Karras et al. 2019, CVPR].
_EYES_PART, _MOUTH_PART = 4.0, 3.6  # of the side, in eye distances and in eyes-to-mouth distances
_CENTRE_TO_MOUTH = 0.1  # how far the centre lies from the eyes on the way to the mouth


@dataclass(frozen=True)
class Correction:
    """What a person changes by hand, in the aligned picture's own directions.

    shift_x, shift_y: -1 to 1 sides; the picture shows what lies more to its right or further
    down. turn: -180 to 180 degrees; what is shown turns clockwise. zoom: 0.25 to 4; above 1 the
    face gets larger.
    """

    shift_x: float = 0.0
    shift_y: float = 0.0
    turn: float = 0.0
    zoom: float = 1.0

    def __post_init__(self) -> None:
        _check("shift", self.shift_x, -MOST_SHIFT, MOST_SHIFT)
        _check("shift", self.shift_y, -MOST_SHIFT, MOST_SHIFT)
        _check("turn", self.turn, -MOST_TURN, MOST_TURN)
        _check("zoom", self.zoom, *ZOOMS)


@dataclass(frozen=True)
class Frame:
    """A square in a photo, and with it the maps between the photo and the aligned picture.

    centre_x, centre_y, side: px of the photo. angle: degrees from the photo's to the frame's
    direction of x, clockwise as seen.
    """

    centre_x: float
    centre_y: float
    side: float
    angle: float

    def matrix(self, size: int) -> NDArray[np.float64]:
        """[2, 3]: from (x, y, 1) of a picture `size` px wide to the photo."""
        step = self.side / size
        cos, sin = (
            step * math.cos(math.radians(self.angle)),
            step * math.sin(math.radians(self.angle)),
        )
        turn = np.array([[cos, -sin], [sin, cos]])
        centre = np.array([self.centre_x, self.centre_y])
        return np.column_stack([turn, centre - turn @ np.full(2, size / 2)])

    def inverse_matrix(self, size: int) -> NDArray[np.float64]:
        """[2, 3]: from (x, y, 1) of the photo to a picture `size` px wide."""
        matrix = self.matrix(size)
        back = np.linalg.inv(matrix[:, :2])
        return np.column_stack([back, -back @ matrix[:, 2]])

    def to_photo(self, points: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """Points [N, 2] of a picture `size` px wide -> the photo's."""
        return moved(points, self.matrix(size))

    def to_picture(self, points: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """Points [N, 2] of the photo -> those of a picture `size` px wide."""
        return moved(points, self.inverse_matrix(size))

    def corners(self) -> NDArray[np.float64]:
        """[4, 2] in the photo: top left, top right, bottom right, bottom left of the picture."""
        return self.to_photo(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), 1)

    def scaled(self, factor: float) -> Frame:
        """The same square in a photo enlarged by `factor`."""
        return replace(
            self,
            centre_x=self.centre_x * factor,
            centre_y=self.centre_y * factor,
            side=self.side * factor,
        )

    def corrected(self, by: Correction) -> Frame:
        """Shifted first, then turned and zoomed about the new centre."""
        centre = np.array([[0.5 + by.shift_x, 0.5 + by.shift_y]])
        x, y = self.to_photo(centre, 1)[0]
        return Frame(float(x), float(y), self.side / by.zoom, self.angle - by.turn)


def ffhq_frame(eyes: NDArray[np.float64], mouth: NDArray[np.float64]) -> Frame:
    """FFHQ's square for the middles of the eyes and the corners of the mouth, [2, 2] each.

    In both, first the one on the left of the upright face as seen. The frame is as upright as
    the eyes and the line from eyes to mouth agree on; its side is the larger of what the eyes'
    distance and the way to the mouth ask for. Raises InvalidRequestError where they coincide.
    """
    between_eyes = eyes[1] - eyes[0]
    to_mouth = mouth.mean(0) - eyes.mean(0)
    # The way down to the mouth, turned to point to the right, counts as the eyes' direction does.
    right = between_eyes + np.array([to_mouth[1], -to_mouth[0]])
    side = max(
        _EYES_PART * float(np.hypot(*between_eyes)), _MOUTH_PART * float(np.hypot(*to_mouth))
    )
    if not (math.isfinite(side) and side > 0 and np.hypot(*right) > 0):
        raise InvalidRequestError(
            "The eyes and the mouth must be points apart from each other. Mark them again."
        )
    x, y = eyes.mean(0) + _CENTRE_TO_MOUTH * to_mouth
    angle = math.degrees(math.atan2(right[1], right[0]))
    return Frame(float(x), float(y), side, angle)


def moved(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [N, 2] through an affine map [2, 3]."""
    result: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return result


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # nor is NaN
        raise InvalidRequestError(f"The {name} must be {least:g} to {most:g}, is {value:g}.")
