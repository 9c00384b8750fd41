"""Faces of a gallery at the generator's full size: PNG files that say how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import InvalidRequestError
from core.images import write_png
from core.latents import Latents
from core.progress import OnStep, ignore
from studio.cache_limits import is_cached
from studio.model_cache import ModelCache
from studio.workflows.gallery import FaceRenderer, GalleryRequest
from studio.workflows.sampling import face_facts


@dataclass(frozen=True)
class FullFace:
    """One face. latents: its own, with its own noise. path: its PNG, which holds the facts."""

    latents: Latents
    path: Path
    facts: dict[str, str]


class FullFaces:
    """The faces of some seeds of a gallery, in that order.

    Raises InvalidRequestError, before anything is made, for a seed that is not one of the
    gallery's or noise that the generator does not have.
    """

    def __init__(
        self,
        request: GalleryRequest,
        seeds: Sequence[int],
        models: ModelCache,
        folder: Path,
        on_step: OnStep = ignore,
    ) -> None:
        for seed in seeds:
            if seed not in request.places:
                raise InvalidRequestError(
                    f"Seed {seed} is not among the faces shown. Sample it again."
                )
        self._renderer = FaceRenderer(request.settings, models, folder, on_step)
        self._renderer.noise_is_possible()
        self._latents = self._renderer.latents(seeds)
        scale = models.quality_scale(request.settings.generator)
        self._qualities = scale.score(self._latents.ws)
        self._noises = [request.settings.noise_of(request.places[seed]) for seed in seeds]

    def __len__(self) -> int:
        return len(self._latents)

    def open(self, place: int) -> FullFace:
        """A face, rendered where it is not in the cache yet.

        Threads may open several at once: one is rendered while others are compressed.
        """
        noise = self._noises[place]
        latents = replace(self._latents.take([place]), noise=str(noise))
        facts = face_facts(latents, 0, float(self._qualities[place]), self._renderer.runtime)
        path = self._renderer.noise_place(noise) / f"{latents.seeds[0]}.png"
        if not is_cached(path):
            write_png(path, self._renderer.render(latents.ws[0], noise), facts)
        return FullFace(latents, path, facts)


def open_face(
    request: GalleryRequest, seed: int, models: ModelCache, folder: Path
) -> tuple[Path, dict[str, str]]:
    """The PNG of one face at the generator's full size, and the facts it holds."""
    face = FullFaces(request, [seed], models, folder).open(0)
    return face.path, face.facts
