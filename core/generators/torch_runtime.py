"""A pass run by PyTorch: on CUDA in half precision, or on a CPU without OpenVINO."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.noise import Noise
from core.generators.rendering import RenderPass
from core.generators.runtime import Rendered, Runtime, RuntimeFacts

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
CUDA_BATCH = 8


class TorchRuntime(Runtime):
    """Channels-last convolutions under autocast; on CUDA batches of fixed size in a CUDA graph.

    On the CPU faces run one by one. A fixed batch keeps each face's bits independent of the
    number of faces asked for.
    """

    def __init__(
        self, render_pass: RenderPass, device: str, precision: str = "auto", batch: int = 0
    ) -> None:
        if precision == "auto":
            precision = "f16" if device == "cuda" else "f32"
        if precision not in DTYPES or (device == "cpu" and precision == "f16"):
            raise InvalidRequestError(f"PyTorch on {device} does not run {precision} here.")
        self.facts = RuntimeFacts("torch", device, precision)
        self._device = torch.device(device)
        self._batch = batch or (CUDA_BATCH if device == "cuda" else 1)
        self._pass = copy.deepcopy(render_pass).to(self._device).eval()
        self._pass.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._lock = threading.Lock()
        self._graph: _Graph | None = None

    def stream(self, ws: NDArray[np.float32], noise: Noise) -> Iterator[Rendered]:
        with self._lock:
            for start in range(0, len(ws), self._batch):
                part = torch.from_numpy(ws[start : start + self._batch])
                count = len(part)
                if count < self._batch:
                    part = torch.cat([part, part[-1:].expand(self._batch - count, -1, -1)])
                outputs = self._run(part.to(self._device), noise, start)
                arrays = [output[:count].cpu().numpy() for output in outputs]
                for index in range(count):
                    names = self._pass.outputs.names
                    yield {n: array[index] for n, array in zip(names, arrays, strict=True)}

    def _run(self, ws: Tensor, noise: Noise, first: int) -> tuple[Tensor, ...]:
        images = noise.images(self._pass.synthesis, len(ws), first) or []
        if self._device.type == "cuda" and not images:
            if self._graph is None:
                self._graph = _Graph(self._forward, ws)
            return self._graph(ws)
        return self._forward(ws, *(image.to(self._device) for image in images))

    @torch.no_grad()
    def _forward(self, ws: Tensor, *noise: Tensor) -> tuple[Tensor, ...]:
        dtype = DTYPES[self.facts.precision]
        with torch.autocast(self._device.type, dtype, enabled=dtype != torch.float32):
            outputs = self._pass(ws, *noise)
        return tuple(o if o.dtype == torch.uint8 else o.float() for o in outputs)


class _Graph:
    """One forward pass recorded as a CUDA graph and replayed: launches cost nothing then."""

    def __init__(self, forward: object, ws: Tensor) -> None:
        assert callable(forward)
        self._input = ws.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # let cuDNN choose its algorithms before recording
                forward(self._input)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs: tuple[Tensor, ...] = forward(self._input)

    def __call__(self, ws: Tensor) -> tuple[Tensor, ...]:
        self._input.copy_(ws)
        self._graph.replay()
        return self._outputs
