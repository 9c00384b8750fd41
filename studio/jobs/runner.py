"""The studio's side of jobs: queues them, and sees that a worker is at work while any waits.

A worker is a process of its own and does one job. It survives the studio where that is
killed: the next studio finds it by its lock and lets it go on. A worker that was killed is
found by the same lock, at once, and its job goes back into the queue, to go on from what it
kept; after MAX_RESTARTS deaths without progress the job is failed instead. A studio that is
closed tells its worker to end at its next step; the job is in the queue for the next studio.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotations import AnnotationError, AnnotationStore
from annotations.errors import JobGoneError
from annotations.jobs import STALE_SECONDS
from annotations.records import Job, JobState
from studio.jobs.site import place_of
from studio.jobs.worker_lock import WorkerLock

log = logging.getLogger(__name__)

LOOK = 1.0  # s between two looks at the queue
MAX_RESTARTS = 2  # of a job that gets no further
MAX_FALSE_STARTS = 3  # of workers that end before they take a job
CLOSING = 20.0  # s that a worker may take to end at its next step
WORKER = (sys.executable, "-m", "studio.worker")
_REPOSITORY = Path(__file__).parents[2]
# Threads that wait for each other sleep: spinning, they take the cores from who is painting.
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


class JobRunner:
    """Use `start` once. All methods may be called from any thread.

    options: further arguments of the worker. environment: variables it gets beside ours.
    """

    def __init__(
        self,
        store: AnnotationStore,
        workspace: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self.store, self.workspace = store, workspace
        self._command = [*worker, "--workspace", str(workspace), *options]
        self._environment = dict(environment or {})
        self._lock = WorkerLock(workspace)
        self._host = socket.gethostname()
        self._process: subprocess.Popen[bytes] | None = None
        self._false_starts = 0
        self._look, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def place(self) -> str:
        return place_of(self.workspace)

    def submit(self, kind: str, payload: Mapping[str, Any], person: str = "") -> Job:
        """Queue work; a worker takes it soon, where the runner was started."""
        job = self.store.jobs.submit(kind, {**payload, "place": self.place}, person)
        self._look.set()
        return job

    def cancel(self, job_id: int) -> Job:
        """End a queued job; a running one ends at its next step. Raises NotFoundError."""
        job = self.store.jobs.cancel(job_id)
        self._look.set()
        return job

    def list(
        self, states: Collection[JobState] | None = None, limit: int = 1000
    ) -> tuple[Job, ...]:
        """This workspace's jobs, newest first."""
        return self.store.jobs.list(states, limit, self.place)

    def start(self) -> None:
        """Look after the queue in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def close(self, patience: float = CLOSING) -> None:
        """End thread and worker, where `start` was called; safe to call again.

        The worker leaves its job in the queue. patience: s for its step; one that takes longer
        is killed, and its job goes on from what it kept last when a studio starts.
        """
        self._closing.set()
        self._look.set()
        if self._thread:
            self._thread.join()
            self._thread = None
            with suppress(AnnotationError):
                self._stop_worker(patience)

    def tend(self) -> None:
        """One look: put dead workers' jobs right; start a worker where a job waits for one.

        Raises AnnotationError where the database cannot be used.
        """
        if self._process is not None and (code := self._process.poll()) is not None:
            self._note_end(code)
        alive = self.list([JobState.QUEUED, JobState.RUNNING])
        running = [job for job in alive if job.state == JobState.RUNNING]
        if not alive or self._process is not None:
            return
        if self._lock.is_held():
            return
        for job in running:
            if self._is_dead(job):
                self._recover(job)
        if any(job.state == JobState.QUEUED for job in self.list([JobState.QUEUED])):
            self._start_worker()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._look.clear()
            try:
                self.tend()
            except Exception:  # a database that is away for a while; the next look may do
                log.warning("The jobs could not be looked after this time", exc_info=True)
            self._look.wait(LOOK)

    def _is_dead(self, job: Job) -> bool:
        """Of a running job while no worker holds this workspace's lock here."""
        if job.host == self._host:
            return True
        silent = datetime.now(UTC) - (job.heartbeat_at or job.created_at)  # on another machine
        return silent.total_seconds() > STALE_SECONDS

    def _recover(self, job: Job) -> None:
        """Put a job whose worker is gone back into the queue, or end it."""
        jobs, mine = self.store.jobs, (job.id, job.host, job.pid or 0)
        before = job.payload.get("restarts", {"count": 0, "done": -1})
        count = 1 if job.done > before["done"] else before["count"] + 1
        with suppress(JobGoneError):
            if job.is_cancel_requested:
                jobs.finish(*mine, JobState.CANCELLED)
            elif count > MAX_RESTARTS:
                jobs.finish(*mine, JobState.FAILED, error=_died(job, count))
            else:
                log.warning("Job %d: its worker (process %s) is gone; it goes on", job.id, job.pid)
                restarts = {"count": count, "done": job.done}
                jobs.requeue(*mine, {**job.payload, "restarts": restarts})

    def _start_worker(self) -> None:
        path = os.pathsep.join(filter(None, [str(_REPOSITORY), os.environ.get("PYTHONPATH")]))
        log_file = self.workspace / "runs" / "worker.log"  # until it has a job with its own
        with log_file.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env={**_PATIENT, **os.environ, **self._environment, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the studio's terminal is the studio's
            )

    def _note_end(self, code: int) -> None:
        """A worker that fails without having a job would be started for ever."""
        process, self._process = self._process, None
        assert process is not None
        had_a_job = process.pid in [job.pid for job in self.list(limit=50)]
        if code == 0 or had_a_job:
            self._false_starts = 0
            return
        self._false_starts += 1
        log.warning("A worker ended with code %d before it had a job", code)
        if self._false_starts >= MAX_FALSE_STARTS:
            self._false_starts = 0
            self._give_up()

    def _give_up(self) -> None:
        """Fail the job that waits longest, with what the worker said."""
        said = (self.workspace / "runs" / "worker.log").read_text(errors="replace")
        for job in self.list([JobState.QUEUED])[-1:]:
            taken = self.store.jobs.claim([job.kind], self._host, os.getpid(), self.place)
            if taken is not None:
                self.store.jobs.finish(
                    taken.id,
                    self._host,
                    os.getpid(),
                    JobState.FAILED,
                    error="No worker could be started. The log has what it said; "
                    "when that is put right, start the job again.",
                    traceback=said,
                )

    def _stop_worker(self, patience: float) -> None:
        """Of this studio or an adopted one: told to end, waited for, killed where it does not."""
        if self._process is None and not self._lock.is_held():
            return
        pids = {job.pid for job in self.list([JobState.RUNNING]) if job.host == self._host}
        if self._process is not None:
            pids = {self._process.pid}
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in filter(None, pids):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sign)
            if self._has_ended(patience):
                break
        self._process = None

    def _has_ended(self, patience: float) -> bool:
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                return True
            return False
        ended = self._lock.take(patience)
        self._lock.release()
        return ended


def _died(job: Job, count: int) -> str:
    return (
        f"Its process ended {count} times without a word, at step {job.done} of {job.total}, as "
        "when memory runs out or somebody kills it. Try a smaller batch size, or press Resume "
        "to go on from what is kept."
    )
