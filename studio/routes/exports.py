"""The exports of the studio: started, followed, stopped, gone on with, looked at, fetched."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import FileResponse, Response, StreamingResponse

from annotations.records import Job, JobState
from core.export.contact import FACES
from core.export.journal import LOCK
from core.export.recipe_text import recipe_of, recipe_text
from studio.jobs.site import log_path
from studio.people import person_of
from studio.routes.answers import Answer, time_answer
from studio.routes.asking import Studio
from studio.routes.export_recipe import Given, asked_of
from studio.routes.refusals import RefusedError
from studio.services import Services
from studio.workflows.export_folders import find_export
from studio.workflows.export_views import ExportView, see_export, see_exports
from studio.workflows.exports import (
    delete_export,
    resume_export,
    start_check,
    start_export,
    stop_export,
)
from studio.workflows.zip_files import packed_parts

router = APIRouter()

MAX_ZIP = 1 << 30  # bytes of a dataset that is sent; larger ones are copied where they lie
_SHOWN = re.compile(
    r"contact_sheet\.jpg|histograms/[a-z]+\.png|README\.md|recipe\.yaml|statistics\.json"
    r"|dropped/[\d-]+\.jpg"
)
_TEXTS = {".md": "text/plain; charset=utf-8", ".yaml": "text/plain; charset=utf-8"}
_ASKED_EACH_TIME = {"cache-control": "no-cache"}


@router.get("/exports")
def list_(studio: Studio) -> Answer:
    """All of the workspace, newest first."""
    seen = see_exports(studio.workspace, studio.jobs)
    return {
        "exports": [_answer(view) for view in seen.views],
        "is_busy": seen.is_busy,
        "max_zip_bytes": MAX_ZIP,
    }


class Ordered(Given):
    """engine: who makes the faces, one of the 'engines' of the options."""

    engine: str = Field("local", max_length=20)


@router.post("/exports")
def start(studio: Studio, request: Request, given: Ordered) -> Answer:
    job = start_export(
        asked_of(studio, given),
        studio.workspace,
        studio.models,
        studio.jobs,
        person_of(request),
        given.engine,
    )
    return _one(studio, str(job.payload["export"]))


@router.get("/exports/{name}")
def one(studio: Studio, name: str) -> Answer:
    """As in the list, with what there is to look at: pictures, recipe, and the end of the log."""
    view = see_export(studio.workspace, studio.jobs, name)
    path = view.folder.path
    sheet = path / "contact_sheet.jpg"
    pictures = [sheet, *sorted((path / "histograms").glob("*.png"))]
    looks = sorted((path / "dropped").glob("*.jpg"))[:FACES]
    return {
        **_answer(view),
        "pictures": [file.relative_to(path).as_posix() for file in pictures if file.is_file()],
        "looks": [file.relative_to(path).as_posix() for file in looks],
        "has_card": (path / "README.md").is_file(),
        "text": recipe_text(recipe_of(view.recipe)) if view.recipe else "",
        "log": _log_end(studio, view.job) if view.state == "failed" else "",
    }


@router.post("/exports/{name}/pause")
def pause(studio: Studio, name: str) -> Answer:
    stop_export(studio.workspace, studio.jobs, name, is_pause=True)
    return _one(studio, name)


@router.post("/exports/{name}/cancel")
def cancel(studio: Studio, name: str) -> Answer:
    stop_export(studio.workspace, studio.jobs, name, is_pause=False)
    return _one(studio, name)


@router.post("/exports/{name}/resume")
def resume(studio: Studio, request: Request, name: str) -> Answer:
    resume_export(studio.workspace, studio.jobs, name, person_of(request))
    return _one(studio, name)


@router.post("/exports/{name}/verify")
def verify(studio: Studio, request: Request, name: str) -> Answer:
    start_check(studio.workspace, studio.jobs, name, person_of(request))
    return _one(studio, name)


@router.delete("/exports/{name}")
def delete(studio: Studio, name: str) -> Answer:
    delete_export(studio.workspace, studio.jobs, name)
    return {}


@router.get("/exports/{name}/dataset.zip")
def dataset(studio: Studio, name: str) -> Response:
    """Of a finished one that is no larger than MAX_ZIP, made while it is sent."""
    view = see_export(studio.workspace, studio.jobs, name)
    there = view.on_disk
    if there is None or not there.is_finished:
        raise RefusedError(409, "unfinished", f"The export {name} is not finished yet.")
    if there.bytes > MAX_ZIP:
        raise RefusedError(
            413,
            "too_large",
            f"The dataset has {there.bytes / 2**30:.1f} GiB; up to {MAX_ZIP >> 30} GiB are sent "
            f"as a zip file. Copy it from the studio's machine: {view.folder.path}",
        )
    parts = packed_parts(view.folder.path, (LOCK,))
    headers = {
        "content-disposition": f'attachment; filename="{name}.zip"',
        "cache-control": "no-store",
    }
    return StreamingResponse(parts, media_type="application/zip", headers=headers)


@router.get("/exports/{name}/{file:path}")
def file(studio: Studio, name: str, file: str) -> Response:
    """What the page shows of a dataset, and nothing else of it."""
    folder = find_export(studio.workspace, name).path
    path = (folder / file).resolve()
    is_inside = path.is_relative_to(folder.resolve())
    if not (_SHOWN.fullmatch(file) and is_inside and path.is_file()):
        raise RefusedError(404, "not_found", f"The export {name} has no file {file:.80}.")
    return FileResponse(path, media_type=_TEXTS.get(path.suffix), headers=_ASKED_EACH_TIME)


def _one(studio: Services, name: str) -> Answer:
    return _answer(see_export(studio.workspace, studio.jobs, name))


def _answer(view: ExportView) -> Answer:
    """state: see `ExportView`. faces: on disk. done, doing: of the job at work."""
    job, there, recipe = view.job, view.on_disk, view.recipe
    is_running = view.state in ("running", "pausing", "stopping")
    return {
        "name": view.folder.name,
        "title": recipe.get("name", view.folder.name),
        "path": str(view.folder.path),
        "state": view.state,
        "is_alive": view.is_alive,
        "can_resume": view.can_resume,
        "place": view.place,
        "person": view.facts.get("person", ""),
        "created_at": time_answer(view.folder.created_at),
        "count": view.count,
        "size": int(recipe.get("size", 0)),
        "formats": list(recipe.get("formats", ())),
        "faces": view.faces,
        "bytes": there.bytes if there else 0,
        "dropped": dict(there.dropped) if there else {},
        "done": job.done if job and is_running else view.faces,
        "doing": job.doing if job and is_running else "",
        "error": job.error if job and view.state == "failed" else "",
        "job_id": job.id if job else None,
        "seconds": job.result.get("seconds") if job and job.result else None,
        "check": _check(view),
    }


def _check(view: ExportView) -> dict[str, Any] | None:
    job = view.check
    if job is None:
        return None
    return {
        "job_id": job.id,
        "state": job.state.value,
        "place": view.check_place,
        "done": job.done,
        "total": job.total,
        "doing": job.doing,
        "error": job.error,
        "result": job.result,
        "finished_at": time_answer(job.finished_at) if job.finished_at else None,
    }


def _log_end(studio: Services, job: Job | None) -> str:
    if job is None or job.state != JobState.FAILED:
        return ""
    try:
        return log_path(studio.workspace, job).read_text(errors="replace")[-4000:]
    except OSError:
        return job.traceback[-4000:]
