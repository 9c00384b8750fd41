"""Photos in the background: sharpened, stopped with the best that was found, deleted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from annotations.records import Job, JobState
from core.errors import Cancelled, InvalidRequestError
from core.inversion.frame import Frame
from core.inversion.optimisation import OptimisationConfig, Refined
from core.inversion.target import Target, padding_weight
from core.latents import LatentSpace, read_latents
from core.progress import OnStep, Step
from core.weights import WeightStore
from studio.jobs import JobRunner
from studio.jobs.reporting import GoneError
from studio.jobs.site import Site, log_path
from studio.model_cache import ModelCache
from studio.workflows.inverting import Inverter
from studio.workflows.photo_folder import PhotoFolder, PhotoFolders
from studio.workflows.photos import Photos, PhotoView
from studio.workflows.steering_files import cached_of_base

SHARPEN = "invert"  # the kind of these jobs
OPTIMISATION = "optimisation"  # by what latents were found
SAVE = 1.0  # s between two states that are written, and seen
_ALIVE = (JobState.QUEUED, JobState.RUNNING)
# What a step at each size of picture takes, beside one at the smallest; 0: the whole picture.
_COSTS = {128: 1.0, 256: 1.5, 0: 5.5}


@dataclass(frozen=True)
class PhotoWork:
    """The newest job on a photo. place: how many jobs are before it."""

    job: Job
    place: int = 0

    @property
    def is_alive(self) -> bool:
        return self.job.state in _ALIVE


def see_work(jobs: JobRunner, photo: str) -> PhotoWork | None:
    """None where there never was any."""
    newest, before = None, 0
    for job in jobs.list():
        if newest is None:
            newest = job if job.payload.get("photo") == photo else None
        elif job.state in _ALIVE:
            before += 1
    return PhotoWork(newest, before if newest.state == JobState.QUEUED else 0) if newest else None


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
    view = photos.view(photo)
    if view.frame is None or generator not in view.latents:
        raise InvalidRequestError("Choose 'Use this face' first; then it can be sharpened.")
    found = see_work(jobs, photo)
    if found and found.is_alive:
        raise InvalidRequestError("This photo is being worked on. Wait for it, or stop it.")
    _ = _config(steps)
    frame = asdict(view.frame)
    payload = {"photo": photo, "generator": generator, "steps": steps, "frame": frame}
    return jobs.submit(SHARPEN, payload, person)


def stop_work(jobs: JobRunner, photo: str) -> None:
    """What runs ends at its next step; the best that was found stays."""
    found = see_work(jobs, photo)
    if found and found.is_alive:
        jobs.cancel(found.job.id)


def use_photo(
    photos: Photos, jobs: JobRunner, photo: str, frame: Frame, generator: str
) -> PhotoView:
    """As `Photos.use`; work on another frame of it ends."""
    if photos.view(photo).frame != frame:
        stop_work(jobs, photo)
    return photos.use(photo, frame, generator)


def delete_photo(folders: PhotoFolders, jobs: JobRunner, workspace: Path, photo: str) -> None:
    """All that is kept of it: its work and their logs, and files made for downloads, too."""
    base = folders.get(photo).base
    stop_work(jobs, photo)
    folders.delete(photo)
    shutil.rmtree(cached_of_base(workspace / "cache", base), ignore_errors=True)
    for job in jobs.list():
        if job.payload.get("photo") == photo:
            log_path(workspace, job).unlink(missing_ok=True)


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
            for best in self._inverter.refine(self._target(), start, config):
                self._keep(best, total, _seconds_left(best, config))
        except GoneError:
            best = None  # another worker's by now
            raise
        finally:
            if best is not None:
                self._keep(best, total, 0.0, is_last=True)
        return {"steps": total, "seconds": round(best.seconds, 2) if best else 0.0}

    def _target(self) -> Target:
        picture = self._folder.pixels(self._folder.aligned)
        width, height = self._folder.facts()["size"]
        weight = padding_weight((height, width), self._frame, len(picture))
        return Target(picture, weight)

    def _keep(self, best: Refined, total: int, left: float, *, is_last: bool = False) -> None:
        """Raises Cancelled where the person wants it stopped, or took another frame meanwhile."""
        step = self._done + best.step
        if is_last or time.monotonic() - self._saved > SAVE:
            if self._folder.facts()["frame"] != asdict(self._frame):
                raise Cancelled("Another frame was chosen.")
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
