"""What the work of a job gets to work with, and the name of a workspace among others."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from annotations import AnnotationStore
from annotations.records import Job
from core.files import write_whole
from core.progress import OnStep

if TYPE_CHECKING:  # torch: a worker loads it with the work, not before
    from core.generators import Device

PLACE_FILE = ".place"


@dataclass(frozen=True)
class Site:
    """Where a worker works: the studio's workspace, and a store of its own."""

    workspace: Path
    store: AnnotationStore
    device: Device = "auto"


# What a worker does for a kind of job: returns the job's result, as JSON values; reports by
# on_step and ends when that raises. A job may come again after a crash: work that can go on
# from where it was does so.
Work: TypeAlias = Callable[[Site, Job, OnStep], Mapping[str, Any]]
Kinds: TypeAlias = Mapping[str, Work]


def place_of(workspace: Path) -> str:
    """The workspace's own name, made when it is first asked for.

    Studios that share a PostgreSQL database tell their jobs apart by it.
    """
    path = workspace / "runs" / PLACE_FILE
    if not path.is_file():
        write_whole(path, secrets.token_hex(8).encode())
    return path.read_text(encoding="utf-8").strip()


def remove_logs(workspace: Path, jobs: Iterable[Job], key: str, name: str) -> None:
    """Of the jobs whose payload has that name under that key."""
    for job in jobs:
        if job.payload.get(key) == name:
            log_path(workspace, job).unlink(missing_ok=True)


def log_path(workspace: Path, job: Job) -> Path:
    """Where the worker's standard output and error go while it does this job."""
    folder = workspace / "runs"
    if run := job.payload.get("run"):
        return folder / str(run) / "log.txt"
    return folder / f"job-{job.id}.log"
