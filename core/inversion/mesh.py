"""468 points of a face: MediaPipe's face mesh, run by OpenVINO [Kartynnik et al. 2019, CVPRW]."""

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

# Places of points of the mesh that lie where FFHQ's landmarks do: six around each eye, the two
# corners of the mouth. First those on the left of the upright face as seen.
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
MOUTH = (61, 291)


@dataclass(frozen=True, eq=False)
class Mesh:
    """points: float64 [468, 2] in the photo. certainty: 0 to 1, that this is a face."""

    points: NDArray[np.float64]
    certainty: float

    @property
    def eyes(self) -> NDArray[np.float64]:
        """[2, 2]: the middle of the left eye as seen, and of the right."""
        return np.stack([self.points[list(eye)].mean(0) for eye in EYES])

    @property
    def mouth(self) -> NDArray[np.float64]:
        """[2, 2]: the left corner of the mouth as seen, and the right."""
        return self.points[list(MOUTH)]

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
                f"{path} is not MediaPipe's face mesh ({str(error).splitlines()[0]}). Delete it "
                "and get it again: python launch.py weights get " + path.stem
            ) from error
        self._lock = threading.Lock()

    def look(self, photo: NDArray[np.uint8], at: Frame, passes: int = 2) -> Mesh:
        """The points of the face in a square of a photo uint8 [H, W, 3].

        passes: looks, each from the second on at the square that the one before asks for.
        """
        mesh = self._look(photo, at)
        for _ in range(passes - 1):
            mesh = self._look(photo, mesh.surroundings())
        return mesh

    def _look(self, photo: NDArray[np.uint8], at: Frame) -> Mesh:
        seen = cut(photo, at, SIZE)[None].astype(np.float32) / 255  # [1, H, W, 3]
        with self._lock:
            points, score = self._net(seen).to_tuple()
        places = np.asarray(points, np.float64).reshape(POINTS, 3)[:, :2]
        certainty = 1 / (1 + np.exp(-float(np.ravel(score)[0])))
        return Mesh(at.to_photo(places, SIZE), float(certainty))
