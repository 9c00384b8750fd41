"""Sliders of a generator, fitted from a configuration and written beside it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.attributes.dataset import AttributeSampling, read_attribute_dataset
from core.attributes.influence import LayerInfluence
from core.attributes.measures import ATTRIBUTES, NAMES
from core.attributes.predicted import predict_attribute_dataset, predicted_measures
from core.directions import save_directions
from core.directions.disentangling import LEAK
from core.directions.training import LONGEST, FaceData, FitPlan, Freeing, Judging, fit_directions
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

    dataset: the attribute data set, by the name of its configuration; None: predicted_faces
    random faces with what the generator's attribute model tells of them. attributes: to make
    sliders of; None: all. layers: where each is moved, instead of where it has the influence.
    Leaks are freed on foretold_faces faces by the model, then on `faces` pictures, each in so
    many rounds; as many other pictures judge what came of it. first_seed: of all these. leak,
    longest, least_ratio: see FitPlan.
    """

    generator: str = "mobilestylegan-ffhq-1024"
    dataset: str | None = None
    predicted_faces: int = 20_000
    attributes: list[str] | None = None
    layers: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    foretold_faces: int = 200
    foretold_rounds: int = 3
    faces: int = 16
    rounds: int = 2
    first_seed: int = 700_000
    psi: float = 0.7
    leak: float = LEAK
    longest: float = LONGEST
    least_ratio: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        asked = {*(self.attributes or ()), *self.layers}
        if unknown := sorted(asked - set(NAMES)):
            raise InvalidRequestError(
                f"There are no attributes {', '.join(unknown)}. Choose of: {', '.join(NAMES)}."
            )
        if min(self.faces, self.foretold_faces) < 2 or min(self.rounds, self.foretold_rounds) < 0:
            raise InvalidRequestError(
                "faces and foretold_faces must be at least 2, their rounds at least 0."
            )


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
    freeing, judging = _judges(training, control, models)
    began = time.monotonic()
    kept, measured = fit_directions(
        _faces(training, control, workspace),
        LatentSpace.of(control.generator),
        _plan(training, control.pack.influence),
        {name: attribute.title for name, attribute in ATTRIBUTES.items()},
        freeing,
        judging,
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
        return files.record("directions", control.generator.identity, told)


def _faces(training: DirectionTraining, control: FaceControl, workspace: Path) -> FaceData:
    """Measured, or as the model tells them."""
    pack = control.pack
    if training.dataset is not None:
        folder = workspace / "attributes" / training.dataset
        data = read_attribute_dataset(folder, control.generator.num_ws)
    else:
        sampling = AttributeSampling(faces=training.predicted_faces)
        data = predict_attribute_dataset(control.generator, pack.model, sampling)
    scale = np.array([pack.scale[name] for name in data.names])
    return FaceData(data.w, data.crossover, data.values, data.names, scale, pack.covariance)


def _judges(
    training: DirectionTraining, control: FaceControl, models: ModelCache
) -> tuple[list[Freeing], Judging]:
    """The model, then pictures; faces of its own for each, and for the last word."""
    sizes = np.cumsum([training.faces, training.faces, training.foretold_faces])
    seeds = range(training.first_seed, training.first_seed + int(sizes[-1]))
    ws = latents_from_seeds(control.generator, list(seeds), psi=training.psi, noise=Noise()).ws
    freeing, judging, foretold = np.split(ws, sizes[:-1])
    foretell = partial(predicted_measures, control.pack.model)
    quality = models.quality_scale(training.generator).score
    return [
        Freeing(foretold, foretell, training.foretold_rounds),
        Freeing(freeing, control.measure, training.rounds),
    ], Judging(judging, control.measure, quality)


def _plan(training: DirectionTraining, influence: LayerInfluence) -> FitPlan:
    """Each attribute where its configuration says, else where layers have the influence on it."""
    layers = {
        name: tuple(training.layers.get(name) or influence.mixing_layers((name,))) for name in NAMES
    }
    wanted = tuple(training.attributes or NAMES)
    return FitPlan(layers, wanted, training.leak, training.longest, training.least_ratio)
