"""People's own photos into latents: aligned, guessed by the encoder, refined step by step."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.attributes.pack import KIND as ATTRIBUTES
from core.attributes.store import open_attributes
from core.directions import WDistribution
from core.errors import Cancelled, CoreError, InvalidRequestError
from core.files import write_whole
from core.generators import Outputs
from core.images import write_png
from core.inversion.alignment import SIZES
from core.inversion.difference import save_difference
from core.inversion.encoder_files import open_photo_encoder
from core.inversion.faces import PhotoFaces, open_photo_faces
from core.inversion.frame import Correction
from core.inversion.likeness import likeness
from core.inversion.lpips import Lpips, Summed, open_lpips
from core.inversion.optimisation import OptimisationConfig, Refined, optimise
from core.inversion.pacing import seconds_left
from core.inversion.perceptual import Distance, Perceptual
from core.inversion.plain import SEMANTIC_STYLEGAN, PlainConfig, project
from core.inversion.target import Target, framed_target
from core.inversion.tuning import Tuned, TuningConfig, tune
from core.latents import Latents
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.aligning import AlignRequest, Framed, framed, raise_failed, targets_of

ENCODER, MEAN = "encoder", "mean"  # where a search begins
OURS, SEMANTIC = "faceloom", "semantic-stylegan"  # settings of a search
LPIPS = "lpips-vgg"

Search = OptimisationConfig | PlainConfig


class Inverter:
    """All that turns aligned faces into latents of one generator, opened once."""

    def __init__(
        self,
        models: ModelCache,
        generator: str,
        on_step: OnStep = ignore,
        perceptual: Distance | None = None,
    ) -> None:
        weights = models.weights
        self.generator = models.generator(generator, on_step)
        self.encoder = open_photo_encoder(weights, generator, on_step)
        self._readouts = weights.open_readouts(generator)
        mean = self.generator.mean_w.to("cpu", torch.float64).numpy()
        if weights.made_for(generator, ATTRIBUTES):
            covariance = open_attributes(weights, generator).covariance.astype(np.float64)
            self.prior = WDistribution(mean, covariance, 0)
        else:
            class_index = 0 if self.generator.mapping.c_dim else None
            self.prior = WDistribution.of(self.generator, class_index=class_index)
        self.perceptual = perceptual or Perceptual()
        self._models = models

    @property
    def begins_at(self) -> str:
        return MEAN if self.encoder is None else ENCODER

    def first(self, target: Target) -> NDArray[np.float32]:
        """ws float32 [L, D]: the encoder's answer, or the mean face where there is no encoder."""
        if self.encoder is None:
            return self.mean_face()
        return self.encoder.encode(target.picture)

    def mean_face(self) -> NDArray[np.float32]:
        """ws float32 [L, D]."""
        mean = self.generator.mean_w.to("cpu").float()
        found: NDArray[np.float32] = self.generator.broadcast(mean[None])[0].numpy()
        return found

    def refine(self, target: Target, ws: NDArray[np.float32], config: Search) -> Iterator[Refined]:
        """Towards the target, by our settings above all towards its face; plain ones begin at the
        mean face, wherever ws are."""
        if isinstance(config, PlainConfig):
            return project(self.generator, target, self.prior, self.perceptual, config)
        seen = target.focused()
        return optimise(
            self.generator, self._readouts, seen, ws, self.prior, self.perceptual, config
        )

    def tune(self, target: Target, ws: NDArray[np.float32], steps: int) -> Iterator[Tuned]:
        """The generator itself towards the whole target, around ws that stay as they are."""
        size = min(self.generator.resolution, target.size)
        return tune(self.generator, ws, self.perceptual.to(target, size), TuningConfig(steps))

    def picture(self, ws: NDArray[np.float32]) -> NDArray[np.uint8]:
        """uint8 [R, R, 3]."""
        name = self.generator.identity.name
        return self._models.runtime(name, Outputs()).render(ws)["image"]

    def latents(self, ws: list[NDArray[np.float32]]) -> Latents:
        """As a file holds them; no seed, no truncation, no noise."""
        identity = self.generator.identity
        seeds = np.full(len(ws), -1, np.int64)
        return Latents(np.stack(ws), seeds, 1.0, "off", identity.name, identity.sha256)


