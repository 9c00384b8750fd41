"""The thesis's table 9: the attribute encoder by the loss on w alone, and by all three losses."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from core.attributes.dataset import AttributeSampling
from core.attributes.encoder import EncoderTraining, PictureEstimate, train_encoder
from core.attributes.predicted import predict_attribute_dataset
from core.evaluation.control import draw_targets, precision_of
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.face_control import FaceControl

LOSSES = {"regression alone": 0, "all three": 150}  # steps with estimated pictures


def evaluate_encoder(
    models: ModelCache,
    generator: str | None,
    faces: int = 120,
    learned_from: int = 20_000,
    guided_steps: int | None = None,
    seed: int = 0,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Train an encoder by each of LOSSES and judge the full-size pictures of its own w.

    Both learn from the same `learned_from` faces, with the ages and genders that the registered
    attribute model tells, so that no data set need be measured; targets as `evaluate control`
    draws them. guided_steps: instead of those of 'all three'.
    """
    name = models.name(generator)
    control = FaceControl(models, name)
    data = predict_attribute_dataset(
        control.generator, control.pack.model, AttributeSampling(faces=learned_from)
    )
    estimate = PictureEstimate(control.generator, models.weights.open_readouts(name))
    targets = draw_targets(faces, seed)
    given = np.array([[each.age, float(each.gender == "male")] for each in targets], np.float32)
    mean_w = control.generator.mean_w.cpu().numpy()
    found = {}
    for loss, steps in LOSSES.items():
        began = time.monotonic()
        chosen = guided_steps if steps and guided_steps is not None else steps
        training = EncoderTraining(guided_steps=chosen, seed=seed)
        encoder = train_encoder(data, mean_w, training, estimate, on_step)
        seconds = time.monotonic() - began
        told = []
        for place, w in enumerate(encoder.encode(given)):
            on_step(Step(place, faces, f"{loss}: judging", "faces"))
            ws = np.broadcast_to(w, (control.generator.num_ws, len(w))).copy()
            seen = control.check(ws)
            told.append((seen["age"], seen["male"]))
        ages, males = np.array(told).T
        found[loss] = {
            **dataclasses.asdict(precision_of(targets, ages, males)),
            "guided_steps": chosen,
            "seconds": round(seconds, 1),
        }
    return {
        "generator": name,
        "faces": faces,
        "learned_from": learned_from,
        "seed": seed,
        "losses": found,
    }
