"""Masks as a person paints them: a face of all classes, and a stroke more at every save."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations import LabelMap, LabelScheme

_STEPS = 40  # places of the brush along a stroke
_ANGLES = 4096  # at which a border is known


class Painting:
    """A mask that grows under a brush. labels: uint8 [size, size] of the scheme's ids."""

    def __init__(self, seed: int, size: int, scheme: LabelScheme) -> None:
        self._random = np.random.default_rng(seed)
        self._ids = np.array([label.id for label in scheme.classes], np.uint8)
        self.labels: LabelMap = np.full((size, size), self._ids[0], np.uint8)
        for place, class_id in enumerate(self._ids[1:]):
            self._region(class_id, radius=0.42 * 0.86**place)

    def stroke(self) -> LabelMap:
        """Paint one more stroke of any class; returns a copy of the whole mask."""
        size = len(self.labels)
        radius = int(self._random.integers(size // 100 + 1, size // 20 + 2))
        class_id = self._random.choice(self._ids)
        rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        is_brush = rows**2 + columns**2 <= radius**2
        steps = self._random.normal(0, radius / 2, (_STEPS, 2)).cumsum(axis=0)
        places = self._random.integers(0, size, 2) + steps
        for row, column in np.clip(places, radius, size - radius - 1).astype(int):
            box = self.labels[
                row - radius : row + radius + 1, column - radius : column + radius + 1
            ]
            box[is_brush] = class_id
        return self.labels.copy()

    def _region(self, class_id: np.uint8, radius: float) -> None:
        """An ellipse with a wavy border, somewhere about the middle; radius: of 1."""
        random, size = self._random, len(self.labels)
        row, column = 0.5 + random.normal(0, 0.12, 2)
        tall, wide = radius * random.uniform(0.5, 1, 2)
        axis: NDArray[np.float64] = (np.arange(size) + 0.5) / size
        down, across = (axis[:, None] - row) / tall, (axis[None, :] - column) / wide
        angles = np.linspace(-np.pi, np.pi, _ANGLES)
        waves = np.zeros(_ANGLES)
        for wave in range(2, 12):
            waves += random.normal(0, 0.06 / wave) * np.sin(wave * angles + random.uniform(0, 6.3))
        place = (np.arctan2(down, across) / np.pi + 1) * (_ANGLES / 2 - 0.5)  # [size, size]
        self.labels[down**2 + across**2 <= (1 + waves[place.astype(int)]) ** 2] = class_id
