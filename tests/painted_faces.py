"""Small faces and masks for the tests of annotations, and a clock that stands still."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from annotations import AnnotationStore, LabelMap, NewFace

SIZE_HW = (6, 8)
SHA256 = "ab" * 32


class Clock:
    """What a store takes for the time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


def picture(seed: int, size_hw: tuple[int, int] = SIZE_HW) -> bytes:
    """PNG bytes of noise."""
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def new_face(seed: int, size_hw: tuple[int, int] = SIZE_HW) -> NewFace:
    ws = np.full((3, 4), seed, np.float32)
    return NewFace(picture(seed, size_hw), ws, "tiny", SHA256, seed=seed, psi=0.7)


def labels(value: int = 0, size_hw: tuple[int, int] = SIZE_HW) -> LabelMap:
    """A mask that is all one class."""
    return np.full(size_hw, value, np.uint8)


def project_with_faces(
    store: AnnotationStore, count: int = 1, size_hw: tuple[int, int] = SIZE_HW
) -> tuple[int, list[int]]:
    """A project's id, and the ids of its faces, whose seeds are 0, 1, 2, ..."""
    project = store.projects.create("faces")
    added = store.faces.add(project.id, [new_face(seed, size_hw) for seed in range(count)])
    return project.id, list(added.face_ids)
