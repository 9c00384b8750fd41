"""Exports in the background: started, paused, gone on with, cancelled, verified, deleted."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from annotations.records import Job
from core.errors import InvalidRequestError, OutputError
from core.export.engines import engines_here
from core.export.journal import LOCK
from core.export.recipe import Recipe, one_of
from core.files import system_refused
from core.progress import OnStep
from core.weights import WeightStore
from studio.jobs import JobRunner
from studio.jobs.site import Site, remove_logs
from studio.model_cache import ModelCache
from studio.workflows.export_folders import find_export, make_export
from studio.workflows.export_recipes import check_possible
from studio.workflows.export_views import EXPORT, VERIFY_EXPORT, ExportView, see_export
from studio.workflows.exporting import ExportRequest, export_to_folder, verify_folder


def start_export(
    recipe: Recipe,
    workspace: Path,
    models: ModelCache,
    jobs: JobRunner,
    person: str = "",
    engine: str = "local",
) -> Job:
    """Queue an export into a folder of its own. engine: one of `engines_here`.

    Raises InvalidRequestError for what cannot be, and then nothing was made; OutputError.
    """
    one_of("engine", engine, engines_here())
    promised = check_possible(recipe, models, workspace)
    made = make_export(workspace, recipe, person, promised.faces, engine)
    return jobs.submit(EXPORT, {"export": made.name}, person)


def resume_export(workspace: Path, jobs: JobRunner, name: str, person: str = "") -> Job:
    """Queue it again; it goes on from what is on disk.

    Raises InvalidRequestError where it is alive or done.
    """
    view = see_export(workspace, jobs, name)
    if not view.can_resume:
        raise InvalidRequestError(
            f"The export {name} is {view.state}; only paused, cancelled and failed ones go on."
        )
    plain = view.folder.recipe().plain()  # refused now where nothing says it
    view.folder.note(recipe=plain, wish="")
    return jobs.submit(EXPORT, {"export": name}, person)


def stop_export(workspace: Path, jobs: JobRunner, name: str, *, is_pause: bool) -> None:
    """A queued one never starts, a running one ends at its next face; what is on disk stays.

    is_pause: how it is called then; either can be gone on with. One that is being verified is
    not verified any more. Others stay as they are.
    """
    view = see_export(workspace, jobs, name)
    if view.job is not None and view.is_alive:
        view.folder.note(wish="pause" if is_pause else "cancel")
        jobs.cancel(view.job.id)
    elif view.check is not None and view.is_checking:
        jobs.cancel(view.check.id)


def start_check(workspace: Path, jobs: JobRunner, name: str, person: str = "") -> Job:
    """Queue a look at every hash, count and pixel."""
    view = see_export(workspace, jobs, name)
    _at_rest(view)
    return jobs.submit(VERIFY_EXPORT, {"export": name}, person)


def delete_export(workspace: Path, jobs: JobRunner, name: str) -> None:
    """Its folder and all that is in it, and the logs of its jobs.

    Raises InvalidRequestError where something works on it, OutputError.
    """
    view = see_export(workspace, jobs, name)
    _at_rest(view)
    path = view.folder.path
    try:
        if (path / LOCK).is_file():
            FileLock(path / LOCK).acquire(timeout=0).lock.release()
        if path.is_dir():
            shutil.rmtree(path)
        view.folder.facts_path.unlink(missing_ok=True)
        remove_logs(workspace, jobs.list(), "export", name)
    except Timeout:
        raise InvalidRequestError(
            f"Another process is writing to {path}. End it, then delete the export."
        ) from None
    except OSError as error:
        raise system_refused(error, path) from error


def export_job(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    """The work of a job 'export' (payload: export, its folder's name)."""
    folder = find_export(site.workspace, str(job.payload["export"]))
    models = ModelCache(WeightStore(), site.device)
    request = ExportRequest(folder.recipe(), str(folder.facts().get("engine", "local")))
    figures = export_to_folder(request, folder.path, models, site.workspace, on_step)
    there = folder.on_disk()
    if there is None:
        raise OutputError(f"{folder.path} is gone. Somebody took it away; start a new export.")
    return {**figures, "bytes": there.bytes}


def verify_job(site: Site, job: Job, on_step: OnStep) -> Mapping[str, Any]:
    """The work of a job 'verify export' (payload: export, its folder's name)."""
    folder = find_export(site.workspace, str(job.payload["export"]))
    found = verify_folder(folder.path, on_step)
    return {
        "is_whole": found.is_whole,
        "files": found.files,
        "faces": found.faces,
        "num_problems": found.num_problems,
        "problems": [f"{problem.file}: {problem.message}" for problem in found.problems],
    }


def _at_rest(view: ExportView) -> None:
    if view.is_alive or view.is_checking:
        what = view.state if view.is_alive else "being verified"
        raise InvalidRequestError(
            f"The export {view.folder.name} is {what}. Wait for its end, or cancel it first."
        )
