"""How alike two faces are to a network for recognising people: dlib's, as it stands.

A residual network that maps a face to 128 numbers; photographs of one person lie closer than 0.6
[dlib's dnn_face_recognition_ex; King 2009, JMLR 10]. Made by Davis King, CC0.
"""

from __future__ import annotations

from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from core.attributes.faces import FoundFace
from core.errors import WeightsError

CHIP, PADDING = 150, 0.25  # px, and of the face around it: the network's
WIDTH = 128


class FaceEmbedder:
    """path: a file of which the sha256 was checked; dlib's reader trusts what it reads."""

    def __init__(self, path: Path) -> None:
        try:
            self._net = dlib.face_recognition_model_v1(str(path))
        except RuntimeError as error:
            raise WeightsError(
                f"{path} is not dlib's face recognition network ({error}). Delete it and get it "
                "again: python launch.py weights get " + path.stem
            ) from error

    def embed(self, picture: NDArray[np.uint8], face: FoundFace) -> NDArray[np.float32]:
        """[128] of a face of a picture uint8 [H, W, 3]; distances are Euclidean."""
        picture = np.ascontiguousarray(picture)
        chip = dlib.get_face_chip(picture, face.shape, size=CHIP, padding=PADDING)
        return np.array(self._net.compute_face_descriptor(chip), np.float32)
