"""What a runtime is: a compiled pass, ws in, arrays out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.generators.noise import Noise

Rendered = dict[str, NDArray[Any]]  # output name -> the array of one face, without N


@dataclass(frozen=True)
class RuntimeFacts:
    """What was chosen; it is recorded beside every result."""

    engine: str  # openvino, torch
    device: str  # cpu, cuda
    precision: str  # f32, bf16, f16

    def __str__(self) -> str:
        return f"{self.engine}-{self.device}-{self.precision}"


class Runtime(ABC):
    """A compiled RenderPass. Safe to call from several threads; calls take turns."""

    facts: RuntimeFacts

    @abstractmethod
    def stream(self, ws: NDArray[np.float32], noise: Noise) -> Iterator[Rendered]:
        """Render ws [N, L, D] face by face, in order; never more than a few in memory.

        A face's arrays do not depend on what is rendered beside it.
        """

    def render(self, ws: NDArray[np.float32], noise: Noise | None = None) -> Rendered:
        """Render one face, ws [L, D]; noise off unless given."""
        return next(iter(self.stream(ws[None], noise or Noise())))
