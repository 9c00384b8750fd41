"""Sliders of a generator, fitted from a configuration and written beside it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.attributes.dataset import read_attribute_dataset
from core.attributes.influence import LayerInfluence
from core.attributes.measures import ATTRIBUTES, NAMES
from core.directions import save_directions
from core.directions.disentangling import LEAK
from core.directions.training import FaceData, FitPlan, Judges, fit_directions
from core.errors import InvalidRequestError
from core.generators import Device, Noise
from core.latents import LatentSpace
from core.progress import OnStep, ignore
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.face_control import FaceControl
from studio.workflows.shipped_files import shipped_beside


@dataclass(frozen=True)
class DirectionTraining:
    """Keys of the configuration.

    dataset: the attribute data set, by the name of its configuration. attributes: to make
    sliders of; None: all. layers: where each is moved, instead of where it has the influence.
    faces: unseen ones that leaks are measured on, seeds first_seed and on; as many others judge
    what came of it. leak: standard deviations that any other attribute may move.
    """

    generator: str = "mobilestylegan-ffhq-1024"
    dataset: str = "attributes-mobilestylegan-ffhq-1024"
    attributes: list[str] | None = None
    layers: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    faces: int = 16
    first_seed: int = 700_000
    psi: float = 0.7
    rounds: int = 2
    leak: float = LEAK
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
    scale = np.array([control.pack.scale[name] for name in data.names])
    seeds = range(training.first_seed, training.first_seed + 2 * training.faces)
    ws = latents_from_seeds(generator, list(seeds), psi=training.psi, noise=Noise()).ws
    judges = Judges(
        ws[: training.faces],
        ws[training.faces :],
        control.measure,
        models.quality_scale(training.generator).score,
    )
    began = time.monotonic()
    kept, measured = fit_directions(
        FaceData(data.w, data.crossover, data.values, data.names, scale, control.pack.covariance),
        LatentSpace.of(generator),
        _plan(training, control.pack.influence),
        {name: attribute.title for name, attribute in ATTRIBUTES.items()},
        judges,
        on_step,
    )
    if not kept:
        raise InvalidRequestError(
            f"No direction moves its attribute {training.least_ratio:g} times as much as any "
            "other. Lower least_ratio, or measure more faces."
        )
    told = {
        "seconds": round(time.monotonic() - began),
        "training": dataclasses.asdict(training),
        "kept": [direction.name for direction in kept],
        "safe": {direction.name: list(direction.safe) for direction in kept},
        "measured": {name: effect.facts() for name, effect in measured.items()},
    }
    with shipped_beside(config) as files:
        save_directions(files.weights, kept)
        return files.record("directions", generator.identity, told)


def _plan(training: DirectionTraining, influence: LayerInfluence) -> FitPlan:
    """Each attribute where its configuration says, else where layers have the influence on it."""
    layers = {
        name: tuple(training.layers.get(name) or influence.mixing_layers((name,))) for name in NAMES
    }
    wanted = tuple(training.attributes or NAMES)
    return FitPlan(layers, wanted, training.rounds, training.leak, training.least_ratio)
