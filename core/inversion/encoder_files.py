"""Encoders of photos on disk, and the registered one of a generator.

safetensors with one metadata entry, `faceloom`, JSON: {"kind": "photo encoder", "config",
"generator", "generator_sha256"}. Stored in float16, used in float32. Nothing can run.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from core.errors import CoreError, WeightsError
from core.files import whole_file
from core.generators import Identity
from core.generators.checkpoint import check_fits, load_exactly, made_for, read_weights
from core.inversion.encoder import EncoderConfig, EncoderNetwork, PhotoEncoder
from core.progress import OnStep, ignore
from core.weights import WeightStore

KIND = "photo encoder"
LARGEST = 4096  # of any size in a header
_AGAIN = "Train it again: python launch.py train photo-encoder --config FILE"


def save_photo_encoder(path: Path, encoder: PhotoEncoder) -> None:
    """Write it whole or not at all; equal ones make equal bytes."""
    header = {
        "kind": KIND,
        "config": dataclasses.asdict(encoder.network.config),
        "generator": encoder.generator.name,
        "generator_sha256": encoder.generator.sha256,
    }
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in encoder.network.state_dict().items()
    }
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, metadata={"faceloom": json.dumps(header, sort_keys=True)})


def load_photo_encoder(path: Path, generator: Identity) -> PhotoEncoder:
    """Raises WeightsError if it is damaged, something else, or of other weights."""
    header, tensors = read_weights(path)
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise WeightsError(f"{path} holds no encoder of photos. {_AGAIN}")
    theirs = made_for(path, header, generator, "made for", _AGAIN)
    try:
        config = _config(header.get("config"))
    except (CoreError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} describes an encoder that this version does not know ({error}). {_AGAIN}"
        ) from error
    stored = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    with torch.device("meta"):
        check_fits(EncoderNetwork(config), stored, str(path))
    network = EncoderNetwork(config)
    load_exactly(network, stored, str(path))
    return PhotoEncoder(network, theirs)


def open_photo_encoder(
    weights: WeightStore, generator: str, on_step: OnStep = ignore
) -> PhotoEncoder | None:
    """The registered one of that generator; None where there is none. Raises WeightsError."""
    names = weights.made_for(generator, KIND)
    if not names:
        return None
    return load_photo_encoder(weights.checked(names[0], on_step), weights.identity(generator))


def _config(stored: Any) -> EncoderConfig:  # noqa: ANN401 - whatever JSON holds
    config = EncoderConfig(**stored)
    sizes = [config.size, *config.widths, config.blocks, config.hidden, config.w_dim]
    if any(type(n) is not int or not 1 <= n <= LARGEST for n in [*sizes, len(config.groups)]):
        raise ValueError("sizes that are no sizes")
    return config
