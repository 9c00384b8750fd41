"""People's own photos in the Control tab: uploaded, framed, used, looked at, deleted."""

from __future__ import annotations

import shutil
from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from core.inversion.frame import Frame
from core.inversion.photo_files import MOST_BYTES
from studio.routes.answers import Answer
from studio.routes.asking import Studio, body_of
from studio.routes.refusals import RefusedError
from studio.workflows.photos import PhotoView
from studio.workflows.steering_files import cached_of_base

router = APIRouter()

_PICTURES = {
    "shown.jpg": "image/jpeg",
    "thumbnail.jpg": "image/jpeg",
    "aligned.png": "image/png",
}
_ASKED_EACH_TIME = {"cache-control": "no-cache"}  # and never kept by anybody between


class GivenFrame(BaseModel):
    """See `Frame`; px of the photo."""

    centre_x: float
    centre_y: float
    side: float
    angle: float


class Used(BaseModel):
    generator: str = Field("", max_length=100)
    frame: GivenFrame


@router.get("/photos")
def list_(studio: Studio) -> Answer:
    """All of the workspace, the newest first."""
    return {"photos": [photo_answer(view) for view in studio.photos.views()]}


@router.post("/photos")
async def upload(studio: Studio, request: Request) -> Answer:
    """The body is the file, as it is. The answer has the faces that were found in it."""
    content = await body_of(request, MOST_BYTES, "The photo")
    return photo_answer(await run_in_threadpool(studio.photos.add, content))


@router.get("/photos/{photo}")
def one(studio: Studio, photo: str) -> Answer:
    return photo_answer(studio.photos.view(photo))


@router.get("/photos/{photo}/{picture}")
def picture(studio: Studio, photo: str, picture: str) -> Response:
    """shown.jpg: the whole photo. aligned.png, thumbnail.jpg: the face in its frame."""
    path = studio.photos.folders.get(photo).path / picture
    if picture not in _PICTURES or not path.is_file():
        raise RefusedError(404, "not_found", f"The photo has no {picture:.40} (yet).")
    return FileResponse(path, media_type=_PICTURES[picture], headers=_ASKED_EACH_TIME)


@router.post("/photos/{photo}/use")
def use(studio: Studio, photo: str, used: Used) -> Answer:
    """The frame is cut out, and the generator's first latents of it are found."""
    generator = studio.models.name(used.generator or studio.generator)
    frame = Frame(**used.frame.model_dump())
    return photo_answer(studio.photos.use(photo, frame, generator))


@router.delete("/photos/{photo}")
def delete(studio: Studio, photo: str) -> Answer:
    """All that is kept of it, files that were made for downloads, too."""
    base = studio.photos.folders.get(photo).base
    studio.photos.folders.delete(photo)
    shutil.rmtree(cached_of_base(studio.cache, base), ignore_errors=True)
    return {}


def photo_answer(view: PhotoView) -> Answer:
    return {
        "id": view.id,
        "created_at": view.created_at,
        "size": list(view.size),
        "notes": list(view.notes),
        "faces": list(view.faces),
        "frame": asdict(view.frame) if view.frame else None,
        "latents": view.latents,
    }