@dataclass(frozen=True)
class InvertRequest:
    """face: which one of each photo, 1 the largest. steps: of the search; 0 keeps the encoder's
    answer; None: as many as are good. tune: steps that the generator itself then learns.
    settings: OURS or SEMANTIC. lpips: files of its VGG-16 and of its linear weights."""

    photos: tuple[Path, ...]
    face: int | None = None
    steps: int | None = None
    tune: int = 0
    generator: str | None = None
    correction: Correction = field(default_factory=Correction)
    settings: str = OURS
    lpips: tuple[Path, Path] | None = None

    @property
    def distances(self) -> tuple[str, ...]:
        """What pictures are compared by: LPIPS beside our own distance, or, by the settings of
        SemanticStyleGAN's authors, alone."""
        if self.lpips is None:
            return (OURS,)
        return (LPIPS,) if self.settings == SEMANTIC else (OURS, LPIPS)

    def search(self) -> Search | None:
        """None: no search. Raises InvalidRequestError for steps that the settings do not allow."""
        if self.settings == SEMANTIC:
            return (
                SEMANTIC_STYLEGAN
                if self.steps is None
                else replace(SEMANTIC_STYLEGAN, steps=self.steps)
            )
        if self.steps is None:
            return OptimisationConfig()
        return OptimisationConfig().with_steps(self.steps) if self.steps else None


def invert_to_folder(
    request: InvertRequest, folder: Path, models: ModelCache, on_step: OnStep = ignore
) -> dict[str, Any]:
    """For each photo aligned/<name>.png, first/<name>.png, images/<name>.png and
    latents/<name>.npy; latents.npz of all, figures.json; of tuned ones tuned/<name>.png and
    tuned/<name>.safetensors. Returns the figures.

    Goes through all photos; then raises CoreError where some failed, naming each. A stop keeps
    what was finished and the best so far of the photo at hand.
    """
    targets = targets_of(request.photos, folder / "aligned")
    config, name = request.search(), models.name(request.generator)
    inverter = Inverter(models, name, on_step, _distance(request))
    faces = open_photo_faces(models.weights, on_step)
    if config is None and inverter.encoder is None:
        raise InvalidRequestError(
            f"Generator '{inverter.generator.identity.name}' has no photo encoder, so --steps 0 "
            "would leave the mean face. Ask for at least 1 step."
        )
    work = _Work(request, folder, inverter, config, on_step)
    failed: list[CoreError] = []
    for path, target in zip(request.photos, targets, strict=True):
        try:
            work.invert(path, target, faces)
        except Cancelled:
            raise
        except CoreError as error:
            failed.append(error)
    raise_failed(failed, len(targets), "inverted", folder)
    return work.figures()


def _distance(request: InvertRequest) -> Distance:
    if request.lpips is None:
        return Perceptual()
    lpips = Lpips(open_lpips(*request.lpips))
    return Summed((Perceptual(), lpips)) if OURS in request.distances else lpips


