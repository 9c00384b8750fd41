"""Points of a face: MediaPipe's face mesh, run by OpenVINO [Kartynnik et al. 2019, CVPRW]."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from core.errors import WeightsError
from core.inversion.frame import Frame
from core.inversion.resampling import cut

SIZE = 192  # px, what the network is shown
POINTS = 468
REACH = 1.5  # of the box around the points: what the network is shown
PASSES = 3  # looks, each at the square that the one before asks for

# Points of the mesh, from left to right of an upright face as seen: outer and inner corner of the
# left eye, inner and outer corner of the right one; the corners of the mouth. On 180 generated
# faces the middles between the corners of the eyes gave FFHQ's frame with eyes and mouths 5.9 px
# of 1024 off (median 4.8), means over the lids 6.2 to 15.8 px.
MARKS = (33, 133, 362, 263, 61, 291)
MIRRORED = (3, 2, 1, 0, 5, 4)  # which of them each becomes in a mirror


@dataclass(frozen=True, eq=False)
class Mesh:
    """All in px of the photo. points: float64 [468, 2]. marks: [6, 2], those of MARKS.

    certainty: 0 to 1, that this is a face.
    """

    points: NDArray[np.float64]
    marks: NDArray[np.float64]
    certainty: float

    @property
    def eyes(self) -> NDArray[np.float64]:
        """[2, 2]: the middle of the left eye as seen, and of the right."""
        return np.stack([self.marks[:2].mean(0), self.marks[2:4].mean(0)])

    @property
    def mouth(self) -> NDArray[np.float64]:
        """[2, 2]: the left corner of the mouth as seen, and the right."""
        return self.marks[4:]

    def surroundings(self) -> Frame:
        """The square to look at for the same face again."""
        right = self.eyes[1] - self.eyes[0]
        angle = float(np.degrees(np.arctan2(right[1], right[0])))
        upright = Frame(0.0, 0.0, 1.0, angle)
        turned = upright.to_picture(self.points, 1)
        least, most = turned.min(0), turned.max(0)
        x, y = upright.to_photo((least + most)[None] / 2, 1)[0]
        return Frame(float(x), float(y), REACH * float((most - least).max()), angle)


class FaceMesh:
    """path: a file of which the sha256 was checked. Safe to use from threads; they take turns."""

    def __init__(self, path: Path) -> None:
        core = ov.Core()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        try:
            self._net = core.compile_model(core.read_model(path), "CPU", settings)
        except RuntimeError as error:
            raise WeightsError(
                f"{path} is not MediaPipe's face mesh. Delete it and get it again: "
                f"python launch.py weights get {path.stem}"
            ) from error
        self._lock = threading.Lock()

    def look(self, photo: NDArray[np.uint8], at: Frame) -> Mesh:
        """The face in about that square of a photo uint8 [H, W, 3].

        Looked at in a mirror as well: the network puts points some px of 1024 to one side.
        """
        for _ in range(PASSES - 1):
            points, certainty = self._points(cut(photo, at, SIZE))
            found = at.to_photo(points, SIZE)
            at = Mesh(found, found[list(MARKS)], certainty).surroundings()
        seen = cut(photo, at, SIZE)
        points, certainty = self._points(seen)
        mirrored, other = self._points(seen[:, ::-1])
        mirrored[:, 0] = SIZE - mirrored[:, 0]
        marks = (points[list(MARKS)] + mirrored[list(MARKS)][list(MIRRORED)]) / 2
        places = at.to_photo(points, SIZE), at.to_photo(marks, SIZE)
        return Mesh(*places, min(certainty, other))

    def _points(self, seen: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
        """[468, 2] in px of a picture uint8 [192, 192, 3], and the certainty."""
        with self._lock:
            points, score = self._net(seen[None].astype(np.float32) / 255).to_tuple()
        places = np.array(points, np.float64).reshape(POINTS, 3)[:, :2]
        return places, float(1 / (1 + np.exp(-float(np.ravel(score)[0]))))
