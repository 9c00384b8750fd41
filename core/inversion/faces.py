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
from core.progress import OnStep, ignore
from core.weights import WeightStore

LEAST_FACE = 80  # px, that dlib finds
SEARCHED_SIDES = 2048, 1280  # px of the longer side that it is shown: upright, and at each turn
MOST_ENLARGED = 4.0
LEAST_CERTAINTY = 0.9  # true faces had 0.99 and more, even small and dark ones
TURNS = range(30, 360, 30)  # degrees; dlib finds faces that lean by up to about 25

Box = tuple[int, int, int, int]


class NoFaceError(CoreError):
    """A photo in which no face was found."""


@dataclass(frozen=True, eq=False)
class PhotoFace:
    """frame: what FFHQ's crop of it shows."""

    mesh: Mesh
    frame: Frame

    @property
    def certainty(self) -> float:
        """0 to 1, that it is a face."""
        return self.mesh.certainty

    @property
    def box(self) -> Box:
        """Left, top, right, bottom px of the photo, from forehead to chin."""
        left, top = np.floor(self.mesh.points.min(0)).astype(int)
        right, bottom = np.ceil(self.mesh.points.max(0)).astype(int)
        return int(left), int(top), int(right), int(bottom)


class PhotoFaces:
    """dlib says where faces are, the mesh where their eyes and mouths are."""

    def __init__(self, mesh: FaceMesh, finder: FaceFinder | None = None) -> None:
        self._mesh = mesh
        self._finder = finder or FaceFinder()

    def find(self, photo: NDArray[np.uint8], name: str = "the photo") -> list[PhotoFace]:
        """The faces of a photo uint8 [H, W, 3], the largest first.

        Upright ones; only where there is none, those that lean or lie. Raises NoFaceError.
        """
        upright, turned = (_reduced(photo, side) for side in SEARCHED_SIDES)
        faces = self._seen(photo, upright, 0)
        faces = faces or [face for turn in TURNS for face in self._seen(photo, turned, turn)]
        if faces:
            return _apart(faces)
        least = LEAST_FACE * photo.shape[1] / upright.width
        raise NoFaceError(
            f"No face was found in {name}. Choose a photo that shows a face from the front, sharp "
            f"and lit, in this size at least {least:.0f} px wide."
        )

    def _seen(self, photo: NDArray[np.uint8], searched: Image.Image, turn: int) -> list[PhotoFace]:
        """Those that stand upright once what is searched is turned clockwise by `turn` degrees."""
        shown = searched.rotate(-turn, Image.Resampling.BILINEAR, expand=True)
        x, y = (float(side) / 2 for side in searched.size)
        back, scale = Frame(x, y, 1.0, -turn), searched.width / photo.shape[1]
        meshes = [
            self._mesh.look(photo, _surroundings(found, shown.size, back).scaled(1 / scale))
            for found in self._finder.find_all(np.asarray(shown))
        ]
        return [
            PhotoFace(mesh, ffhq_frame(mesh.eyes, mesh.mouth))
            for mesh in meshes
            if mesh.certainty >= LEAST_CERTAINTY
        ]


def open_photo_faces(weights: WeightStore, on_step: OnStep = ignore) -> PhotoFaces:
    """With the mesh that is registered, fetched first where it is missing. Raises WeightsError."""
    path = weights.checked(weights.default("face mesh"), on_step)
    return PhotoFaces(FaceMesh(path))


def _reduced(photo: NDArray[np.uint8], longer: int) -> Image.Image:
    """With a longer side of that many px; not enlarged beyond MOST_ENLARGED."""
    scale = min(longer / max(photo.shape[:2]), MOST_ENLARGED)
    width, height = (max(1, round(side * scale)) for side in photo.shape[1::-1])
    return Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR)


def _surroundings(found: FoundFace, shown: tuple[int, int], back: Frame) -> Frame:
    """The square to look at for a face of a turned picture. back: the turn, about the middle."""
    left, top, right, bottom = found.box
    middle = np.array([[left + right, top + bottom]]) / 2 - np.array(shown) / 2
    x, y = back.to_photo(middle + 0.5, 1)[0]
    eyes = found.eyes[1] - found.eyes[0]
    leaning = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    return Frame(float(x), float(y), REACH * (right - left), back.angle + leaning)


def _apart(faces: list[PhotoFace]) -> list[PhotoFace]:
    """The largest first; of several at one place, such as one upside down, the most certain."""
    kept: list[PhotoFace] = []
    for face in sorted(faces, key=lambda face: face.certainty, reverse=True):
        if not any(_is_same(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: face.frame.side, reverse=True)


def _is_same(one: Box, other: Box) -> bool:
    apart = np.hypot(one[0] + one[2] - other[0] - other[2], one[1] + one[3] - other[1] - other[3])
    return bool(apart < min(one[2] - one[0], other[2] - other[0]))  # of middles: half of both
