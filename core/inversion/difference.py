"""What tuning changed of a generator: a small file, and the generator that it makes of its base.

safetensors with one metadata entry, `faceloom`, JSON: {"kind": "tuned generator", "config": {},
"generator", "generator_sha256"}. Float16 differences by the name of the synthesis network's
parameter. Nothing in it can run.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.errors import WeightsError
from core.files import sha256_of, whole_file
from core.generators.checkpoint import read_weights
from core.generators.generator import Generator, Identity

KIND = "tuned generator"
_AGAIN = "Tune again: python launch.py invert PHOTO --tune 300"


@dataclass(frozen=True, eq=False)
class Difference:
    """changes: what is added to parameters of the base's synthesis, float16, by their names."""

    base: Identity
    changes: Mapping[str, Tensor]

    @property
    def num_bytes(self) -> int:
        return sum(change.numel() * change.element_size() for change in self.changes.values())


def save_difference(path: Path, difference: Difference) -> None:
    """Write it whole or not at all; equal ones make equal bytes. Raises OutputError."""
    header = {
        "kind": KIND,
        "config": {},
        "generator": difference.base.name,
        "generator_sha256": difference.base.sha256,
    }
    tensors = {name: change.half().contiguous() for name, change in difference.changes.items()}
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, metadata={"faceloom": json.dumps(header, sort_keys=True)})


def load_difference(path: Path) -> Difference:
    """Raises WeightsError if it is damaged, something else, or holds no finite float16."""
    header, changes = read_weights(path)
    if header.get("kind") != KIND:
        raise WeightsError(f"{path} holds no tuned generator. {_AGAIN}")
    for name, change in changes.items():
        if change.dtype != torch.float16 or not change.isfinite().all():
            raise WeightsError(f"{path}: '{name:.80}' is not finite float16. {_AGAIN}")
    base = Identity(str(header.get("generator")), str(header.get("generator_sha256")))
    return Difference(base, changes)


def apply(generator: Generator, difference: Difference, identity: Identity) -> Generator:
    """A copy of the base with the difference in it, called `identity`; its mapping is the base's.

    Raises WeightsError, naming both, where it was made for other weights or does not fit.
    """
    found, base = generator.identity, difference.base
    if base.sha256 != found.sha256:
        raise WeightsError(
            f"'{identity.name}' was tuned from generator '{base.name:.80}' (weights "
            f"{base.sha256:.12}), not from '{found.name}' (weights {found.sha256[:12]}). {_AGAIN}"
        )
    tuned = copy.deepcopy(generator)
    parameters = dict(tuned.synthesis.named_parameters())
    for name, change in difference.changes.items():
        if name not in parameters or parameters[name].shape != change.shape:
            raise WeightsError(
                f"'{identity.name}' changes '{name:.80}' {list(change.shape)}, which generator "
                f"'{found.name}' does not have in this shape. {_AGAIN}"
            )
        with torch.no_grad():
            parameters[name].add_(change.to(parameters[name].dtype))
    tuned.identity = Identity(identity.name, identity.sha256, base=found)
    return tuned.eval().requires_grad_(False)


def load_tuned(path: Path, name: str, base: Generator) -> Generator:
    """The tuned generator of a difference's file, called `name`. Raises WeightsError."""
    return apply(base, load_difference(path), Identity(name, sha256_of(path)))
