"""A pass compiled by OpenVINO for this machine's processor."""

from __future__ import annotations

import os
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.noise import Noise
from core.generators.rendering import RenderPass
from core.generators.runtime import Rendered, Runtime, RuntimeFacts

_CONVERTING = threading.Lock()  # tracing has state that all threads of a process share
THREADS = "FACELOOM_THREADS"  # environment: cores for this process, where several share a machine
MOST_STREAMS = 8  # faces computed at once; each holds its own feature maps


class OpenVINORuntime(Runtime):
    """Batches run face by face: on a CPU that is as fast, and keeps every face's bits its own.

    for_many: as in `open_runtime`.
    """

    def __init__(
        self, render_pass: RenderPass, precision: str = "auto", *, for_many: bool = False
    ) -> None:
        self._pass = render_pass
        threads = int(os.environ.get(THREADS) or 0) or os.cpu_count() or 1
        self._streams = min(threads, MOST_STREAMS) if for_many else 1
        self._core = ov.Core()
        self._lock = threading.Lock()
        self._compiled: dict[bool, Any] = {}  # by: with noise inputs
        self._sources: list[object] = []  # own the memory of the compiled constants
        self.facts = RuntimeFacts("openvino", "cpu", self._choose(precision))

    def _choose(self, precision: str) -> str:
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "auto":
            return "bf16" if has_bf16 else "f32"
        if precision == "bf16" and not has_bf16:
            raise InvalidRequestError("This processor does not compute in bf16. Use f32 or auto.")
        if precision not in ("f32", "bf16"):
            raise InvalidRequestError(f"OpenVINO runs f32 or bf16 here, not {precision}.")
        return precision

    def stream(self, ws: NDArray[np.float32], noise: Noise) -> Iterator[Rendered]:
        with self._lock:
            compiled = self._compile(with_noise=noise.mode != "off")
            in_flight = self._streams + 1  # one more is copied out, or looked at
            idle = [compiled.create_infer_request() for _ in range(min(in_flight, len(ws)))]
            busy: deque[Any] = deque()
            try:
                for place, face in enumerate(ws):
                    if not idle:
                        yield self._collect(busy, idle)
                    request = idle.pop()
                    images = noise.images(self._pass.synthesis, 1, place) or []
                    inputs = [face[None], *(image.numpy() for image in images)]
                    request.start_async(dict(enumerate(inputs)))
                    busy.append(request)
                while busy:
                    yield self._collect(busy, idle)
            finally:
                for request in busy:  # the consumer stopped early
                    request.wait()

    def _collect(self, busy: deque[Any], idle: list[Any]) -> Rendered:
        request = busy.popleft()
        request.wait()
        names = self._pass.outputs.names
        rendered = {
            name: request.get_output_tensor(index).data[0].copy()
            for index, name in enumerate(names)
        }
        idle.append(request)
        return rendered

    def _compile(self, *, with_noise: bool) -> Any:  # noqa: ANN401 - OpenVINO has no types
        if with_noise not in self._compiled:
            settings = {
                "INFERENCE_PRECISION_HINT": self.facts.precision,
                "PERFORMANCE_HINT": "LATENCY",
            }
            if self._streams > 1:
                settings["NUM_STREAMS"] = str(self._streams)
            if threads := os.environ.get(THREADS):
                settings["INFERENCE_NUM_THREADS"] = threads
            model = self._convert(with_noise=with_noise)
            self._compiled[with_noise] = self._core.compile_model(model, "CPU", settings)
        return self._compiled[with_noise]

    def _convert(self, *, with_noise: bool) -> Any:  # noqa: ANN401
        """Trace the pass and hand it to the PyTorch front end.

        Not `openvino.convert_model`, which does the same but reports each use over the network.
        """
        synthesis = self._pass.synthesis
        example: list[Tensor] = [torch.zeros(1, synthesis.num_ws, synthesis.w_dim)]
        if with_noise:
            example += [torch.zeros(1, 1, size, size) for size in synthesis.noise_resolutions]
        with _CONVERTING, torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # shapes are meant to be constants of the trace
            traced = torch.jit.trace(self._pass, tuple(example), check_trace=False)
            front_end = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced, example_input=tuple(example))
            loaded = front_end.load(decoder)
            model = front_end.convert(loaded)
        self._sources += [front_end, decoder, loaded, traced]
        model.reshape({port: list(e.shape) for port, e in zip(model.inputs, example, strict=True)})
        return model
