"""Long work, as rows that survive a restart of the studio and of the worker.

A job is queued, claimed by exactly one worker, reports while it runs, and finishes once.
A running job whose worker fell silent is found and failed by `fail_stale`; one whose worker
is known to be gone goes back into the queue by `requeue`.

Studios with workspaces of their own may share a database. What a job needs lies in one of
them, so its payload may name it as `place`, and workers and pages ask for their place only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from annotations.checks import checked_limit, checked_name
from annotations.database import Database
from annotations.errors import BadRequestError, JobGoneError, NotFoundError
from annotations.models import JobRow
from annotations.records import Job, JobState
from annotations.row_records import job_record

STALE_SECONDS = 60.0  # without a heartbeat; workers should send one every 5 s or so
MAX_TEXT = 100_000  # of an error or a traceback; longer ones lose their beginning

_ALIVE = (JobState.QUEUED, JobState.RUNNING)


class Jobs:
    """Each method is one transaction. host, pid: where a worker runs; they identify it."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def submit(self, kind: str, payload: Mapping[str, Any], person: str = "") -> Job:
        """Queue work. payload: JSON values, given to the worker as they are."""
        row = JobRow(
            kind=checked_name("The kind of a job", kind),
            state=JobState.QUEUED,
            payload=dict(payload),
            person=checked_name("A person's name", person) if person else "",
            created_at=self._now(),
        )
        with self._database.writing() as session:
            session.add(row)
            session.flush()
            return job_record(row)

    def get(self, job_id: int) -> Job:
        """Read-only. Raises NotFoundError."""
        with self._database.reading() as session:
            return job_record(_found(session, job_id))

    def list(
        self,
        states: Collection[JobState] | None = None,
        limit: int = 50,
        place: str | None = None,
    ) -> tuple[Job, ...]:
        """The newest jobs first, of one place or of all. Read-only."""
        checked_limit("The number of jobs", limit, 1000)
        query = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
        if states is not None:
            query = query.where(JobRow.state.in_(states))
        if place is not None:
            query = query.where(_place() == place)
        with self._database.reading() as session:
            return tuple(job_record(row) for row in session.scalars(query))

    def claim(
        self, kinds: Collection[str], host: str, pid: int, place: str | None = None
    ) -> Job | None:
        """Take the oldest queued job of these kinds, or None; no other worker gets it.

        place: only of jobs of that place.
        """
        query = (
            select(JobRow)
            .where(JobRow.state == JobState.QUEUED, JobRow.kind.in_(kinds))
            .order_by(JobRow.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if place is not None:
            query = query.where(_place() == place)
        with self._database.writing() as session:
            row = session.scalar(query)
            if row is None:
                return None
            row.state = JobState.RUNNING
            row.host, row.pid = host, pid
            row.started_at = row.heartbeat_at = self._now()
            session.flush()
            return job_record(row)

    def report(self, job_id: int, host: str, pid: int, done: int, total: int, doing: str) -> bool:
        """A worker's heartbeat with its progress; True if it was asked to stop.

        Raises JobGoneError if the job is no longer this worker's, NotFoundError.
        """
        with self._database.writing() as session:
            row = _running(session, job_id, host, pid)
            row.done, row.total, row.doing = done, total, doing[:1000]
            row.heartbeat_at = self._now()
            return row.is_cancel_requested

    def finish(
        self,
        job_id: int,
        host: str,
        pid: int,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        error: str = "",
        traceback: str = "",
    ) -> Job:
        """Say how a running job ended: done with a result, failed with an error, or cancelled.

        Raises JobGoneError if the job is no longer this worker's, NotFoundError.
        """
        if state in _ALIVE:
            raise BadRequestError(f"A job ends done, failed or cancelled, not {state}.")
        with self._database.writing() as session:
            row = _running(session, job_id, host, pid)
            row.result = dict(result) if result is not None else None
            return self._end(row, state, error, traceback)

    def requeue(self, job_id: int, host: str, pid: int, payload: Mapping[str, Any]) -> Job:
        """Put a running job back where it was in the queue, to be gone on with by a new worker.

        For a worker that was told to stop, or for whoever knows that it is gone. payload:
        takes the place of the job's. Raises JobGoneError if it is no longer that worker's,
        NotFoundError.
        """
        with self._database.writing() as session:
            row = _running(session, job_id, host, pid)
            row.state = JobState.QUEUED
            row.payload = dict(payload)
            row.host, row.pid, row.heartbeat_at = "", None, None
            return job_record(row)

    def cancel(self, job_id: int) -> Job:
        """End a queued job; ask the worker of a running one to stop. Others stay as they are.

        Raises NotFoundError.
        """
        with self._database.writing() as session:
            row = _found(session, job_id, lock=True)
            if row.state in _ALIVE:
                row.is_cancel_requested = True
            if row.state == JobState.QUEUED:
                return self._end(row, JobState.CANCELLED, "", "")
            return job_record(row)

    def fail_stale(self, silent_seconds: float = STALE_SECONDS) -> tuple[Job, ...]:
        """Fail the running jobs whose workers sent nothing for so long; which they were.

        For the start of a studio and now and then: their workers were killed.
        """
        since = self._now() - timedelta(seconds=silent_seconds)
        query = (
            select(JobRow)
            .where(JobRow.state == JobState.RUNNING, JobRow.heartbeat_at < since)
            .order_by(JobRow.id)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as session:
            return tuple(
                self._end(
                    row,
                    JobState.FAILED,
                    f"Its process (pid {row.pid} on {row.host}) stopped without a word, "
                    "as when it was killed or the machine restarted. Start it again.",
                    "",
                )
                for row in session.scalars(query).all()
            )

    def _end(self, row: JobRow, state: JobState, error: str, traceback: str) -> Job:
        row.state = state
        row.error, row.traceback = _storable(error), _storable(traceback)
        row.finished_at = self._now()
        return job_record(row)


def _found(session: Session, job_id: int, *, lock: bool = False) -> JobRow:
    row = session.get(JobRow, job_id, with_for_update=lock)
    if row is None:
        raise NotFoundError("job", job_id)
    return row


def _running(session: Session, job_id: int, host: str, pid: int) -> JobRow:
    row = _found(session, job_id, lock=True)
    if row.state != JobState.RUNNING or (row.host, row.pid) != (host, pid):
        raise JobGoneError(job_id, row.state.value)
    return row


def _place() -> ColumnElement[str]:
    place: ColumnElement[str] = JobRow.payload["place"].as_string()
    return place


def _storable(text: str) -> str:
    return text.replace("\0", "\\0")[-MAX_TEXT:]
