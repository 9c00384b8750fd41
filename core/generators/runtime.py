"""One way to ask for the fastest thing here: a compiled pass, ws in, arrays out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.generators.noise import Noise
from core.generators.rendering import RenderPass

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "f32", "bf16", "f16"]
Engine = Literal["auto", "openvino", "torch"]

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


def open_runtime(
    render_pass: RenderPass,
    *,
    device: Device = "auto",
    precision: Precision = "auto",
    engine: Engine = "auto",
) -> Runtime:
    """Compile a pass for the fastest device, engine and precision here, or for those named.

    auto: CUDA with f16 where there is one, else OpenVINO on the CPU with bf16 where the
    processor computes in it, else PyTorch. Raises InvalidRequestError for what this
    machine cannot do.
    """
    for value, choices in ((device, Device), (precision, Precision), (engine, Engine)):
        if value not in get_args(choices):
            raise InvalidRequestError(f"'{value}' must be one of {', '.join(get_args(choices))}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidRequestError(
            "No CUDA device can be used here. Use --device cpu, or install a CUDA build of torch."
        )
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if on_cuda and engine == "openvino":
        raise InvalidRequestError(
            "OpenVINO runs on the CPU here. Use --device cpu or another engine."
        )
    if on_cuda or engine == "torch":
        from core.generators.torch_runtime import TorchRuntime

        return TorchRuntime(render_pass, "cuda" if on_cuda else "cpu", precision)
    return _open_openvino(render_pass, precision, required=engine == "openvino")


def _open_openvino(render_pass: RenderPass, precision: Precision, *, required: bool) -> Runtime:
    try:
        from core.generators.openvino_runtime import OpenVINORuntime
    except ImportError as error:
        if required:
            raise InvalidRequestError(
                f"OpenVINO cannot be imported ({error}). Install it: pip install openvino"
            ) from error
        log.warning("OpenVINO cannot be imported (%s); using PyTorch, which is slower.", error)
        from core.generators.torch_runtime import TorchRuntime

        return TorchRuntime(render_pass, "cpu", precision)
    return OpenVINORuntime(render_pass, precision)
