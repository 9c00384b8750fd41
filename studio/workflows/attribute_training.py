"""What control needs of a generator, learned from a configuration and written beside it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from core.attributes.estimators import AgeGenderEstimator
from core.attributes.measuring import SIZE, FaceMeasurer
from core.attributes.pack import save_pack
from core.attributes.training import AttributeTraining, train_attributes
from core.generators import Device
from core.progress import OnStep, ignore
from core.segmentation import Segmenter
from core.segmentation.store import open_segmenter, segmenter_of_size
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.shipped_files import shipped_beside


def train_attributes_beside(
    config: Path,
    training: AttributeTraining,
    workspace: Path,
    weights: WeightStore,
    device: Device = "auto",
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Write <config>.safetensors and <config>.json whole or not at all; returns the figures.

    The data set is kept in the workspace, so that a stopped run goes on where it was.
    """
    generator = weights.open_generator(training.generator, on_step)
    segmenter = measuring_segmenter(weights, training.generator, training.segmenter)
    readouts = weights.open_readouts(training.generator)
    folder = workspace / "attributes" / config.stem
    with shipped_beside(config) as files:
        began = time.monotonic()
        pack = train_attributes(generator, segmenter, readouts, training, folder, device, on_step)
        save_pack(files.weights, pack)
        told = {
            "seconds": round(time.monotonic() - began),
            "mixing_layers": pack.mixing_layers(),
            **pack.facts,
        }
        return files.record("attributes", generator.identity, told)


def measuring_segmenter(
    weights: WeightStore, generator: str, asked: str | None = None
) -> Segmenter:
    """The one asked for, else the registered one whose masks fit the pictures best."""
    return open_segmenter(weights, generator, asked or segmenter_of_size(weights, generator, SIZE))


def open_measurer(
    models: ModelCache, generator: str, estimator: AgeGenderEstimator | None = None
) -> FaceMeasurer:
    """Of a registered generator, with its segmenter and readouts. Raises CoreError where no
    segmenter reads its features."""
    weights = models.weights
    return FaceMeasurer(
        models.generator(generator),
        measuring_segmenter(weights, generator),
        weights.open_readouts(generator),
        estimator,
        models.device,
    )
