"""Faces into a folder: pictures and latents, as files to keep."""

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

from core.errors import InvalidRequestError, OutputError
from core.generators import Device, Noise, Outputs, Precision, Runtime
from core.images import write_png
from core.latents import Latents
from core.progress import OnStep, Step, ignore
from core.quality import QualityScale
from core.sampling import latents_from_seeds
from studio.model_cache import ModelCache

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
    min_quality: float = 0.0  # 0 to 100
    sort: bool = False  # best first
    parts: tuple[str, ...] = ()  # drawn alone, of a generator that knows parts; none named: all
    generator: str | None = None  # None: the default one
    device: Device = "auto"
    precision: Precision = "auto"


def sample_to_folder(
    request: SampleRequest, folder: Path, models: ModelCache, on_step: OnStep = ignore
) -> dict[str, Any]:
    """Write images/<seed>.png, latents/<seed>.npy and latents.npz; returns the figures.

    Every file is whole or absent at any moment; after a stop, latents.npz holds the faces
    finished so far.
    """
    name = models.name(request.generator)
    generator = models.generator(name, on_step)
    latents = latents_from_seeds(
        generator,
        request.seeds,
        psi=request.psi,
        cutoff=request.cutoff,
        noise=request.noise,
        class_index=request.class_index,
    )
    latents, scores = _screened(latents, models.quality_scale(name), request)
    runtime = models.runtime(
        name,
        Outputs(image_size=request.size, parts=request.parts),
        device=request.device,
        precision=request.precision,
    )
    request.noise.check(generator.synthesis)  # refused before anything is made
    _make_folder(folder)
    start = time.monotonic()
    finished: list[int] = []
    try:
        for done in _write_faces(latents, scores, request, runtime, folder, finished):
            on_step(Step(done, len(latents), "sampling", "faces"))
    finally:
        if finished:
            latents.take(sorted(finished)).save(folder / "latents.npz")
    seconds = time.monotonic() - start
    return {
        "count": len(latents),
        "dropped": len(request.seeds) - len(latents),
        "seconds": round(seconds, 3),
        "faces_per_second": round(len(latents) / seconds, 3),
        "runtime": str(runtime.facts),
        "generator": latents.generator,
        "generator_sha256": latents.generator_sha256,
        "seeds": latents.seeds.tolist(),
        "quality": [round(float(score), 1) for score in scores],
        "out": str(folder),
    }


def face_facts(latents: Latents, place: int, quality: float, runtime: Runtime) -> dict[str, str]:
    """What a face's PNG says about its making."""
    return {
        "generator": latents.generator,
        "generator_sha256": latents.generator_sha256,
        "seed": str(latents.seeds[place]),
        "psi": repr(latents.psi),
        "noise": latents.noise,
        "quality": f"{quality:.1f}",
        "runtime": str(runtime.facts),
        "synthetic": "This face was generated; it shows no real person.",
    }


def _screened(
    latents: Latents, scale: QualityScale, request: SampleRequest
) -> tuple[Latents, NDArray[np.float64]]:
    """The faces that reach the asked quality, best first where asked, with their scores."""
    scores = scale.score(latents.ws)
    places = np.flatnonzero(scores >= request.min_quality)
    if not len(places):
        raise InvalidRequestError(
            f"None of the {len(latents)} faces reaches quality {request.min_quality:g}; "
            f"the best has {scores.max():.1f}. Lower --min-quality or psi, or give more seeds."
        )
    if request.sort:
        places = places[np.argsort(scale.distance(latents.ws)[places], kind="stable")]
    return latents.take(places.tolist()), scores[places]


def _make_folder(folder: Path) -> None:
    try:
        for part in ("images", "latents"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {folder} cannot be made or used ({error.strerror}). Choose another --out."
        ) from error


def _write_faces(
    latents: Latents,
    scores: NDArray[np.float64],
    request: SampleRequest,
    runtime: Runtime,
    folder: Path,
    finished: list[int],
) -> Iterator[int]:
    """Render and write the faces in order; yields how many are safely on the disk.

    finished: gets the place of each face whose files are there. After a stop that may be
    more than were yielded, since writers end what they have begun.
    """

    def write(place: int, picture: NDArray[np.uint8]) -> None:
        name = str(latents.seeds[place])
        facts = face_facts(latents, place, scores[place], runtime)
        if request.cutoff is not None:
            facts["cutoff"] = str(request.cutoff)
        if request.class_index is not None:
            facts["class"] = str(request.class_index)
        if request.parts:
            facts["parts"] = ",".join(request.parts)
        latents.take([place]).save(folder / "latents" / f"{name}.npy")
        write_png(folder / "images" / f"{name}.png", picture, facts)
        finished.append(place)

    done = 0
    waiting: deque[Future[None]] = deque()
    pool = ThreadPoolExecutor(WRITERS)
    try:
        for place, rendered in enumerate(runtime.stream(latents.ws, request.noise)):
            waiting.append(pool.submit(write, place, rendered["image"]))
            while len(waiting) > WAITING:
                waiting.popleft().result()
                done += 1
                yield done
        while waiting:
            waiting.popleft().result()
            done += 1
            yield done
    finally:
        pool.shutdown(cancel_futures=True)
