"""Where each export stands: its folder and its newest jobs, seen together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotations.records import Job, JobState
from core.errors import InvalidRequestError
from studio.jobs import JobRunner
from studio.workflows.export_folders import ExportFolder, OnDisk, find_export, list_exports

EXPORT, VERIFY_EXPORT = "export", "verify export"  # the kinds of these jobs
ALIVE = ("queued", "running", "pausing", "stopping")
RESUMABLE = ("paused", "cancelled", "failed", "unfinished")


@dataclass(frozen=True)
class ExportView:
    """A snapshot. job, check: the newest ones that made and verified it; None without.
    place, check_place: how many jobs are before a queued one."""

    folder: ExportFolder
    facts: Mapping[str, Any]
    job: Job | None
    check: Job | None
    place: int = 0
    check_place: int = 0

    @property
    def state(self) -> str:
        """One of ALIVE or RESUMABLE, or done."""
        if self.job is None or self.job.state == JobState.DONE:
            return "done" if self.is_finished else "unfinished"
        is_pause = self.facts.get("wish") == "pause"
        if self.job.state == JobState.RUNNING and self.job.is_cancel_requested:
            return "pausing" if is_pause else "stopping"
        if self.job.state == JobState.CANCELLED and is_pause:
            return "paused"
        return self.job.state.value

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    @property
    def is_checking(self) -> bool:
        return self.check is not None and self.check.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def can_resume(self) -> bool:
        return self.state in RESUMABLE

    @property
    def is_finished(self) -> bool:
        return self.on_disk is not None and self.on_disk.is_finished

    @property
    def on_disk(self) -> OnDisk | None:
        """None where nothing is, or cannot be read, or while it is made: the job tells then, and
        a journal that grows is not read again and again."""
        if self.job is not None and self.job.state == JobState.RUNNING:
            return None
        try:
            return self.folder.on_disk()
        except InvalidRequestError:
            return None

    @property
    def recipe(self) -> Mapping[str, Any]:
        """As asked; {} where nothing says so."""
        told: Mapping[str, Any] = self.facts.get("recipe", {})
        return told or (self.on_disk.recipe if self.on_disk else {})

    @property
    def count(self) -> int:
        """Faces of the whole; before anything is written, as it was when it was asked for."""
        if self.on_disk is not None:
            return self.on_disk.count
        return int(self.facts.get("count", self.recipe.get("count", 0)))

    @property
    def faces(self) -> int:
        """Known to be on disk."""
        return self.on_disk.faces if self.on_disk else 0


@dataclass(frozen=True)
class ExportList:
    """Newest first."""

    views: tuple[ExportView, ...] = field(default=())

    @property
    def is_busy(self) -> bool:
        return any(view.is_alive or view.is_checking for view in self.views)


def see_exports(workspace: Path, jobs: JobRunner) -> ExportList:
    """All exports of the workspace. Read-only."""
    known = _Known(jobs)
    return ExportList(tuple(known.view(folder) for folder in list_exports(workspace)))


def see_export(workspace: Path, jobs: JobRunner, name: str) -> ExportView:
    """One. Raises InvalidRequestError for a name of none."""
    return _Known(jobs).view(find_export(workspace, name))


def start_seconds(jobs: JobRunner) -> float:
    """What the last finished export took beside making faces: its process began, networks were
    opened, all was finished. 0 where none says so."""
    for job in jobs.list([JobState.DONE]):
        if job.kind == EXPORT and job.result and job.result.get("made"):
            if job.started_at is None or job.finished_at is None:
                continue
            whole = (job.finished_at - job.started_at).total_seconds()
            return max(0.0, whole - float(job.result["seconds_making"]))
    return 0.0


class _Known:
    """The newest job of each kind of each export, and who waits for how many."""

    def __init__(self, jobs: JobRunner) -> None:
        self._newest: dict[tuple[str, str], Job] = {}
        queued: list[int] = []
        running = 0
        for job in jobs.list():
            self._newest.setdefault((job.kind, str(job.payload.get("export", ""))), job)
            running += job.state == JobState.RUNNING
            if job.state == JobState.QUEUED:
                queued.insert(0, job.id)
        self._places = {id_: running + place for place, id_ in enumerate(queued)}

    def view(self, folder: ExportFolder) -> ExportView:
        job = self._newest.get((EXPORT, folder.name))
        check = self._newest.get((VERIFY_EXPORT, folder.name))
        places = [self._places.get(each.id, 0) if each else 0 for each in (job, check)]
        return ExportView(folder, folder.facts(), job, check, *places)
