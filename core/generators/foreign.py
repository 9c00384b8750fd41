"""Checkpoints of other repositories, read into our configuration and tensors.

Known are rosinality/stylegan2-pytorch (.pt), NVIDIA's PyTorch pickles (.pkl) and
seasonSH/SemanticStyleGAN (.pt), told apart by what they hold. Nothing in such a file is run;
see `restricted_pickle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import UnsafeCheckpointError, WeightsError
from core.generators.checkpoint import ARCHITECTURES
from core.generators.foreign_facts import FILTER_NAME, Foreign
from core.generators.foreign_nvidia import read_nvidia
from core.generators.foreign_rosinality import read_rosinality
from core.generators.foreign_semantic import is_semantic, read_semantic
from core.generators.generator import Generator
from core.generators.statistics import estimate_mean_w
from core.generators.torch_files import read_torch_file

MAX_FILE_BYTES = 4 * 2**30
SHOWN = 6  # complaints in a message


def read_foreign(path: Path) -> tuple[str, Any, dict[str, Tensor]]:
    """Architecture name, configuration and tensors (float32), ready for `save_weights`.

    A checkpoint that kept no mean of w gets an estimate from 50,000 z of a fixed seed,
    with evenly drawn classes. Raises UnsafeCheckpointError for a file that would run code
    or exhaust memory, WeightsError for one that is damaged or does not fit.
    """
    content = _content(path)
    source = str(path)
    foreign = _recognised(read_torch_file(content, source), source)
    tensors = _converted(foreign, source, len(content))
    if "mean_w" not in tensors:
        tensors["mean_w"] = _estimated_mean(_built(foreign), tensors)
    return foreign.architecture, foreign.config, tensors


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UnsafeCheckpointError(
                f"{path} has {size} bytes; checkpoints of up to {MAX_FILE_BYTES} are read."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"There is no checkpoint at {path}.") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).") from error


def _recognised(checkpoint: object, source: str) -> Foreign:
    held: Mapping[Any, Any] = checkpoint if isinstance(checkpoint, dict) else {}
    if "g_ema" in held:
        if is_semantic(held):
            return read_semantic(held, source)
        return read_rosinality(held, source)
    if "G_ema" in held:
        return read_nvidia(held, source)
    keys = ", ".join(f"{key!s:.40}" for key in list(held)[:SHOWN]) or "nothing by name"
    raise WeightsError(
        f"{source} is no checkpoint that is known here: it holds {keys}. "
        "Give one with 'g_ema' (rosinality, SemanticStyleGAN) or 'G_ema' (NVIDIA)."
    )


def _built(foreign: Foreign) -> Generator:
    return ARCHITECTURES[foreign.architecture].build(foreign.config)


def _converted(foreign: Foreign, source: str, file_bytes: int) -> dict[str, Tensor]:
    """Our tensors under our names; mean_w may be missing. Every difference is named."""
    with torch.device("meta"):
        expected = _built(foreign).state_dict()
    taken = {ours: foreign.names[ours] for ours in expected}
    if taken["mean_w"] not in foreign.tensors:
        del taken["mean_w"]
    complaints = _differences(foreign, taken, expected)
    if complaints:
        more = " ..." if len(complaints) > SHOWN else ""
        raise WeightsError(f"{source} does not fit: {'; '.join(complaints[:SHOWN])}{more}.")
    needed = sum(foreign.tensors[theirs].num_bytes for theirs in taken.values())
    if needed > file_bytes:
        raise UnsafeCheckpointError(
            f"{source} would exhaust memory: its tensors need {needed} bytes, it has {file_bytes}."
        )
    tensors = {
        ours: foreign.tensors[theirs].tensor().float().reshape(expected[ours].shape)
        for ours, theirs in taken.items()
    }
    if broken := [taken[name] for name, value in tensors.items() if not value.isfinite().all()]:
        raise WeightsError(
            f"{source} has values that are no finite numbers in {', '.join(broken[:SHOWN])}. "
            "Get the file again."
        )
    return tensors


def _differences(
    foreign: Foreign, taken: Mapping[str, str], expected: Mapping[str, Tensor]
) -> list[str]:
    """What is missing, of another shape, or left over. Axes of size 1 do not count."""
    tensors = foreign.tensors
    missing = [f"missing {theirs}" for theirs in taken.values() if theirs not in tensors]
    misshapen = [
        f"{theirs} is {list(tensors[theirs].shape)}, must be {list(expected[ours].shape)}"
        for ours, theirs in taken.items()
        if theirs in tensors
        and _without_ones(tensors[theirs].shape) != _without_ones(expected[ours].shape)
    ]
    used = {*taken.values()}
    left = [
        f"left over {name}"
        for name in tensors
        if name not in used and not FILTER_NAME.fullmatch(name)
    ]
    return missing + misshapen + left


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _estimated_mean(network: Generator, tensors: Mapping[str, Tensor]) -> Tensor:
    """Mean w [w_dim] of a fixed-seed sample, by the mapping of these tensors."""
    prefix = "mapping."
    own = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    network.mapping.load_state_dict(own)
    return estimate_mean_w(network.mapping)
