"""Generators that are tuned to a photo in the background: full likeness, for this person alone."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from typing import Any

from PIL import Image

from annotations.records import Job
from core.errors import InvalidRequestError
from core.inversion.frame import Frame
from core.inversion.pacing import seconds_left
from core.inversion.tuning import Tuned
from core.latents import Latents, LatentSpace, read_latents
from core.progress import OnStep, Step
from core.weights import WeightStore
from studio.jobs import JobRunner
from studio.jobs.reporting import GoneError, PausedError
from studio.jobs.site import Site
from studio.model_cache import ModelCache
from studio.workflows.inverting import Inverter
from studio.workflows.photo_folder import PhotoFolder, PhotoFolders
from studio.workflows.photo_work import SAVE, check_frame, order, target_of
from studio.workflows.photos import Photos

TUNE = "tune photo"  # the kind of these jobs
TUNING = "tuning"  # by what a face came
STEPS = 300
_SHOWN = 512  # px of the picture that is watched


def tune_photo(
    photos: Photos,
    jobs: JobRunner,
    photo: str,
    generator: str,
    steps: int | None = None,
    person: str = "",
) -> Job:
    """Queue it, around the latents that the photo has. steps: None: STEPS.

    Raises InvalidRequestError where it has none yet, is being worked on, or where the generator
    is a tuned one itself.
    """
    if photos.weights.entry(generator).base is not None:
        raise InvalidRequestError(f"'{generator}' is tuned already. Choose the one it is made of.")
    steps = STEPS if steps is None else steps
    if not 1 <= steps <= 10_000:
        raise InvalidRequestError(f"steps must be in 1..10000, is {steps}.")
    return order(TUNE, photos, jobs, photo, generator, {"steps": steps}, person)


def remove_tuned(weights: WeightStore, photo: str, but: str = "") -> None:
    """Generators that were tuned to that photo go, but for one."""
    for name in [name for name in weights.entries() if name.startswith(f"photo-{photo}-")]:
        if name != but:
            weights.remove(name)


def tune_job(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    """The work of a job 'tune photo'. A stop keeps the best; one that is paused begins again."""
    folder = PhotoFolders(site.workspace).get(str(job.payload["photo"]))
    weights = WeightStore()
    inverter = Inverter(ModelCache(weights, site.device), str(job.payload["generator"]), on_step)
    return _Tuning(folder, weights, inverter, job, on_step).run()


class _Tuning:
    def __init__(
        self,
        folder: PhotoFolder,
        weights: WeightStore,
        inverter: Inverter,
        job: Job,
        on_step: OnStep,
    ) -> None:
        self._folder, self._weights, self._inverter = folder, weights, inverter
        self._job, self._on_step = job, on_step
        self._frame = Frame(**job.payload["frame"])
        self._saved = 0.0

    def run(self) -> dict[str, Any]:
        generator = self._inverter.generator
        path = self._folder.latents(generator.identity.name)
        latents = read_latents(path, LatentSpace.of(generator))
        target, best = target_of(self._folder, self._frame), None
        try:
            for best in self._inverter.tune(target, latents.ws[0], int(self._job.payload["steps"])):
                self._show(best)
        except (GoneError, PausedError):
            best = None
            raise
        finally:
            self._folder.end_tuning()
            name = "" if best is None else self._keep(best, latents)
        return {"generator": name, "steps": int(self._job.payload["steps"])}

    def _show(self, best: Tuned) -> None:
        """Raises Cancelled where the person wants it stopped, or took another frame meanwhile."""
        if time.monotonic() - self._saved > SAVE:
            check_frame(self._folder, self._frame)
            left = seconds_left(best.step, best.total, best.seconds)
            self._folder.show_tuning(_jpeg(best), {**self._how(best), "seconds_left": left})
            self._saved = time.monotonic()
        self._on_step(Step(best.step, best.total, "Tuning the generator", "steps"))

    def _keep(self, best: Tuned, latents: Latents) -> str:
        """Register it, in the place of one from before; returns its name."""
        check_frame(self._folder, self._frame)
        photo = self._folder.id
        name = f"photo-{photo}-{self._job.id}"
        entry = self._weights.add_tuned(best.difference, name)
        theirs = Latents(latents.ws, latents.seeds, 1.0, "off", name, entry.sha256)
        how = {**self._how(best), "by": TUNING, "base": self._inverter.generator.identity.name}
        try:
            self._folder.save_latents(theirs, how)
        except BaseException:
            remove_tuned(self._weights, photo)
            raise
        for old in self._folder.generators():
            if old.startswith(f"photo-{photo}-") and old != name:
                self._folder.forget_latents(old)
        remove_tuned(self._weights, photo, but=name)
        return name

    def _how(self, best: Tuned) -> dict[str, Any]:
        return {
            "step": best.step,
            "total": best.total,
            "loss": best.loss,
            "seconds": best.seconds,
            "job": self._job.id,
        }


def _jpeg(best: Tuned) -> bytes:
    picture = Image.fromarray(best.picture)
    picture.thumbnail((_SHOWN, _SHOWN))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()
