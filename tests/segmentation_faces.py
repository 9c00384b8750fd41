"""Labelled faces of the tiny generator: masks that follow from its features, so that they can
be learned.
"""

from __future__ import annotations

import numpy as np
import torch

from core.segmentation import ClassSet, LabelledFaces, SegmenterTraining
from tests.tiny_generator import tiny_generator, tiny_latents

CLASSES = ClassSet(
    (0, 3, 4, 9),
    ("background", "left eye", "right eye", "hat"),
    ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)),
)


def labelled_faces(count: int = 6) -> LabelledFaces:
    """Masks of 32 px with all four classes, by the signs of two feature channels."""
    latents = tiny_latents(count)
    maps = tiny_generator().synthesis(torch.from_numpy(latents.ws), features=(32,)).features[32]
    high = [maps[:, channel] > maps[:, channel].median() for channel in (0, 3)]
    indices = (high[0].int() + 2 * high[1].int()).numpy()
    labels = CLASSES.to_ids(indices)
    return LabelledFaces(latents.ws, labels, tuple(f"face {i}" for i in range(count)))


def quick_training(**changes: object) -> SegmenterTraining:
    """A training of the tiny generator that takes a second."""
    quick: dict[str, object] = {"size": 32, "epochs": 3, "batch_size": 2, "window": 16}
    quick |= {"pixels": 256, "least_steps": 1}
    return SegmenterTraining(**quick | changes)  # type: ignore[arg-type]


def no_faces() -> LabelledFaces:
    faces = labelled_faces(1)
    return LabelledFaces(faces.ws[:0], np.zeros((0, 32, 32), np.uint8), ())
