"""Photos that are sharpened in the background, framed anew, deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotations.records import Job
from core.errors import InvalidRequestError
from core.inversion.frame import Frame
from core.inversion.optimisation import OptimisationConfig, Refined
from core.latents import LatentSpace, read_latents
from core.progress import OnStep, Step
from core.weights import WeightStore
from studio.jobs import JobRunner
from studio.jobs.reporting import GoneError
from studio.jobs.site import Site, remove_logs
from studio.model_cache import ModelCache
from studio.workflows.inverting import Inverter
from studio.workflows.photo_folder import PhotoFolder, PhotoFolders
from studio.workflows.photo_tuning import remove_tuned
from studio.workflows.photo_work import SAVE, check_frame, order, stop_work, target_of
from studio.workflows.photos import Photos, PhotoView
from studio.workflows.steering_files import remove_cached_of

SHARPEN = "invert"  # the kind of these jobs
OPTIMISATION = "optimisation"  # by what latents were found
# What a step at each size of picture takes, beside one at the smallest; 0: the whole picture.
_COSTS = {128: 1.0, 256: 1.5, 0: 5.5}


def sharpen(
    photos: Photos,
    jobs: JobRunner,
    photo: str,
    generator: str,
    steps: int | None = None,
    person: str = "",
) -> Job:
    """Queue a search from the latents that it has. steps: None: as many as are good.

    Raises InvalidRequestError where it has none yet, or is being worked on.
    """
    _ = _config(steps)
    return order(SHARPEN, photos, jobs, photo, generator, {"steps": steps}, person)


def use_photo(
    photos: Photos,
    jobs: JobRunner,
    photo: str,
    frame: Frame,
    generator: str,
    *,
    is_spared: bool = False,
) -> PhotoView:
    """As `Photos.use`; work on another frame of it ends, what was tuned to that goes. is_spared:
    faces are made of it that must stay, so another frame is that of a copy."""
    before = photos.view(photo).frame
    if is_spared and before not in (None, frame):
        copy = photos.copy(photo).id
        try:
            return photos.use(copy, frame, generator)
        except BaseException:
            photos.folders.delete(copy)
            raise
    if before != frame:
        stop_work(jobs, photo)
        remove_tuned(photos.weights, photo)
    return photos.use(photo, frame, generator)


def delete_photo(photos: Photos, jobs: JobRunner, workspace: Path, photo: str) -> None:
    """All that is kept of it: its work and their logs, generators that were tuned to it, and files
    made for downloads, too."""
    photos.folders.get(photo)  # refused before anything is stopped
    stop_work(jobs, photo)
    photos.folders.delete(photo)
    remove_tuned(photos.weights, photo)
    remove_cached_of(photo, workspace / "cache")
    remove_logs(workspace, jobs.list(), "photo", photo)


def sharpen_job(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    """The work of a job 'invert'. One that comes again goes on from what was reached."""
    folder = PhotoFolders(site.workspace).get(str(job.payload["photo"]))
    inverter = Inverter(
        ModelCache(WeightStore(), site.device), str(job.payload["generator"]), on_step
    )
    return _Sharpening(folder, inverter, job, on_step).run()


class _Sharpening:
    def __init__(self, folder: PhotoFolder, inverter: Inverter, job: Job, on_step: OnStep) -> None:
        self._folder, self._inverter, self._job, self._on_step = folder, inverter, job, on_step
        self._name = inverter.generator.identity.name
        self._frame = Frame(**job.payload["frame"])
        how = folder.how(self._name)
        self._done = int(how.get("step", 0)) if how.get("job") == job.id else 0
        self._saved = 0.0

    def run(self) -> dict[str, Any]:
        config = _config(self._job.payload.get("steps"))
        total = sum(stage.steps for stage in config.stages)
        if self._done >= total:
            return {"steps": total}
        config = config.with_steps(total - self._done)
        space = LatentSpace.of(self._inverter.generator)
        start = read_latents(self._folder.latents(self._name), space).ws[0]
        best = None
        try:
            for best in self._inverter.refine(target_of(self._folder, self._frame), start, config):
                self._keep(best, total, _seconds_left(best, config))
        except GoneError:
            best = None  # another worker's by now
            raise
        finally:
            if best is not None:
                self._keep(best, total, 0.0, is_last=True)
        return {"steps": total, "seconds": round(best.seconds, 2) if best else 0.0}

    def _keep(self, best: Refined, total: int, left: float, *, is_last: bool = False) -> None:
        """Raises Cancelled where the person wants it stopped, or took another frame meanwhile."""
        step = self._done + best.step
        if is_last or time.monotonic() - self._saved > SAVE:
            check_frame(self._folder, self._frame)
            how = {
                "by": OPTIMISATION,
                "step": step,
                "total": total,
                "loss": best.loss,
                "size": best.size,
                "seconds": best.seconds,
                "seconds_left": left,
                "job": self._job.id,
            }
            self._folder.save_latents(self._inverter.latents([best.ws]), how)
            self._saved = time.monotonic()
        if not is_last:
            self._on_step(Step(step, total, f"Sharpening at {best.size} px", "steps"))


def _config(steps: int | None) -> OptimisationConfig:
    """Raises InvalidRequestError."""
    if steps is None:
        return OptimisationConfig()
    if not 1 <= steps <= 100_000:
        raise InvalidRequestError(f"steps must be in 1..100000, is {steps}.")
    return OptimisationConfig().with_steps(steps)


def _seconds_left(best: Refined, config: OptimisationConfig) -> float:
    """By the mean time so far, weighed by what steps of each stage cost."""
    costs = [_COSTS.get(stage.size, 1.0) for stage in config.stages for _ in range(stage.steps)]
    spent = sum(costs[: best.step])
    return best.seconds / spent * sum(costs[best.step :])
