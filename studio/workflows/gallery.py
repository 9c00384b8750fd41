"""Faces to look through: made one after the other, kept as pictures in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.generators import Generator, Noise, Outputs, Runtime
from core.images import write_jpeg
from core.latents import Latents
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds
from studio.cache_limits import is_cached
from studio.model_cache import ModelCache
from studio.workflows.mask_pictures import MaskPictures

MAX_FACES = 2_000  # in one gallery; more are a job for `launch.py sample`


@dataclass(frozen=True)
class FaceSettings:
    """All that fixes a face beside its seed."""

    generator: str
    psi: float = 0.7
    noise: Noise = field(default_factory=Noise)
    class_index: int | None = None

    def noise_of(self, place: int) -> Noise:
        """The noise of the face at that place of the seeds; random noise becomes repeatable."""
        if self.noise.mode != "random" or self.noise.seed is None:
            return self.noise
        return Noise("fixed", self.noise.seed + place)


@dataclass(frozen=True)
class GalleryRequest:
    """The faces to show. Repeated seeds count once."""

    settings: FaceSettings
    seeds: tuple[int, ...]
    min_quality: float = 0.0  # 0 to 100
    size: int = 512  # px of the pictures that are shown

    @property
    def places(self) -> dict[int, int]:
        """Each seed's place among the seeds asked for."""
        return {seed: place for place, seed in enumerate(dict.fromkeys(self.seeds))}


@dataclass(frozen=True)
class Face:
    """One face that was made: where its picture lies, and its mask where there is a segmenter."""

    seed: int
    quality: float  # 0 to 100
    picture: Path
    mask: Path | None = None  # PNG of class ids with their colours


def make_gallery(
    request: GalleryRequest,
    models: ModelCache,
    folder: Path,
    on_face: Callable[[Face], None],
    on_step: OnStep = ignore,
    masks: MaskPictures | None = None,
) -> int:
    """Make the faces that reach the quality, in order; returns how many did not.

    masks: makes each face's mask along with it; None: pictures only. A picture that lies in the
    cache already is shown at once. Raises InvalidRequestError before anything is made.
    """
    seeds = list(request.places)
    if len(seeds) > MAX_FACES:
        raise InvalidRequestError(
            f"{len(seeds)} faces are too many to look through, at most {MAX_FACES} at once. "
            "For more: python launch.py sample"
        )
    renderer = FaceRenderer(request.settings, models, folder, on_step)
    shown = renderer.shown_size(request.size)
    latents = renderer.latents(seeds)
    scores = models.quality_scale(request.settings.generator).score(latents.ws)
    chosen = np.flatnonzero(scores >= request.min_quality)
    if not len(chosen):
        raise InvalidRequestError(
            f"None of the {len(seeds)} faces reaches quality {request.min_quality:g}; the best "
            f"has {scores.max():.0f}. Lower the least quality or psi, or give more seeds."
        )
    renderer.noise_is_possible()
    on_step(Step(0, len(chosen), "Making faces", "faces"))
    for done, place in enumerate(chosen.tolist(), start=1):
        noise = request.settings.noise_of(place)
        face = (latents.ws[place], seeds[place], noise, shown)
        path, mask = renderer.labelled(*face, masks) if masks else (renderer.picture(*face), None)
        on_face(Face(seeds[place], round(float(scores[place]), 1), path, mask))
        on_step(Step(done, len(chosen), "Making faces", "faces"))
    return len(seeds) - len(chosen)


def save_latents(
    request: GalleryRequest, seeds: Sequence[int], models: ModelCache, folder: Path
) -> Path:
    """A latents file (.npz) with the faces of these seeds, in this order."""
    if not seeds:
        raise InvalidRequestError("There are no faces yet. Press Sample first.")
    renderer = FaceRenderer(request.settings, models, folder)
    name = hashlib.sha256(repr(tuple(seeds)).encode()).hexdigest()[:12]
    path = renderer.place / f"latents-{len(seeds)}-faces-{name}.npz"
    renderer.latents(list(seeds)).save(path)
    return path


class FaceRenderer:
    """Renders faces of one setting at full size and keeps their pictures in the cache."""

    def __init__(
        self, settings: FaceSettings, models: ModelCache, folder: Path, on_step: OnStep = ignore
    ) -> None:
        on_step(Step(0, 0, "Opening the generator"))
        self.settings = settings
        self.generator: Generator = models.generator(settings.generator, on_step)
        self._models = models
        weights = self.generator.identity.sha256[:12]
        variant = f"psi{settings.psi!r}"
        if settings.class_index is not None:
            variant += f"-class{settings.class_index}"
        self.place = folder / "faces" / f"{settings.generator}-{weights}" / variant

    @property
    def runtime(self) -> Runtime:
        return self._models.runtime(self.settings.generator, Outputs())

    def latents(self, seeds: Sequence[int], noise: Noise | None = None) -> Latents:
        """The latents of these seeds; they name the noise that is given."""
        return latents_from_seeds(
            self.generator,
            seeds,
            psi=self.settings.psi,
            noise=noise or self.settings.noise,
            class_index=self.settings.class_index,
        )

    def noise_is_possible(self) -> None:
        """Raises InvalidRequestError where the generator cannot have the noise asked for."""
        self.settings.noise.check(self.generator.synthesis)

    def shown_size(self, size: int) -> int:
        """The largest whole part of the generator's size that is no larger than `size` px."""
        resolution = self.generator.resolution
        return next(
            resolution // part
            for part in range(1, resolution + 1)
            if resolution % part == 0 and resolution // part <= max(size, 1)
        )

    def noise_place(self, noise: Noise) -> Path:
        """The folder of faces with that noise."""
        return self.place / str(noise).replace(":", "")

    def render(self, ws: NDArray[np.float32], noise: Noise) -> NDArray[np.uint8]:
        """ws [L, D] -> picture uint8 [R, R, 3] at the generator's size."""
        picture: NDArray[np.uint8] = self.runtime.render(ws, noise)["image"]
        return picture

    def picture(self, ws: NDArray[np.float32], seed: int, noise: Noise, size: int) -> Path:
        """The JPEG of a seed's face, made where it is not there yet."""
        path = self.noise_place(noise) / f"{seed}-{size}.jpg"
        if not is_cached(path):
            write_jpeg(path, self.render(ws, noise), size)
        return path

    def labelled(
        self, ws: NDArray[np.float32], seed: int, noise: Noise, size: int, masks: MaskPictures
    ) -> tuple[Path, Path]:
        """The JPEG of a seed's face and the PNG of its mask; one pass makes both."""
        mask = self.noise_place(noise) / f"{seed}-{masks.version}.png"
        if not is_cached(mask):
            made = masks.render(mask, ws, noise)
            write_jpeg(self.noise_place(noise) / f"{seed}-{size}.jpg", made, size)
        return self.picture(ws, seed, noise, size), mask
