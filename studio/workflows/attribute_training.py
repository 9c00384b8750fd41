"""What control needs of a generator, learned from a configuration and written beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from core.attributes.measuring import SIZE
from core.attributes.pack import save_pack
from core.attributes.training import AttributeTraining, train_attributes
from core.files import sha256_of, whole_file
from core.generators import Device
from core.progress import OnStep, ignore
from core.segmentation import Segmenter
from core.segmentation.store import open_segmenter, segmenter_of_size
from core.weights import WeightStore


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
    target = config.with_suffix(".safetensors")
    generator = weights.open_generator(training.generator, on_step)
    segmenter = measuring_segmenter(weights, training.generator, training.segmenter)
    readouts = weights.open_readouts(training.generator)
    folder = workspace / "attributes" / config.stem
    with (  # opened first: a folder that cannot be written is told of at once
        whole_file(target) as unfinished,
        whole_file(config.with_suffix(".json")) as unfinished_figures,
    ):
        began = time.monotonic()
        pack = train_attributes(generator, segmenter, readouts, training, folder, device, on_step)
        save_pack(unfinished, pack)
        figures = {
            "command": f"python launch.py train attributes --config {config}",
            "file": target.name,
            "sha256": sha256_of(unfinished),
            "generator": training.generator,
            "generator_sha256": generator.identity.sha256,
            "seconds": round(time.monotonic() - began),
            "mixing_layers": pack.mixing_layers(),
            **pack.facts,
        }
        unfinished_figures.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return figures


def measuring_segmenter(
    weights: WeightStore, generator: str, asked: str | None = None
) -> Segmenter:
    """The one asked for, else the registered one whose masks fit the pictures best."""
    return open_segmenter(weights, generator, asked or segmenter_of_size(weights, generator, SIZE))
