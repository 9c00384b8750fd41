"""The faces of a photo, wherever they are and however they are turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.attributes.faces import FaceFinder, FoundFace
from core.errors import CoreError
from core.inversion.frame import Frame, ffhq_frame
from core.inversion.mesh import REACH, FaceMesh, Mesh

SEARCHED_SIDE = 1280  # px of the longer side that dlib is shown; it finds faces of 80 px
MOST_ENLARGED = 4.0
LEAST_CERTAINTY = 0.5
TURNS = (0, 30, -30, 90, -90, 180, 60, -60, 120, -120, 150, -150)  # degrees, until a face is seen


class NoFaceError(CoreError):
    """A photo in which no face was found."""


@dataclass(frozen=True, eq=False)
class PhotoFace:
    """frame: what FFHQ's crop of it shows. certainty: 0 to 1, that it is a face."""

    mesh: Mesh
    frame: Frame

    @property
    def certainty(self) -> float:
        return self.mesh.certainty

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom px of the photo, from forehead to chin."""
        left, top = np.floor(self.mesh.points.min(0)).astype(int)
        right, bottom = np.ceil(self.mesh.points.max(0)).astype(int)
        return int(left), int(top), int(right), int(bottom)


class PhotoFaces:
    """dlib says where faces are, the mesh where their eyes and mouths are."""

    def __init__(self, mesh: FaceMesh, finder: FaceFinder | None = None) -> None:
        self._mesh = mesh
        self._finder = finder or FaceFinder()

    def find(self, photo: NDArray[np.uint8]) -> list[PhotoFace]:
        """The faces of a photo uint8 [H, W, 3], the largest first.

        Upright ones; only where there is none, those that lean or lie. Raises NoFaceError.
        """
        scale = min(SEARCHED_SIDE / max(photo.shape[:2]), MOST_ENLARGED)
        width, height = (max(1, round(side * scale)) for side in photo.shape[1::-1])
        image = Image.fromarray(photo)
        searched = image.resize((width, height), Image.Resampling.BILINEAR)
        for turn in TURNS:
            if faces := self._turned(photo, searched, scale, turn):
                return faces
        raise NoFaceError(
            "No face was found in the photo. Choose one that shows a face from the front, sharp "
            "and lit, at least 80 px wide."
        )

    def _turned(
        self, photo: NDArray[np.uint8], searched: Image.Image, scale: float, turn: int
    ) -> list[PhotoFace]:
        """Those that stand upright once what is shown is turned clockwise by `turn` degrees."""
        shown = searched.rotate(-turn, Image.Resampling.BILINEAR, expand=True)
        middle = np.array(searched.size) / 2
        back = Frame(float(middle[0]), float(middle[1]), 1.0, -turn)
        faces: list[PhotoFace] = []
        for found in self._finder.find_all(np.asarray(shown)):
            at = _surroundings(found, shown.size, back).scaled(1 / scale)
            mesh = self._mesh.look(photo, at)
            if mesh.certainty < LEAST_CERTAINTY:
                continue
            face = PhotoFace(mesh, ffhq_frame(mesh.eyes, mesh.mouth))
            if not any(_is_same(face.frame, other.frame) for other in faces):
                faces.append(face)
        return sorted(faces, key=lambda face: face.frame.side, reverse=True)


def _surroundings(found: FoundFace, shown: tuple[int, int], back: Frame) -> Frame:
    """The square to look at for a face of a turned picture. back: the turn, about the middle."""
    left, top, right, bottom = found.box
    middle = np.array([[left + right, top + bottom]]) / 2 - np.array(shown) / 2
    x, y = back.to_photo(middle + 0.5, 1)[0]
    eyes = found.eyes[1] - found.eyes[0]
    leaning = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    return Frame(float(x), float(y), REACH * (right - left), back.angle + leaning)


def _is_same(one: Frame, other: Frame) -> bool:
    apart = np.hypot(one.centre_x - other.centre_x, one.centre_y - other.centre_y)
    return bool(apart < min(one.side, other.side) / 4)
