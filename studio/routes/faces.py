"""One face: its facts, its pictures, its regions, and who has it open."""

from __future__ import annotations

from fastapi import APIRouter, Query
from starlette.responses import Response

from studio.routes.answers import Answer, face_answer, presence_answer, revision_answer
from studio.routes.asking import Person, Studio, Tab, WantedStatuses
from studio.workflows.regions import face_regions

router = APIRouter()

FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


@router.get("/faces/{face_id}")
def face(studio: Studio, face_id: int, statuses: WantedStatuses) -> Answer:
    """place: its place in the project's list of faces of these statuses."""
    found = studio.store.faces.get(face_id)
    return {
        "face": face_answer(found),
        "presence": presence_answer(studio.store.leases.presence(face_id)),
        "place": studio.store.faces.place(found.project_id, face_id, statuses),
    }


@router.delete("/faces/{face_id}")
def remove(studio: Studio, person: Person, face_id: int, with_masks: bool = False) -> Answer:
    studio.store.faces.remove(face_id, with_masks=with_masks)
    return {}


@router.get("/faces/{face_id}/picture.png")
def picture(studio: Studio, face_id: int) -> Response:
    return Response(studio.store.faces.picture(face_id), media_type="image/png", headers=FOR_EVER)


@router.get("/faces/{face_id}/thumbnail.jpg")
def thumbnail(studio: Studio, face_id: int) -> Response:
    bytes_ = studio.store.faces.thumbnail(face_id)
    return Response(bytes_, media_type="image/jpeg", headers=FOR_EVER)


@router.get("/faces/{face_id}/regions")
def regions(studio: Studio, face_id: int) -> Response:
    """For the smart brush, in the form of core.superpixels.wire; computed when first asked for."""
    wire = face_regions(studio.store, studio.models, studio.cache, face_id)
    headers = {"content-encoding": "gzip", "cache-control": "no-store"}
    return Response(wire, media_type="application/octet-stream", headers=headers)


@router.get("/faces/{face_id}/revisions")
def revisions(studio: Studio, face_id: int) -> Answer:
    """Oldest first."""
    history = studio.store.masks.history(face_id)
    return {"revisions": [revision_answer(revision) for revision in history]}


@router.post("/faces/{face_id}/lease")
def hold(studio: Studio, person: Person, tab: Tab, face_id: int) -> Answer:
    """Say that the face is open here; the answer also tells what is in force by now."""
    presence = studio.store.leases.hold(face_id, person, tab)
    found = studio.store.faces.get(face_id)
    return {
        "presence": presence_answer(presence),
        "current_id": found.current.id if found.current else None,
        "status": found.status,
    }


@router.delete("/faces/{face_id}/lease")
def release(studio: Studio, tab: Tab, face_id: int) -> Answer:
    studio.store.leases.release(face_id, tab)
    return {}


@router.post("/leave")
def leave(studio: Studio, tab: str = Query(min_length=1, max_length=100)) -> Answer:
    """When a page is closed; a beacon has no headers, so the tab is in the address."""
    studio.store.leases.release_all(tab)
    return {}
