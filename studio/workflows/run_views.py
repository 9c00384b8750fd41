"""Where each training stands: its folder and its newest job, seen together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotations.records import Job, JobState
from studio.jobs import JobRunner
from studio.workflows.run_folders import RunFolder, list_runs

TRAIN_SEGMENTER = "train segmenter"  # the kind of these jobs
RECENT = 5  # epochs that say how long one takes

Epoch = Mapping[str, Any]


@dataclass(frozen=True)
class RunView:
    """A snapshot. job: the newest one that worked on the run; None for one of the command line."""

    run: RunFolder
    facts: Mapping[str, Any]
    history: Sequence[Epoch]
    job: Job | None
    place: int = 0  # in the queue, 0: the next; for a queued one

    @property
    def state(self) -> str:
        """queued, running, stopping, done, failed or cancelled."""
        if self.job is None:
            return str(self.facts.get("state", "unknown"))
        if self.job.state == JobState.RUNNING and self.job.is_cancel_requested:
            return "stopping"
        return self.job.state.value

    @property
    def is_alive(self) -> bool:
        return self.state in ("queued", "running", "stopping")

    @property
    def can_resume(self) -> bool:
        return self.state in ("failed", "cancelled", "unknown")

    @property
    def config(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.facts.get("config", {})
        return found

    @property
    def epoch(self) -> int:
        return int(self.history[-1]["epoch"]) if self.history else 0

    @property
    def epochs(self) -> int:
        return int(self.config.get("epochs", 0))

    @property
    def best(self) -> Epoch | None:
        """The epoch whose validation mean F1 is highest, the first of equals; None if none."""
        judged = [epoch for epoch in self.history if epoch.get("mean_f1") is not None]
        return max(judged, key=lambda epoch: float(epoch["mean_f1"]), default=None)

    @property
    def seconds(self) -> float:
        """Spent on the epochs so far."""
        return sum(float(epoch.get("seconds", 0)) for epoch in self.history)

    @property
    def seconds_left(self) -> float | None:
        """None while nothing says so."""
        if self.state != "running" or not self.history:
            return None
        recent = [float(epoch.get("seconds", 0)) for epoch in self.history[-RECENT:]]
        return (self.epochs - self.epoch) * sum(recent) / len(recent)

    @property
    def warnings(self) -> list[str]:
        texts = [*self.facts.get("warnings", []), *self.facts.get("notes", [])]
        return [str(text) for text in texts]

    @property
    def error(self) -> str:
        if self.job is not None:
            return self.job.error
        return str(self.facts.get("error", ""))


@dataclass(frozen=True)
class RunList:
    """Newest first."""

    views: tuple[RunView, ...] = field(default=())

    @property
    def is_busy(self) -> bool:
        return any(view.is_alive for view in self.views)

    def get(self, name: str | None) -> RunView | None:
        """The run of that name; without one the newest that is at work, else the newest."""
        for view in self.views:
            if view.run.name == name:
                return view
        working = [view for view in self.views if view.state in ("running", "stopping")]
        return next(iter([*working, *self.views]), None)


def see_runs(workspace: Path, jobs: JobRunner) -> RunList:
    """All runs of the workspace. Read-only."""
    newest: dict[str, Job] = {}
    queued: list[str] = []
    for job in jobs.list():
        run = str(job.payload.get("run", ""))
        newest.setdefault(run, job)
        if job.state == JobState.QUEUED:
            queued.insert(0, run)
    views = [
        RunView(
            run,
            run.facts(),
            run.history(),
            newest.get(run.name),
            queued.index(run.name) if run.name in queued else 0,
        )
        for run in list_runs(workspace)
    ]
    return RunList(tuple(views))
