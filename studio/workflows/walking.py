"""A video that walks from face to face."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.errors import InvalidRequestError
from core.generators import Device, Noise, Outputs, Precision
from core.latent_paths import frame_count, walk_ws, walk_z
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds
from core.seeds import draw_z
from core.video import write_video
from studio.cache_limits import is_cached
from studio.model_cache import ModelCache
from studio.workflows.gallery import FaceSettings


@dataclass(frozen=True)
class WalkRequest:
    """Which faces to walk through, and how."""

    seeds: tuple[int, ...]
    steps: int = 60  # frames from one seed to the next
    space: Literal["w", "z"] = "w"
    loop: bool = False
    psi: float = 0.7
    noise: Noise = field(default_factory=Noise)
    class_index: int | None = None
    size: int | None = 512  # px
    fps: int = 30
    generator: str | None = None
    device: Device = "auto"
    precision: Precision = "auto"


def walk_to_file(
    request: WalkRequest, path: Path, models: ModelCache, on_step: OnStep = ignore
) -> dict[str, Any]:
    """Write a video that visits the seeds in turn; returns the figures."""
    if len(request.seeds) < 2:
        raise InvalidRequestError(
            f"A walk needs two or more seeds, got {len(request.seeds)}. Try 6000,6100,6500."
        )
    name = models.name(request.generator)
    generator = models.generator(name, on_step)
    runtime = models.runtime(
        name,
        Outputs(image_size=request.size),
        device=request.device,
        precision=request.precision,
    )
    request.noise.check(generator.synthesis)  # refused before anything is made
    way = {"psi": request.psi, "class_index": request.class_index}
    if request.space == "z":
        z = draw_z(request.seeds, generator.mapping.z_dim)
        frames = walk_z(generator, z, request.steps, loop=request.loop, **way)  # type: ignore[arg-type]
    else:
        keyframes = latents_from_seeds(generator, request.seeds, noise=request.noise, **way)  # type: ignore[arg-type]
        frames = walk_ws(keyframes.ws, request.steps, loop=request.loop)
    total = frame_count(len(request.seeds), request.steps, loop=request.loop)
    start = time.monotonic()
    pictures = (runtime.render(ws, request.noise)["image"] for ws in frames)
    write_video(path, pictures, request.fps, on_step, total=total)
    seconds = time.monotonic() - start
    return {
        "frames": total,
        "seconds": round(seconds, 3),
        "frames_per_second": round(total / seconds, 3),
        "runtime": str(runtime.facts),
        "generator": generator.identity.name,
        "out": str(path),
    }


def walk_to_cache(
    settings: FaceSettings,
    seeds: tuple[int, ...],
    models: ModelCache,
    folder: Path,
    on_step: OnStep = ignore,
    *,
    steps: int = 30,
    size: int = 512,
    loop: bool = True,
) -> Path:
    """The .mp4 of a walk in the cache, made where it is not there yet."""
    request = WalkRequest(
        seeds,
        steps=steps,
        loop=loop,
        psi=settings.psi,
        noise=settings.noise_of(0),  # one for all frames: other noise in each would flicker
        class_index=settings.class_index,
        size=min(size, models.generator(settings.generator, on_step).resolution),
        generator=settings.generator,
    )
    weights = models.generator(settings.generator).identity.sha256
    name = hashlib.sha256(f"{request} {weights}".encode()).hexdigest()[:16]
    path = folder / "walks" / f"{name}.mp4"
    if is_cached(path):
        total = frame_count(len(seeds), steps, loop=loop)
        on_step(Step(total, total, "Writing the video", "frames"))
    else:
        on_step(Step(0, 0, "Opening the generator"))
        walk_to_file(request, path, models, on_step)
    return path
