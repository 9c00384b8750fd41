"""A pass compiled by OpenVINO for this machine's processor."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.generators.noise import Noise
from core.generators.openvino_conversion import (
    THREADS,
    chosen_precision,
    compiled_for_cpu,
    converted,
)
from core.generators.rendering import RenderPass
from core.generators.runtime import Rendered, Runtime, RuntimeFacts

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
        self._lock = threading.Lock()
        self._compiled: dict[bool, Any] = {}  # by: with noise inputs
        self._sources: list[object] = []  # own the memory of the compiled constants
        self.facts = RuntimeFacts("openvino", "cpu", chosen_precision(precision))

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
            self._compiled[with_noise] = compiled_for_cpu(
                self._convert(with_noise=with_noise), self.facts.precision, self._streams
            )
        return self._compiled[with_noise]

    def _convert(self, *, with_noise: bool) -> Any:  # noqa: ANN401
        synthesis = self._pass.synthesis
        example: list[Tensor] = [torch.zeros(1, synthesis.num_ws, synthesis.w_dim)]
        if with_noise:
            example += [torch.zeros(1, 1, size, size) for size in synthesis.noise_resolutions]
        model, sources = converted(self._pass, example)
        self._sources += sources
        return model
