"""The jobs that people ask for, from the command line and from the studio alike."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import OutputError
from core.generators import Device, Generator, Noise, Outputs, Precision, RenderPass, Runtime
from core.generators import open_runtime
from core.images import write_png
from core.latent_paths import frame_count, walk_ws, walk_z
from core.latents import Latents
from core.progress import OnStep, Step, ignore
from core.quality import Quality, load_quality
from core.sampling import latents_from_seeds
from core.seeds import draw_z
from core.video import write_video
from core.weights import WeightStore

WRITERS = 2  # threads that compress pictures while the next face is computed
WAITING = 4  # pictures that may wait for them, so that memory stays bounded


@dataclass(frozen=True)
class SampleRequest:
    """Which faces to make, and how."""

    seeds: tuple[int, ...]
    psi: float = 0.7
    cutoff: int | None = None
    noise: Noise = field(default_factory=Noise)
    size: int | None = None  # px; None: the generator's
    class_index: int | None = None
    min_quality: float = 0.0
    sort: bool = False
    generator: str | None = None  # None: the default one
    device: Device = "auto"
    precision: Precision = "auto"


def sample_to_folder(
    request: SampleRequest,
    folder: Path,
    on_step: OnStep = ignore,
    weights: WeightStore | None = None,
) -> dict[str, Any]:
    """Write images/<seed>.png, latents/<seed>.npy and latents.npz; returns the figures.

    Every file is whole or absent at any moment; on a stop, latents.npz holds the faces
    finished so far.
    """
    generator = _open(request.generator, on_step, weights)
    latents, scores = _chosen(request, generator)
    outputs = Outputs(image_size=request.size)
    runtime = open_runtime(
        RenderPass(generator, outputs), device=request.device, precision=request.precision
    )
    _make_folder(folder)
    start = time.monotonic()
    finished = 0
    try:
        for finished in _written(request, latents, scores, runtime, folder):
            on_step(Step(finished, len(latents), "sampling", "faces"))
    finally:
        if finished:
            latents.take(range(finished)).save(folder / "latents.npz")
    seconds = time.monotonic() - start
    return {
        "count": len(latents),
        "dropped": len(request.seeds) - len(latents),
        "seconds": round(seconds, 3),
        "faces_per_second": round(len(latents) / seconds, 3),
        "runtime": str(runtime.facts),
        "generator": latents.generator,
        "generator_sha256": latents.generator_sha256,
        "quality": {
            str(seed): round(score, 1) for seed, score in zip(latents.seeds, scores, strict=True)
        },
        "out": str(folder),
    }
