"""People's own photos in the Control tab: uploaded, framed, used, worked on, deleted."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from core.inversion.frame import Frame
from core.inversion.photo_files import MOST_BYTES
from studio.people import person_of
from studio.routes.answers import Answer
from studio.routes.asking import Studio, body_of
from studio.routes.refusals import RefusedError
from studio.services import Services
from studio.workflows.photo_jobs import delete_photo, sharpen, use_photo
from studio.workflows.photo_tuning import tune_photo
from studio.workflows.photo_work import PhotoWork, see_work, stop_work
from studio.workflows.photos import PhotoView

router = APIRouter()

_PICTURES = {
    "shown.jpg": "image/jpeg",
    "thumbnail.jpg": "image/jpeg",
    "aligned.png": "image/png",
    "tuning.jpg": "image/jpeg",
}
_ASKED_EACH_TIME = {"cache-control": "no-cache"}  # and never kept by anybody between


class GivenFrame(BaseModel):
    """See `Frame`; px of the photo."""

    centre_x: float
    centre_y: float
    side: float
    angle: float


class Used(BaseModel):
    """is_spared: faces are made of the photo that must stay."""

    generator: str = Field("", max_length=100)
    frame: GivenFrame
    is_spared: bool = False


class Wanted(BaseModel):
    """steps: of the search, or of tuning; None: as many as are good."""

    generator: str = Field("", max_length=100)
    steps: int | None = None


@router.get("/photos")
def list_(studio: Studio) -> Answer:
    """All of the workspace, the newest first."""
    return {"photos": [_answer(studio, view) for view in studio.photos.views()]}


@router.post("/photos")
async def upload(studio: Studio, request: Request) -> Answer:
    """The body is the file, as it is. The answer has the faces that were found in it."""
    content = await body_of(request, MOST_BYTES, "The photo")
    return _answer(studio, await run_in_threadpool(studio.photos.add, content))


@router.get("/photos/{photo}")
def one(studio: Studio, photo: str) -> Answer:
    """With its newest job: poll this while that runs."""
    return _answer(studio, studio.photos.view(photo))


@router.get("/photos/{photo}/{picture}")
def picture(studio: Studio, photo: str, picture: str) -> Response:
    """shown.jpg: the whole photo. aligned.png, thumbnail.jpg: the face in its frame. tuning.jpg:
    what a generator that is being tuned draws."""
    path = studio.photos.folders.get(photo).path / picture
    if picture not in _PICTURES or not path.is_file():
        raise RefusedError(404, "not_found", f"The photo has no {picture:.40} (yet).")
    return FileResponse(path, media_type=_PICTURES[picture], headers=_ASKED_EACH_TIME)


@router.post("/photos/{photo}/use")
def use(studio: Studio, photo: str, used: Used) -> Answer:
    """The frame is cut out, and the generator's first latents of it are found. The answer may be
    a copy of the photo, with an id of its own: where it is spared, and had another frame."""
    generator = studio.models.name(used.generator or studio.generator)
    frame = Frame(**used.frame.model_dump())
    photos, jobs, is_spared = studio.photos, studio.jobs, used.is_spared
    view = use_photo(photos, jobs, photo, frame, generator, is_spared=is_spared)
    return _answer(studio, view)


@router.post("/photos/{photo}/sharpen")
def start(studio: Studio, request: Request, photo: str, wanted: Wanted) -> Answer:
    """Its latents come closer to it in the background, step by step."""
    generator = studio.models.name(wanted.generator or studio.generator)
    person = person_of(request)
    sharpen(studio.photos, studio.jobs, photo, generator, wanted.steps, person)
    return _answer(studio, studio.photos.view(photo))


@router.post("/photos/{photo}/tune")
def tune(studio: Studio, request: Request, photo: str, wanted: Wanted) -> Answer:
    """A copy of the generator learns this photo in the background; then it is one of its own."""
    generator = studio.models.name(wanted.generator or studio.generator)
    person = person_of(request)
    tune_photo(studio.photos, studio.jobs, photo, generator, wanted.steps, person)
    return _answer(studio, studio.photos.view(photo))


@router.post("/photos/{photo}/stop")
def stop(studio: Studio, photo: str) -> Answer:
    """What works on it ends at its next step; the best that was found stays."""
    stop_work(studio.jobs, photo)
    return _answer(studio, studio.photos.view(photo))


@router.delete("/photos/{photo}")
def delete(studio: Studio, photo: str) -> Answer:
    """All that is kept of it, files that were made for downloads, too."""
    delete_photo(studio.photos, studio.jobs, studio.workspace, photo)
    return {}


def _answer(studio: Services, view: PhotoView) -> Answer:
    work = see_work(studio.jobs, view.id)
    return {
        "id": view.id,
        "created_at": view.created_at,
        "size": list(view.size),
        "notes": list(view.notes),
        "faces": list(view.faces),
        "frame": asdict(view.frame) if view.frame else None,
        "latents": view.latents,
        "tuning": view.tuning,
        "job": _job_answer(work) if work else None,
    }


def _job_answer(work: PhotoWork) -> Answer:
    job = work.job
    is_stopping = job.is_cancel_requested and work.is_alive
    return {
        "id": job.id,
        "kind": job.kind,
        "generator": job.payload["generator"],
        "state": "stopping" if is_stopping else job.state.value,
        "is_alive": work.is_alive,
        "place": work.place,
        "done": job.done,
        "total": job.total,
        "doing": job.doing,
        "error": job.error,
        "result": dict(job.result) if job.result else None,
    }
