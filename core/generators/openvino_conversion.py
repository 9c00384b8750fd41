"""A torch module as a model of OpenVINO's, compiled for this machine's processor."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import openvino as ov
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor, nn

from core.errors import InvalidRequestError

THREADS = "FACELOOM_THREADS"  # environment: cores for this process, where several share a machine
_CONVERTING = threading.Lock()  # tracing has state that all threads of a process share


def converted(module: nn.Module, example: Sequence[Tensor]) -> tuple[Any, list[object]]:
    """Trace the module on the example and hand it to the PyTorch front end; the shapes stay.

    Not `openvino.convert_model`, which does the same but reports each use over the network.
    Returns the model, and what owns the memory of its constants: keep it as long.
    """
    with _CONVERTING, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shapes are meant to be constants of the trace
        traced = torch.jit.trace(module, tuple(example), check_trace=False)
        front_end = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=tuple(example))
        loaded = front_end.load(decoder)
        model = front_end.convert(loaded)
    model.reshape({port: list(e.shape) for port, e in zip(model.inputs, example, strict=True)})
    return model, [front_end, decoder, loaded, traced]


def chosen_precision(asked: str) -> str:
    """f32 or bf16. asked: one of them, or auto. Raises InvalidRequestError."""
    has_bf16 = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if asked == "auto":
        return "bf16" if has_bf16 else "f32"
    if asked == "bf16" and not has_bf16:
        raise InvalidRequestError("This processor does not compute in bf16. Use f32 or auto.")
    if asked not in ("f32", "bf16"):
        raise InvalidRequestError(f"OpenVINO runs f32 or bf16 here, not {asked}.")
    return asked


def compiled_for_cpu(model: Any, precision: str, streams: int = 1) -> Any:  # noqa: ANN401
    """model: of `converted`. streams: faces computed at once."""
    settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    if streams > 1:
        settings["NUM_STREAMS"] = str(streams)
    if threads := os.environ.get(THREADS):
        settings["INFERENCE_NUM_THREADS"] = threads
    return ov.Core().compile_model(model, "CPU", settings)
