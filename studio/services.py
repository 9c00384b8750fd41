"""The composition root: what the studio holds once, built in one place."""

from __future__ import annotations

import logging
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch

from annotations import AnnotationStore
from core.errors import CoreError, OutputError
from core.generators import Device, Noise, Outputs
from core.weights import WeightStore
from studio.jobs import JobRunner
from studio.model_cache import ModelCache
from studio.workflows.export_sampling import ExportSampler
from studio.workflows.live_labelling import LiveLabelling
from studio.workflows.photos import Photos
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering import Steering
from studio.workspace_lock import WorkspaceLock

log = logging.getLogger(__name__)

FOLDERS = ("cache", "runs", "exports")


@dataclass
class StopSigns:
    """One event for each kind of work of a browser session: set, it stops at its next step.

    A page that counts its requests gives their numbers (from 1; 0: not counted): an earlier one
    may arrive after a later one, and does not take its place then. Safe to use from threads.
    """

    _signs: dict[tuple[str, str], threading.Event] = field(default_factory=dict)
    _newest: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, session: str, work: str, number: int = 0) -> threading.Event:
        """A new sign for the work that starts now; the same work that still runs is stopped.
        Set at once where a later request has come already."""
        sign = threading.Event()
        with self._lock:
            if self._end(session, work, number):
                self._signs[session, work] = sign
            else:
                sign.set()
        return sign

    def stop(self, session: str, work: str, number: int = 0) -> None:
        """What was asked for before this number, or by any without one."""
        with self._lock:
            self._end(session, work, number)

    def stop_all(self, session: str) -> None:
        """When the page is left."""
        with self._lock:
            for of, work in list(self._signs):
                if of == session:
                    self._end(of, work, 0)
            for key in [key for key in self._newest if key[0] == session]:
                del self._newest[key]

    def _end(self, session: str, work: str, number: int) -> bool:
        """Stops what runs; False, and nothing is stopped, where that was asked for later."""
        newest = self._newest.get((session, work), 0)
        if 0 < number < newest:
            return False
        if number:
            self._newest[session, work] = number
        if sign := self._signs.pop((session, work), None):
            sign.set()
        return True


@dataclass(frozen=True)
class Services:
    """What tabs and routes work with. generator: the name of the one that is chosen at first."""

    workspace: Path
    models: ModelCache
    generator: str
    store: AnnotationStore
    lock: WorkspaceLock
    jobs: JobRunner
    segmenters: Segmenters
    live: LiveLabelling
    steering: Steering
    photos: Photos
    sampler: ExportSampler
    stops: StopSigns = field(default_factory=StopSigns)

    @property
    def cache(self) -> Path:
        """Pictures, videos and latents that can be made again; the only folder served."""
        return self.workspace / "cache"

    def close(self) -> None:
        """Let go of worker, database and workspace; safe to call again."""
        self.jobs.close()
        self.store.close()
        self.lock.release()

    def warm_up(self) -> threading.Thread:
        """Open and compile the first generator in the background, so that faces start at once."""

        def work() -> None:
            try:
                self.models.quality_scale(self.generator)
                generator = self.models.generator(self.generator)
                mean_face = generator.broadcast(generator.mean_w[None])[0].cpu().numpy()  # [L, D]
                if self.segmenters.current(self.generator) is not None:  # the gallery's pass
                    outputs = Outputs(labels=True)
                    self.segmenters.runtime(self.generator, outputs).render(mean_face, Noise())
                self.models.runtime(self.generator, Outputs()).render(mean_face, Noise())
            except CoreError as error:  # told again, to a person, when a face is asked for
                log.warning("Not ready yet: %s", error)

        thread = threading.Thread(target=work, name="warm-up", daemon=True)
        thread.start()
        return thread


def open_services(
    workspace: Path,
    generator: str | None = None,
    device: Device = "auto",
    weights: WeightStore | None = None,
) -> Services:
    """Take the workspace, make its folders and its database; no network is loaded yet.

    Jobs can be queued; `jobs.start()` has them done.

    Raises UnknownGeneratorError, OutputError for a folder that cannot be used,
    InvalidRequestError where another studio works in it, or a DatabaseError.
    """
    # Compiling silences this one by itself, but the warnings filter is one for all threads.
    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
    models = ModelCache(weights or WeightStore(), device)
    name = models.name(generator)
    workspace = workspace.resolve()
    for folder in FOLDERS:
        try:
            (workspace / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The workspace {workspace} cannot be made or used ({error.strerror}). "
                "Choose another folder with --workspace."
            ) from error
    lock = WorkspaceLock(workspace)
    lock.take()
    try:
        store = AnnotationStore.open(workspace)
    except BaseException:
        lock.release()
        raise
    environment = {"FACELOOM_WEIGHTS": str(models.weights.folder)}
    jobs = JobRunner(store, workspace, ["--device", device], environment)
    segmenters = Segmenters(models, workspace)
    live = LiveLabelling(store, models, segmenters, workspace / "cache")
    steering = Steering(models, segmenters, workspace)
    photos = Photos(models, steering.photos)
    sampler = ExportSampler(models, segmenters, steering.parts, workspace)
    return Services(
        workspace, models, name, store, lock, jobs, segmenters, live, steering, photos, sampler
    )
