"""The encoder of photos of one generator, learned from a configuration and written beside it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from core.generators import Device
from core.inversion.encoder_faces import make_encoder_faces
from core.inversion.encoder_files import save_photo_encoder
from core.inversion.encoder_training import PhotoEncoderTraining, train_photo_encoder
from core.progress import OnStep, ignore
from core.weights import WeightStore
from studio.workflows.shipped_files import shipped_beside


def train_photo_encoder_beside(
    config: Path,
    training: PhotoEncoderTraining,
    workspace: Path,
    weights: WeightStore,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Write <config>.safetensors and <config>.json whole or not at all; returns the figures.

    Faces and the unfinished training are kept in the workspace, so that a stopped run goes on
    where it was.
    """
    generator = weights.open_generator(training.generator, on_step)
    readouts = weights.open_readouts(training.generator)
    folder = workspace / "photo-encoder" / config.stem
    with shipped_beside(config) as files:
        began = time.monotonic()
        faces = make_encoder_faces(
            generator, readouts, training.sampling(), training.size, folder, device, on_step
        )
        checkpoint = folder / "unfinished.pt"
        encoder, explained = train_photo_encoder(
            generator, faces, training, checkpoint, device, on_step
        )
        save_photo_encoder(files.weights, encoder)
        told = {
            "seed": training.seed,
            "faces": training.faces,
            "steps": training.steps,
            "seconds": round(time.monotonic() - began),
            "variance_explained": explained,
            "layers": encoder.network.config.groups,
        }
        return files.record("photo-encoder", generator.identity, told)
