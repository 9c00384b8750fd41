"""Files of preview readouts: safetensors that say whose features they read.

The one metadata entry, `faceloom`, is JSON: {"kind": "readouts", "config": ReadoutsConfig,
"generator": name, "generator_sha256": of that generator's weights file}. Stored in float16,
which costs no more than 0.01 dB; used in float32.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from core.errors import WeightsError
from core.files import whole_file
from core.generators.checkpoint import load_exactly, made_for, read_weights
from core.generators.generator import Identity
from core.generators.readouts import Readouts, ReadoutsConfig

KIND = "readouts"


def save_readouts(path: Path, readouts: Readouts, generator: Identity) -> None:
    """Write the readouts of that generator whole or not at all; equal ones make equal bytes."""
    header = {
        "kind": KIND,
        "config": dataclasses.asdict(readouts.config),
        "generator": generator.name,
        "generator_sha256": generator.sha256,
    }
    tensors = {
        name: tensor.detach().to("cpu", torch.float16, memory_format=torch.contiguous_format)
        for name, tensor in readouts.state_dict().items()
    }
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, metadata={"faceloom": json.dumps(header, sort_keys=True)})


def load_readouts(path: Path, generator: Identity) -> Readouts:
    """The readouts stored at `path`, on the CPU, float32, ready for inference.

    Raises WeightsError if the file is damaged, is none of readouts, or belongs to another
    generator or to other weights of this one.
    """
    header, tensors = read_weights(path)
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise WeightsError(f"{path} holds no preview readouts. {_retrain(generator)}")
    made_for(path, header, generator, "trained on", _retrain(generator))
    readouts = Readouts(_config(header.get("config"), path))
    load_exactly(readouts, tensors, str(path))
    return readouts.eval().requires_grad_(False)


def _config(stored: Any, path: Path) -> ReadoutsConfig:  # noqa: ANN401 - whatever JSON holds
    try:
        return ReadoutsConfig(**stored)
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} describes readouts that this version does not know ({error}). "
            "Train them again: python launch.py train previews --config FILE"
        ) from error


def _retrain(generator: Identity) -> str:
    return (
        f"Train readouts with 'generator: {generator.name}' in their configuration: "
        "python launch.py train previews --config FILE"
    )
