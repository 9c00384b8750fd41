"""From a generator to its attribute pack: data set, model, encoder, influence of layers."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attributes.dataset import AttributeDataset, AttributeSampling, make_attribute_dataset
from core.attributes.encoder import INPUTS, EncoderTraining, PictureEstimate, train_encoder
from core.attributes.influence import LayerInfluence, measure_influence
from core.attributes.measures import NAMES
from core.attributes.measuring import FaceMeasurer
from core.attributes.model import ModelTraining, fit_model
from core.attributes.pack import AttributePack
from core.errors import InvalidRequestError
from core.generators import Device, Generator, Readouts
from core.progress import OnStep, ignore
from core.sampling import w_from_z
from core.segmentation import Segmenter

SPREAD_FACES = 20_000  # w's for the covariance
SPREAD_SEED = 2
DRAWN = 5_000  # pairs of age and gender that are kept


@dataclass(frozen=True)
class AttributeTraining:
    """Keys of the configuration. Raises InvalidRequestError naming the key.

    faces, mixed, psi_low, psi_high, first_seed: of the data set (`AttributeSampling`).
    influence_faces: pairs compared for the influence of layers. guided_steps: of the encoder's
    training with all three losses; 0: with the regression loss alone.
    """

    generator: str = "mobilestylegan-ffhq-1024"
    segmenter: str | None = None  # a registered one or a file; None: the one that measures best
    faces: int = 20_000
    mixed: float = 0.4
    psi_low: float = 0.5
    psi_high: float = 1.0
    first_seed: int = 1_000_000
    influence_faces: int = 128
    epochs: int = 40
    encoder_epochs: int = 20
    guided_steps: int = 150
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("encoder_epochs", 1), ("guided_steps", 0)):
            if not least <= getattr(self, name) <= 100_000:
                raise InvalidRequestError(
                    f"{name} must be in {least}..100000, is {getattr(self, name)}."
                )
        if self.influence_faces < 2:
            raise InvalidRequestError(
                f"influence_faces must be at least 2, is {self.influence_faces}."
            )
        _ = self.sampling  # checks its own

    @property
    def sampling(self) -> AttributeSampling:
        return AttributeSampling(
            self.faces, self.mixed, self.psi_low, self.psi_high, self.first_seed
        )


def train_attributes(
    generator: Generator,
    segmenter: Segmenter,
    readouts: Readouts | None,
    training: AttributeTraining,
    folder: Path,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> AttributePack:
    """Make the data set in `folder` (what is there stays) and learn from it."""
    measurer = FaceMeasurer(generator, segmenter, readouts, device=device)
    began = time.monotonic()
    data = make_attribute_dataset(generator, measurer, training.sampling, folder, on_step)
    measuring = time.monotonic() - began
    influence = measure_influence(
        generator, measurer.measure, NAMES, faces=training.influence_faces, on_step=on_step
    )
    mean_w = generator.mean_w.cpu().numpy()
    model, fit = fit_model(
        data, mean_w, ModelTraining(epochs=training.epochs, seed=training.seed), on_step
    )
    learning = EncoderTraining(
        training.encoder_epochs, guided_steps=training.guided_steps, seed=training.seed
    )
    estimate = PictureEstimate(generator, readouts) if training.guided_steps else None
    encoder = train_encoder(data, mean_w, learning, estimate, on_step)
    facts: dict[str, Any] = {
        "training": dataclasses.asdict(training),
        "segmenter_sha256": measurer.segmenter_sha256,
        "faces": len(data),
        "without_face": int(np.isnan(data.values_of("age")).sum()),
        "seconds_measuring": round(measuring),
        "model": {"explained": fit.explained, "error": fit.error, "held_out": fit.faces},
        "influence": influence_table(influence),
        "means": _rounded(np.nanmean(data.values.astype(np.float64), axis=0)),
    }
    return AttributePack(
        model,
        encoder,
        covariance_of(generator),
        _drawn(data),
        influence,
        _rounded(data.scale()),
        generator.identity,
        facts,
    )


def covariance_of(generator: Generator) -> NDArray[np.float32]:
    """Of w with psi 1, [D, D]; from 20,000 of a fixed seed."""
    z = np.random.RandomState(SPREAD_SEED).randn(SPREAD_FACES, generator.mapping.z_dim)
    return np.cov(w_from_z(generator, z), rowvar=False).astype(np.float32)


def influence_table(influence: LayerInfluence) -> dict[str, dict[str, float | None]]:
    """By size of map, then by attribute: shares rounded to three digits."""
    return {
        str(size): {
            name: None if np.isnan(share) else round(float(share), 3)
            for name, share in zip(influence.names, row, strict=True)
        }
        for (size, _), row in zip(influence.groups, influence.shares, strict=True)
    }


def _drawn(data: AttributeDataset) -> NDArray[np.float32]:
    pairs = np.stack([data.values_of(name) for name in INPUTS], 1)
    return np.ascontiguousarray(pairs[np.isfinite(pairs).all(1)][:DRAWN])


def _rounded(values: NDArray[np.float64]) -> dict[str, float]:
    return {
        name: round(float(value), 5) if np.isfinite(value) else 1.0
        for name, value in zip(NAMES, values, strict=True)
    }
