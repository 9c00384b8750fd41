"""The blending pass on the fastest thing here: CUDA, else OpenVINO, else PyTorch."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.generators.engines import Device, Precision
from core.generators.torch_runtime import DTYPES
from core.regions.blend_pass import BlendPass

log = logging.getLogger(__name__)

Run = Callable[[Sequence[Tensor]], list[NDArray[Any]]]


class BlendRuntime:
    """Compiled when it is first needed. Safe to call from several threads; calls take turns."""

    def __init__(
        self, blend_pass: BlendPass, device: Device = "auto", precision: Precision = "auto"
    ) -> None:
        self._pass = blend_pass
        self._device, self._precision = device, precision
        self._lock = threading.Lock()
        self._run: Run | None = None

    def __call__(self, inputs: Sequence[Tensor]) -> list[NDArray[Any]]:
        """inputs: those of the pass. Returns its outputs."""
        with self._lock:
            if self._run is None:
                self._run = self._opened(inputs)
            return self._run(inputs)

    def _opened(self, example: Sequence[Tensor]) -> Run:
        if self._device != "cpu" and torch.cuda.is_available():
            return _in_torch(self._pass, "cuda", "f16" if self._precision == "auto" else "f32")
        try:
            return _in_openvino(self._pass, self._precision, example)
        except ImportError as error:
            log.warning("OpenVINO cannot be imported (%s); using PyTorch, which is slower.", error)
            return _in_torch(self._pass, "cpu", "f32")


def _in_openvino(blend_pass: BlendPass, precision: Precision, example: Sequence[Tensor]) -> Run:
    from core.generators.openvino_conversion import (  # a large import
        chosen_precision,
        compiled_for_cpu,
        converted,
    )

    model, sources = converted(blend_pass, example)
    request = compiled_for_cpu(model, chosen_precision(precision)).create_infer_request()

    def run(inputs: Sequence[Tensor], _owners: object = sources) -> list[NDArray[Any]]:
        request.infer(dict(enumerate(tensor.numpy() for tensor in inputs)))
        return [np.array(output.data) for output in request.output_tensors]

    return run


def _in_torch(blend_pass: BlendPass, device: str, precision: str) -> Run:
    moved = copy.deepcopy(blend_pass).to(device).eval()
    dtype = DTYPES[precision]

    @torch.no_grad()
    def run(inputs: Sequence[Tensor]) -> list[NDArray[Any]]:
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            outputs = moved(*(tensor.to(device) for tensor in inputs))
        return [output.cpu().numpy() for output in outputs]

    return run
