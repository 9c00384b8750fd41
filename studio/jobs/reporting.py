"""A worker's voice: progress and signs of life into the database, and orders out of it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from annotations import AnnotationError, AnnotationStore
from annotations.errors import JobGoneError, NotFoundError
from annotations.records import Job
from core.errors import Cancelled
from core.progress import Step

log = logging.getLogger(__name__)

BEAT = 2.0  # s between two reports


class PausedError(Cancelled):
    """The worker was told to end; the job goes on later, in another worker."""


class GoneError(Cancelled):
    """The job is no longer this worker's: others thought it dead. It must not write any more."""


@dataclass
class Reporter:
    """Reports from a thread of its own, also while one step takes long.

    `on_step` is given to the work: it raises when the work is to end.
    """

    store: AnnotationStore
    job: Job
    host: str
    pid: int
    beat: float = BEAT
    paused: threading.Event = field(default_factory=threading.Event)  # set it to end the work
    _step: Step = field(default=Step(0, 0, "Starting"))
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _gone: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._beats, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Report a last time. Safe to call again."""
        self._ended.set()
        if self._thread:
            self._thread.join()
            self._thread = None
            self._report()

    def on_step(self, step: Step) -> None:
        """Raises PausedError, GoneError, or Cancelled where a person cancelled the job."""
        self._step = step
        if self._gone.is_set():
            raise GoneError("The job is no longer this worker's.")
        if self._cancelled.is_set():
            raise Cancelled("Cancelled.")
        if self.paused.is_set():
            raise PausedError("The worker was told to end.")

    def _beats(self) -> None:
        while True:
            self._report()
            if self._ended.wait(self.beat):
                return

    def _report(self) -> None:
        """A database that cannot be written for a while does not end the work."""
        step = self._step
        try:
            if self.store.jobs.report(
                self.job.id, self.host, self.pid, step.done, step.total, step.doing
            ):
                self._cancelled.set()
        except (JobGoneError, NotFoundError):
            self._gone.set()
        except AnnotationError as error:
            log.warning("No report could be made: %s", error)