class _Work:
    """One run: what was found so far, and the folder that it is written to."""

    def __init__(
        self,
        request: InvertRequest,
        folder: Path,
        inverter: Inverter,
        config: Search | None,
        on_step: OnStep,
    ) -> None:
        self._request, self._folder, self._inverter = request, folder, inverter
        self._config, self._on_step = config, on_step
        self._is_plain = isinstance(config, PlainConfig)
        self._found: list[NDArray[np.float32]] = []
        self._told: list[dict[str, Any]] = []

    def invert(self, path: Path, target: Path, faces: PhotoFaces) -> None:
        size = min(max(self._inverter.generator.resolution, SIZES[0]), SIZES[1])
        asked = AlignRequest((path,), self._request.face, size, self._request.correction)
        face = framed(path, asked, faces)
        face.write(target)
        wanted = target_of(face)
        began = time.monotonic()
        ws = self._inverter.mean_face() if self._is_plain else self._inverter.first(wanted)
        told: dict[str, Any] = {
            **face.figures(target),
            "first": self._shown("first", target.name, wanted, ws, time.monotonic() - began),
        }
        try:
            for best in self._refined(wanted, ws, path.name):
                ws, told["steps"], told["loss"] = best.ws, best.step, round(best.loss, 4)
                told["search_seconds"] = round(best.seconds, 2)
        finally:  # a stop keeps the best so far
            told["result"] = self._shown(
                "images", target.name, wanted, ws, time.monotonic() - began
            )
            self._keep(target.stem, ws, told)
        if self._request.tune:
            self._tune(target, wanted, ws, told)

    def _tune(
        self, target: Path, wanted: Target, ws: NDArray[np.float32], told: dict[str, Any]
    ) -> None:
        best: Tuned | None = None
        try:
            for best in self._inverter.tune(wanted, ws, self._request.tune):
                left = seconds_left(best.step, best.total, best.seconds)
                doing = f"tuning to {target.stem}, {left:.0f} s left"
                self._on_step(Step(best.step, best.total, doing))
        finally:  # a stop keeps the best so far
            if best is not None:
                path = self._folder / "tuned" / f"{target.stem}.safetensors"
                save_difference(path, best.difference)
                told["tuned"] = {
                    "difference": str(path),
                    "steps": best.step,
                    "loss": round(best.loss, 4),
                    **self._written("tuned", target.name, wanted, best.picture, best.seconds),
                }
                self._write_figures()

    def _refined(self, wanted: Target, ws: NDArray[np.float32], name: str) -> Iterator[Refined]:
        if self._config is None:
            return
        for best in self._inverter.refine(wanted, ws, self._config):
            yield best
            left = seconds_left(best.step, best.total, best.seconds)
            doing = f"{name} at {best.size} px, {left:.0f} s left"
            self._on_step(Step(best.step, best.total, doing))

    def _shown(
        self,
        folder: str,
        name: str,
        wanted: Target,
        ws: NDArray[np.float32],
        seconds: float,
    ) -> dict[str, Any]:
        picture = self._inverter.picture(ws)
        return self._written(folder, name, wanted, picture, seconds)

    def _written(
        self,
        folder: str,
        name: str,
        wanted: Target,
        picture: NDArray[np.uint8],
        seconds: float,
    ) -> dict[str, Any]:
        path = self._folder / folder / name
        write_png(path, picture, {"generator": self._inverter.generator.identity.name})
        found = asdict(likeness(wanted, picture))
        rounded = {key: round(value, 3) for key, value in found.items()}
        return {"file": str(path), "seconds": round(seconds, 2), **rounded}

    def _keep(self, name: str, ws: NDArray[np.float32], told: dict[str, Any]) -> None:
        self._found.append(ws)
        self._told.append(told)
        self._inverter.latents([ws]).save(self._folder / "latents" / f"{name}.npy")
        self._inverter.latents(self._found).save(self._folder / "latents.npz")
        self._write_figures()

    def _write_figures(self) -> None:
        content = json.dumps(self.figures(), indent=1)
        write_whole(self._folder / "figures.json", content.encode())

    def figures(self) -> dict[str, Any]:
        return {
            "count": len(self._told),
            "generator": self._inverter.generator.identity.name,
            "began_at": MEAN if self._is_plain else self._inverter.begins_at,
            "settings": self._request.settings,
            "compared_by": list(self._request.distances),
            "inverted": self._told,
            "latents": str(self._folder / "latents.npz"),
            "out": str(self._folder),
        }


def target_of(face: Framed) -> Target:
    """Of which what no photo showed counts little."""
    return framed_target(face.aligned.picture, face.photo.pixels.shape, face.aligned.frame)
