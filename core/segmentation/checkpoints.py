"""Where a training stands, in one file: safetensors with JSON beside the tensors, no pickle."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from core.errors import InvalidRequestError, WeightsError
from core.files import whole_file
from core.generators import Generator
from core.generators.checkpoint import check_fits, read_weights
from core.segmentation.classes import ClassSet
from core.segmentation.heads import Head
from core.segmentation.history import Epoch
from core.segmentation.labelled import LabelledFaces
from core.segmentation.metrics import Scores
from core.segmentation.training_config import SegmenterTraining, as_json

KIND = "segmenter-checkpoint"


class Resumable(Protocol):
    """What a checkpoint is of. mean: the running mean of the head's weights, in their order."""

    generator: Generator
    classes: ClassSet
    config: SegmenterTraining
    head: Head
    mean: list[Tensor]
    optimiser: torch.optim.Optimizer
    data: str


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """history: the epochs that are done. best: the weights of the best of them, with its
    confusion matrix on the validation faces (None where there are none).
    """

    history: tuple[Epoch, ...] = ()
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    best_f1: float | None = None
    confusion: NDArray[np.int64] | None = None

    @classmethod
    def first(cls) -> Checkpoint:
        return cls()

    def after(self, epoch: Epoch, scores: Scores | None, weights: dict[str, Tensor]) -> Checkpoint:
        """With one epoch more. Without any scores the latest epoch counts as the best."""
        history = (*self.history, epoch)
        found = None if scores is None else scores.mean_f1()
        if found is None and self.best_f1 is None:
            return Checkpoint(history, weights, epoch.number)
        if found is not None and (self.best_f1 is None or found > self.best_f1):
            assert scores is not None
            return Checkpoint(history, weights, epoch.number, found, scores.confusion)
        return dataclasses.replace(self, history=history)


def data_hash(parts: Sequence[LabelledFaces], classes: ClassSet) -> str:
    """Hex sha256 of what is learned from: ws, masks, noise and class ids."""
    found = hashlib.sha256(str(classes.ids).encode())
    for part in parts:
        found.update(np.ascontiguousarray(part.ws).tobytes())
        found.update(np.ascontiguousarray(part.labels).tobytes())
        found.update(str(part.noises).encode())
    return found.hexdigest()


def save_checkpoint(path: Path, work: Resumable, state: Checkpoint) -> None:
    """Write where the training stands, whole or not at all."""
    header = {
        "kind": KIND,
        "config": _identity(work),
        "history": [epoch.as_json() for epoch in state.history],
        "best_epoch": state.best_epoch,
        "best_f1": state.best_f1,
    }
    tensors = {f"head.{n}": t for n, t in work.head.state_dict().items()}
    names = list(work.head.state_dict())
    tensors |= {f"mean.{n}": t for n, t in zip(names, work.mean, strict=True)}
    tensors |= {f"best.{n}": t for n, t in state.best.items()}
    for place, moments in work.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{n}": t for n, t in moments.items() if t is not None}
    if state.confusion is not None:
        tensors["confusion"] = torch.from_numpy(state.confusion.copy())
    stored = {n: t.detach().cpu().clone().contiguous() for n, t in tensors.items()}
    with whole_file(path) as unfinished:
        save_file(stored, unfinished, metadata={"faceloom": json.dumps(header, sort_keys=True)})


def load_checkpoint(path: Path, work: Resumable) -> Checkpoint:
    """Put head, running mean and optimiser of `work` where they were.

    Raises WeightsError for a damaged file, InvalidRequestError for one of another training.
    """
    header, tensors = read_weights(path)
    if header.get("kind") != KIND:
        raise WeightsError(f"{path} is no checkpoint of a training. Remove it to start anew.")
    ours, theirs = _identity(work), {"precision": "f32", **header["config"]}  # all was, formerly
    if changed := sorted(k for k in {*ours, *theirs} if ours.get(k) != theirs.get(k)):
        raise InvalidRequestError(
            f"{path} belongs to a training with other {', '.join(changed)}. Start a new run, or "
            "remove the file."
        )
    try:
        history = tuple(Epoch(**entry) for entry in header["history"])
        best_epoch, best_f1 = int(header["best_epoch"]), header["best_f1"]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} does not tell its epochs ({error}). Remove it.") from error
    parts = {part: _under(tensors, part) for part in ("head", "mean", "best", "optimiser")}
    for part in ("head", "mean", "best"):
        check_fits(work.head, parts[part], str(path))
    work.head.load_state_dict(parts["head"])
    for mean, name in zip(work.mean, work.head.state_dict(), strict=True):
        mean.copy_(parts["mean"][name])
    _restore(work.optimiser, parts["optimiser"], path)
    confusion = tensors["confusion"].numpy() if "confusion" in tensors else None
    return Checkpoint(history, parts["best"], best_epoch, best_f1, confusion)


def _identity(work: Resumable) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    return {
        **as_json(work.config),
        "generator weights": work.generator.identity.sha256,
        "class names": list(work.classes.names),
        "data": work.data,
    }


def _under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    start = part + "."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def _restore(optimiser: torch.optim.Optimizer, moments: dict[str, Tensor], path: Path) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for name, tensor in moments.items():
        place, _, what = name.partition(".")
        if (
            not place.isdigit()
            or int(place) >= len(parameters)
            or (tensor.ndim and tensor.shape != parameters[int(place)].shape)
        ):
            raise WeightsError(f"{path} does not fit the optimiser ({name}). Remove it.")
        state.setdefault(int(place), {})[what] = tensor
    whole = optimiser.state_dict()
    optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
