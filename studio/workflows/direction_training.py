"""Sliders of a generator, fitted from a configuration and written beside it."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.attributes.dataset import read_attribute_dataset
from core.attributes.measures import ATTRIBUTES, NAMES
from core.directions import Direction, Effect, save_directions
from core.directions.training import FaceData, FitPlan, fit_directions
from core.errors import InvalidRequestError
from core.files import sha256_of, whole_file
from core.generators import Device, Generator, Noise
from core.latents import LatentSpace
from core.progress import OnStep, ignore
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.face_control import FaceControl

NOT_HELD = ("roll",)  # the same on all aligned faces


@dataclass(frozen=True)
class DirectionTraining:
    """Keys of the configuration.

    dataset: the attribute data set, by the name of its configuration. attributes: to make
    sliders of; None: all. layers: where each is moved, instead of where it has the influence.
    faces: unseen ones that directions are measured on, seeds first_seed and on.
    """

    generator: str = "mobilestylegan-ffhq-1024"
    dataset: str = "attributes-mobilestylegan-ffhq-1024"
    attributes: list[str] | None = None
    layers: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    faces: int = 16
    first_seed: int = 700_000
    psi: float = 0.7
    rounds: int = 2
    least_ratio: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        asked = {*(self.attributes or ()), *self.layers}
        if unknown := sorted(asked - set(NAMES)):
            raise InvalidRequestError(
                f"There are no attributes {', '.join(unknown)}. Choose of: {', '.join(NAMES)}."
            )
        if self.faces < 2 or self.rounds < 0:
            raise InvalidRequestError("faces must be at least 2, rounds at least 0.")


def train_directions_beside(
    config: Path,
    training: DirectionTraining,
    workspace: Path,
    weights: WeightStore,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Write <config>.safetensors and <config>.json whole or not at all; returns the figures.

    Raises LatentsError where the data set is missing, InvalidRequestError where no direction is
    clean enough to keep.
    """
    models = ModelCache(weights, device)
    control = FaceControl(models, training.generator)
    generator = control.generator
    data = read_attribute_dataset(workspace / "attributes" / training.dataset, generator.num_ws)
    influence = control.pack.influence
    wanted = {
        name: tuple(training.layers.get(name) or influence.mixing_layers((name,)))
        for name in training.attributes or [name for name in NAMES if name not in NOT_HELD]
    }
    held = tuple(name for name in NAMES if name not in NOT_HELD)
    plan = FitPlan(wanted, held, training.rounds, training.least_ratio)
    seeds = list(range(training.first_seed, training.first_seed + training.faces))
    ws = latents_from_seeds(generator, seeds, psi=training.psi, noise=Noise()).ws
    scale = np.array([control.pack.scale[name] for name in data.names])
    began = time.monotonic()
    kept, measured = fit_directions(
        FaceData(data.w, data.crossover, data.values, data.names, scale),
        LatentSpace.of(generator),
        plan,
        {name: attribute.title for name, attribute in ATTRIBUTES.items()},
        ws,
        control.measure,
        models.quality_scale(training.generator).score,
        on_step,
    )
    if not kept:
        raise InvalidRequestError(
            f"No direction moves its attribute {training.least_ratio:g} times as much as any "
            "other. Lower least_ratio, or measure more faces."
        )
    return _written(config, training, kept, measured, round(time.monotonic() - began), generator)


def _written(
    config: Path,
    training: DirectionTraining,
    kept: list[Direction],
    measured: dict[str, Effect],
    seconds: int,
    generator: Generator,
) -> dict[str, Any]:
    target = config.with_suffix(".safetensors")
    command = f"python launch.py train directions --config {config}"
    with (
        whole_file(target) as unfinished,
        whole_file(config.with_suffix(".json")) as unfinished_figures,
    ):
        save_directions(unfinished, kept)
        figures = {
            "command": command,
            "file": target.name,
            "sha256": sha256_of(unfinished),
            "generator": training.generator,
            "generator_sha256": generator.identity.sha256,
            "seconds": seconds,
            "training": dataclasses.asdict(training),
            "kept": [direction.name for direction in kept],
            "safe": {direction.name: list(direction.safe) for direction in kept},
            "measured": {name: effect.facts() for name, effect in measured.items()},
        }
        unfinished_figures.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures
