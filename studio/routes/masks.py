"""Masks: saved, reviewed, restored. A save is on disk before it is answered."""

from __future__ import annotations

import functools

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from annotations import Status
from studio.routes.answers import Answer, revision_answer, save_answer
from studio.routes.asking import Person, Studio, body_of
from studio.routes.faces import FOR_EVER

router = APIRouter()

MAX_MASK = 20 << 20  # bytes; the largest mask has 16 MiB of pixels


class Verdict(BaseModel):
    """key: made up by whoever asks, so that a repetition is known as one."""

    accept: bool
    comment: str = ""
    key: str


class Restoring(BaseModel):
    """base: the revision in force, as far as whoever asks knows."""

    base: int | None
    comment: str = ""
    key: str


@router.post("/faces/{face_id}/masks")
async def save(
    studio: Studio,
    person: Person,
    request: Request,
    face_id: int,
    status: Status,
    key: str,
    base: int | None = None,
    seconds: float = 0.0,
    comment: str = "",
) -> Answer:
    """Body: a PNG of class ids. The same key means the same save, sent again."""
    png = await body_of(request, MAX_MASK, "The mask")
    keep = functools.partial(
        studio.store.masks.save,
        face_id,
        png,
        person,
        parent_id=base,
        status=status,
        comment=comment,
        seconds=seconds,
        save_key=key,
    )
    return save_answer(await run_in_threadpool(keep))


@router.get("/revisions/{revision_id}/mask.png")
def mask(studio: Studio, revision_id: int) -> Response:
    png = studio.store.masks.png(revision_id)
    return Response(png, media_type="image/png", headers=FOR_EVER)


@router.post("/revisions/{revision_id}/review")
def review(studio: Studio, person: Person, revision_id: int, verdict: Verdict) -> Answer:
    revision = studio.store.masks.review(
        revision_id, person, accept=verdict.accept, comment=verdict.comment, save_key=verdict.key
    )
    return {"revision": revision_answer(revision)}


@router.post("/revisions/{revision_id}/restore")
def restore(studio: Studio, person: Person, revision_id: int, wanted: Restoring) -> Answer:
    saved = studio.store.masks.restore(
        revision_id, person, parent_id=wanted.base, comment=wanted.comment, save_key=wanted.key
    )
    return save_answer(saved)
