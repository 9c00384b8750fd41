"""Who asks; projects, their faces in pages, and the way from one face to the next."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from annotations.taxonomy import parse_scheme
from studio.people import signed_in
from studio.routes.answers import (
    Answer,
    face_answer,
    project_answer,
    statistics_answer,
)
from studio.routes.asking import Person, Studio, Tab, WantedStatuses

router = APIRouter()

MAX_SCHEME = 1_000_000  # characters


class NewProject(BaseModel):
    """scheme: the text of a label scheme's YAML, None for the 18 classes of a face."""

    name: str
    scheme: str | None = Field(None, max_length=MAX_SCHEME)


@router.get("/me")
def me(request: Request) -> Answer:
    """Who is signed in; without accounts nobody is, and the page asks for a name."""
    name = signed_in(request)
    return {"name": name, "is_signed_in": name is not None}


@router.get("/projects")
def projects(studio: Studio) -> Answer:
    return {"projects": [project_answer(project) for project in studio.store.projects.list()]}


@router.post("/projects", status_code=201)
def create(studio: Studio, person: Person, new: NewProject) -> Answer:
    scheme = None if new.scheme is None else parse_scheme(new.scheme, "The label scheme")
    return project_answer(studio.store.projects.create(new.name, scheme))


@router.get("/projects/{project_id}")
def project(studio: Studio, project_id: int) -> Answer:
    return project_answer(studio.store.projects.get(project_id))


@router.get("/projects/{project_id}/faces")
def faces(
    studio: Studio,
    project_id: int,
    statuses: WantedStatuses,
    offset: int = 0,
    limit: Annotated[int, Query(ge=1)] = 60,
) -> Answer:
    page = studio.store.faces.page(project_id, statuses, offset=offset, limit=limit)
    shown = [face_answer(face) for face in page.faces]
    return {"total": page.total, "offset": page.offset, "faces": shown}


@router.get("/projects/{project_id}/neighbour")
def neighbour(
    studio: Studio,
    project_id: int,
    statuses: WantedStatuses,
    tab: Tab,
    direction: Literal["next", "previous"],
    of: int | None = None,
    free: bool = False,
) -> Answer:
    """free: faces that another tab has open are passed over."""
    free_for = tab if free else None
    known = studio.store.faces
    if direction == "next":
        found = known.next(project_id, of, statuses, free_for=free_for)
    else:
        before = 2**62 if of is None else of
        found = known.previous(project_id, before, statuses, free_for=free_for)
    return {"face": face_answer(found) if found else None}


@router.get("/projects/{project_id}/statistics")
def statistics(studio: Studio, project_id: int) -> Answer:
    scheme = studio.store.projects.get(project_id).scheme
    return statistics_answer(studio.store.statistics.of_project(project_id), scheme)
