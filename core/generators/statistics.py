"""Facts about the distribution of w that a generator carries with its weights."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from core.generators.generator import Mapping

MEAN_W_SAMPLES = 50_000
MEAN_W_SEED = 0
_BLOCK = 2_000


def estimate_mean_w(
    mapping: Mapping, *, samples: int = MEAN_W_SAMPLES, seed: int = MEAN_W_SEED
) -> Tensor:
    """Mean of w over random z [and c, uniform over the classes]: float32 [w_dim].

    Summed in float64 and rounded at the end, so that every machine gets the same bits and
    the converted file the same sha256.
    """
    exact = copy.deepcopy(mapping).to("cpu", torch.float64).eval()
    source = np.random.RandomState(seed)
    total = torch.zeros(mapping.w_dim, dtype=torch.float64)
    with torch.no_grad():
        for start in range(0, samples, _BLOCK):
            count = min(_BLOCK, samples - start)
            z = torch.from_numpy(source.randn(count, mapping.z_dim))
            total += exact(z, _random_classes(source, count, mapping.c_dim)).sum(dim=0)
    return (total / samples).float()


def _random_classes(source: np.random.RandomState, count: int, c_dim: int) -> Tensor | None:
    if c_dim == 0:
        return None
    chosen = torch.from_numpy(source.randint(c_dim, size=count))
    return torch.nn.functional.one_hot(chosen, c_dim).double()
