"""One face as the measures see it: picture, mask and landmarks, with what they have in common."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.color import rgb2lab

from core.attributes.estimators import Estimate
from core.segmentation.classes import ClassSet

NAN = float("nan")
Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

BROWS, EYES = ("left eyebrow", "right eyebrow"), ("left eye", "right eye")
LIPS = ("upper lip", "lower lip")
FACE = ("skin", *BROWS, *EYES, "eyeglass", "nose", *LIPS, "mouth")
LUMA = np.array([0.299, 0.587, 0.114])
NOSE_REACH = 0.45  # of d: how far the base of the nose stands before the eyes
NOSE_DROP = 0.78  # of d: how far it lies below them where the head is level (mean of our faces)
LEAST = 0.01  # of the picture: regions smaller than this have no colour of their own
TINY = 1e-4  # of the picture: smaller ones are not there at all


class Sight:
    """One face as the measures see it.

    picture: uint8 [S, S, 3]. labels: class ids [S, S]. estimate: of the same picture.
    """

    def __init__(
        self, picture: NDArray[np.uint8], labels: Labels, classes: ClassSet, estimate: Estimate
    ) -> None:
        self.size = len(picture)
        self.picture = picture
        self.labels = labels
        self.estimate = estimate
        self._ids = dict(zip(classes.names, classes.ids, strict=True))
        self._luma: NDArray[np.float32] = (picture / 255.0 @ LUMA).astype(np.float32)
        self.face = self.of(*FACE)
        self.skin = self.of("skin")

    def has(self, *names: str) -> bool:
        """Whether the scheme has these classes."""
        return all(name in self._ids for name in names)

    def of(self, *names: str) -> Mask:
        """Where these classes are, [S, S]."""
        chosen = np.zeros(256, bool)
        chosen[[self._ids[name] for name in names if name in self._ids]] = True
        return chosen[self.labels]

    def share(self, name: str) -> float:
        """Of the face's area, in percent."""
        if not self.has(name) or not self.face.any():
            return NAN
        return 100.0 * float(self.of(name).sum()) / float(self.face.sum())

    def luma(self, where: Mask) -> float:
        return float(self._luma[where].mean()) if self._is_seen(where) else NAN

    def lab(self, where: Mask) -> NDArray[np.float64]:
        """L*, a*, b* of the mean colour there, [3]."""
        if not self._is_seen(where):
            return np.full(3, NAN)
        colour = self.picture[where].mean(0, dtype=np.float64) / 255.0
        lab: NDArray[np.float64] = rgb2lab(colour[None, None])[0, 0]
        return lab

    @cached_property
    def mouth(self) -> Mask:
        """The largest piece of lips and what is between them."""
        pieces, count = ndimage.label(self.of(*LIPS, "mouth"))
        sizes = np.bincount(pieces.ravel())[1:]
        largest: Mask = pieces == (1 + int(np.argmax(sizes)) if count else -1)
        return largest

    @cached_property
    def turn(self) -> tuple[float, float, float]:
        """yaw, pitch and roll in degrees."""
        face = self.estimate.face
        if face is None or face.eye_distance < 1:
            return NAN, NAN, NAN
        left, right = face.eyes
        across = (right - left).astype(np.float64)
        unit = across / face.eye_distance
        nose = (face.landmarks[4] - (left + right) / 2).astype(np.float64) / face.eye_distance
        beside, below = float(nose @ unit), float(nose @ [-unit[1], unit[0]])
        yaw = np.arctan2(beside, NOSE_REACH)
        pitch = np.arctan2(NOSE_DROP - below * np.cos(yaw), NOSE_REACH)
        roll = np.arctan2(across[1], across[0])
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))

    @property
    def eye_distance(self) -> float:
        """d, in px."""
        face = self.estimate.face
        if face is None or face.eye_distance < 1:
            return NAN
        return face.eye_distance / float(np.cos(np.radians(self.turn[0])))

    def _is_seen(self, where: Mask, least: float = LEAST) -> bool:
        return bool(where.sum() >= least * where.size)

    def extent(self, where: Mask) -> tuple[int, int, int, int] | None:
        """First and last row, first and last column of a region; None where it is not there."""
        if not self._is_seen(where, TINY):
            return None
        rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
        return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
