"""People's own sliders of the Control tab: made of a project's faces, renamed, deleted."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from core.latents import LatentSpace
from studio.routes.answers import Answer
from studio.routes.asking import Studio, Tab
from studio.routes.control import slider_answer
from studio.routes.control_frames import Put, Tell, frames_of, steps
from studio.services import Services
from studio.workflows.own_directions import MOST, OwnWish, sets_of_project
from studio.workflows.steering_parts import OWN, Slider

router = APIRouter()

OWN_SLIDER = "own slider"
_MOST_IDS = 2 * MOST


class NewSlider(BaseModel):
    """with_faces, without_faces: ids. part: where it acts. hold: see `OwnWish`."""

    generator: str = Field("", max_length=100)
    project_id: int
    with_faces: list[int] = Field(max_length=_MOST_IDS)
    without_faces: list[int] = Field(max_length=_MOST_IDS)
    title: str = Field(max_length=1000)
    part: Literal["all", "shape", "colours"] = "all"
    hold: list[str] = Field([], max_length=50)


class NewTitle(BaseModel):
    generator: str = Field("", max_length=100)
    title: str = Field(max_length=1000)


@router.post("/own")
def make(studio: Studio, tab: Tab, new: NewSlider) -> StreamingResponse:
    """What cannot be is refused at once; then frames as they come: steps, and 'made' with the
    slider. It is kept when it is measured; stopped before, nothing is."""
    generator = _generator(studio, new.generator)
    own = studio.steering.own
    space = LatentSpace.of(studio.models.generator(generator))
    sets = sets_of_project(studio.store, new.project_id, new.with_faces, new.without_faces, space)
    layers = own.yardstick(generator).layers_of(new.part)
    fitted = own.fit(generator, OwnWish(new.title, layers=layers, hold=tuple(new.hold)), sets)
    sign = studio.stops.begin(tab, OWN_SLIDER)

    def work(tell: Tell, put: Put) -> None:
        kept = own.keep(generator, fitted, steps(tell, sign))
        tell("made", slider=slider_answer(Slider(kept, OWN)))

    frames = frames_of(work, sign)
    return StreamingResponse(
        frames, media_type="application/octet-stream", headers={"cache-control": "no-store"}
    )


@router.post("/own/stop")
def stop(studio: Studio, tab: Tab) -> Answer:
    """The slider that this tab is making is given up at the next step."""
    studio.stops.stop(tab, OWN_SLIDER)
    return {}


@router.patch("/own/{name}")
def rename(studio: Studio, name: str, new: NewTitle) -> Answer:
    """Another title; the name stays, so that links still work."""
    generator = _generator(studio, new.generator)
    return slider_answer(Slider(studio.steering.own.rename(generator, name, new.title), OWN))


@router.delete("/own/{name}")
def delete(studio: Studio, name: str, generator: str = "") -> Answer:
    studio.steering.own.delete(_generator(studio, generator), name)
    return {}


def _generator(studio: Services, asked: str) -> str:
    return studio.models.name(asked or studio.generator)
