"""Files of segmenters: safetensors that say which head, which classes and whose features.

The one metadata entry, `faceloom`, is JSON: {"kind": "segmenter", "config": {model, size,
channels, classes}, "generator": name, "generator_sha256": of its weights, "facts": how it was
made}. Nothing in such a file can run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.errors import CoreError, WeightsError
from core.files import whole_file
from core.generators import Identity
from core.generators.checkpoint import check_fits, load_exactly, made_for, read_weights
from core.segmentation.classes import ClassSet
from core.segmentation.heads import Head, build_head
from core.segmentation.segmenter import Segmenter

KIND = "segmenter"
MAX_CLASSES, MAX_SIZE, MAX_CHANNELS = 255, 4096, 4096
_AGAIN = "Train it again: python launch.py train segmenter --config FILE"


def save_segmenter(path: Path, segmenter: Segmenter) -> None:
    """Write it whole or not at all; equal ones make equal bytes."""
    header = {
        "kind": KIND,
        "config": {
            "model": segmenter.model,
            "size": segmenter.size,
            "channels": {str(r): c for r, c in segmenter.head.channels.items()},
            "classes": dataclasses.asdict(segmenter.classes),
        },
        "generator": segmenter.generator.name,
        "generator_sha256": segmenter.generator.sha256,
        "facts": dict(segmenter.facts),
    }
    tensors = {n: t.detach().cpu().contiguous() for n, t in segmenter.head.state_dict().items()}
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, metadata={"faceloom": json.dumps(header, sort_keys=True)})


def load_segmenter(path: Path, generator: Identity | None = None) -> Segmenter:
    """The segmenter stored at `path`, on the CPU, ready for inference.

    generator: refuse one that reads the features of other weights. Raises WeightsError if the
    file is damaged, holds no segmenter, or its header does not fit what it holds.
    """
    header, tensors = read_weights(path)
    if header.get("kind") != KIND:
        raise WeightsError(f"{path} holds no segmenter. {_AGAIN}")
    trained_on = made_for(path, header, generator, "trained on", _AGAIN)
    head, classes = _head(header["config"], tensors, path)
    facts = header.get("facts")
    model = str(header["config"]["model"])
    return Segmenter(head, model, classes, trained_on, facts if isinstance(facts, dict) else {})


def _head(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path
) -> tuple[Head, ClassSet]:
    """First built without memory, so that a header cannot claim more than the file holds."""
    try:
        classes = ClassSet(**config["classes"])
        model, size = config["model"], config["size"]
        channels = {int(r): int(c) for r, c in config["channels"].items()}
        numbers = [size, *channels, *channels.values()]
        if any(type(n) is not int or n < 1 for n in numbers) or size > MAX_SIZE:
            raise ValueError("sizes that are no sizes")
        if max(channels.values()) > MAX_CHANNELS or len(channels) > 16:
            raise ValueError("more channels than any generator has")
        with torch.device("meta"):
            check_fits(build_head(model, channels, classes.num_classes, size), tensors, str(path))
        head = build_head(model, channels, classes.num_classes, size)
    except WeightsError:
        raise
    except (CoreError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise WeightsError(
            f"{path} describes a segmenter that this version does not know ({error}). {_AGAIN}"
        ) from error
    load_exactly(head, dict(tensors), str(path))
    return head.eval().requires_grad_(False), classes
