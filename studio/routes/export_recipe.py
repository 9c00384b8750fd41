"""The form of the Export tab: what can be asked for, what a recipe means, a sample of it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import APIRouter
from PIL import Image
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from annotations import FaceStatus, encode_mask
from annotations.records import JobState
from annotations.taxonomy import LabelClass, LabelScheme
from core.attributes.measures import ATTRIBUTES
from core.errors import InvalidRequestError
from core.export.engines import engines_here
from core.export.recipe import CHANGES, IMAGES, SIZES, Recipe
from core.export.recipe_text import parse_recipe, recipe_of, recipe_text
from core.export.sample import DatasetFacts, Sample
from studio.export_formats import FORMATS
from studio.routes.answers import Answer
from studio.routes.asking import Studio, Tab
from studio.routes.control_frames import Put, Tell, Work, framed, frames_of, jpeg_of, steps
from studio.services import Services
from studio.workflows.export_painted import STATUSES
from studio.workflows.export_recipes import (
    Looked,
    Problem,
    look_at,
    of_studio,
    offered_segmenters,
)
from studio.workflows.export_views import start_seconds
from studio.workflows.recipe_of_faces import is_of_faces, recipe_of_faces
from studio.workflows.segmenter_choice import promoted

PREFIX = "/export"
router = APIRouter()

SAMPLE = "export sample"
MAX_TEXT = 200_000  # characters of a recipe
SHOWN, QUALITY = 320, 88  # px and quality of a sample's pictures
_SMOOTH, _NEAREST = Image.Resampling.BOX, Image.Resampling.NEAREST
_TOLD = (
    "identity",
    "variant",
    "seed",
    "attempt",
    "asked",
    "measured",
    "quality",
    "faults",
    "painted_by",
)
_ASKED_OTHERWISE = ("age", "male")  # by keys of their own


class Given(BaseModel):
    """A recipe as values of a form, or as a YAML text; also one of faces of the Control tab."""

    recipe: dict[str, Any] | None = None
    text: str | None = Field(None, max_length=MAX_TEXT)


@router.get("/options")
def options(studio: Studio, generator: str = "") -> Answer:
    """What can be asked of a generator, what of that is missing, and what is asked at first."""
    name = studio.models.name(generator or studio.generator)
    sliders = studio.steering.parts.sliders(name)
    choice = promoted(studio.workspace)
    return {
        "generator": name,
        "generators": studio.models.names(),
        "projects": _projects(studio),
        "segmenters": offered_segmenters(studio.models.weights, name),
        "promoted": choice.run if choice else None,
        "formats": [{"name": known.name, "title": known.title} for known in FORMATS.values()],
        "sizes": list(SIZES),
        "images": list(IMAGES),
        "changes": list(CHANGES),
        "engines": list(engines_here()),
        "attributes": [
            {"name": a.name, "title": a.title, "unit": a.unit, "low": a.low, "high": a.high}
            for a in ATTRIBUTES.values()
            if a.name not in _ASKED_OTHERWISE
        ],
        "sliders": [
            {"name": known, "title": slider.direction.title, "safe": list(slider.direction.safe)}
            for known, slider in sliders.by_name.items()
        ],
        "missing": {
            "control": studio.steering.parts.missing_control(name),
            "sliders": sliders.missing,
        },
        **_answer(studio, {"generator": name}),
    }


@router.post("/recipe")
def recipe(studio: Studio, given: Given) -> Answer:
    """What it means: values of all keys and a YAML text, null where it means nothing; what is
    wrong with it and at which key; what follows from it; notes on what was left out."""
    if given.text is None:
        return _answer(studio, given.recipe or {})
    try:
        content, notes = parse_recipe(given.text), list[str]()
        if is_of_faces(content):
            content, notes = recipe_of_faces(content)
    except InvalidRequestError as error:
        return _told(Looked(None, Problem("", str(error))))
    return {**_answer(studio, content), "notes": notes}


@router.post("/sample")
def sample(studio: Studio, tab: Tab, given: Given, sequence: int = 0) -> StreamingResponse:
    """Frames as they come: steps, faces (JPEG, and their mask as a coloured PNG), an estimate.
    A later request of the same tab stops it."""
    asked = asked_of(studio, given)
    sign = studio.stops.begin(tab, SAMPLE, sequence)
    stream = frames_of(_sampling(studio, asked, sign), sign, sequence=sequence)
    return StreamingResponse(
        stream, media_type="application/octet-stream", headers={"cache-control": "no-store"}
    )


@router.post("/sample/stop")
def stop(studio: Studio, tab: Tab, sequence: int = 0) -> Answer:
    """The sample that this tab waits for ends at its next face."""
    studio.stops.stop(tab, SAMPLE, sequence)
    return {}


def asked_of(studio: Services, given: Given) -> Recipe:
    """Of values of a form. Raises InvalidRequestError."""
    return recipe_of(of_studio(given.recipe or {}, studio.generator))


def _sampling(studio: Services, asked: Recipe, sign: threading.Event) -> Work:
    def work(tell: Tell, put: Put) -> None:
        is_busy = bool(studio.jobs.list([JobState.RUNNING]))
        estimate = studio.sampler.sample(
            asked,
            lambda made, facts: put(_face(made, facts)),
            steps(tell, sign),
            start_seconds(studio.jobs),
        )
        tell("estimate", **dataclasses.asdict(estimate), is_busy=is_busy)

    return work


def _face(made: Sample, facts: DatasetFacts) -> bytes:
    picture = np.asarray(Image.fromarray(made.image).resize((SHOWN, SHOWN), _SMOOTH))
    labels = np.asarray(Image.fromarray(made.mask).resize((SHOWN, SHOWN), _NEAREST))
    told = {key: made.record.get(key) for key in _TOLD}
    return framed(
        {"kind": "face", "place": made.order.place, "size": facts.size, **told},
        jpeg_of(picture, QUALITY),
        encode_mask(labels, _scheme(facts)),
    )


def _scheme(facts: DatasetFacts) -> LabelScheme:
    """How masks are coloured."""
    classes = (
        LabelClass(known.id, known.name, "#{:02x}{:02x}{:02x}".format(*known.rgb))
        for known in facts.classes
    )
    return LabelScheme(facts.scheme, tuple(classes))


def _answer(studio: Services, content: Mapping[Any, Any]) -> Answer:
    wanted = of_studio(content, studio.generator)
    return _told(look_at(wanted, studio.models, studio.workspace))


def _told(looked: Looked) -> Answer:
    found, problem, promised = looked.recipe, looked.problem, looked.promised
    return {
        "recipe": found and found.plain(),
        "text": found and recipe_text(found),
        "problem": problem and dataclasses.asdict(problem),
        "promised": promised and dataclasses.asdict(promised),
        "notes": [],
    }


def _projects(studio: Services) -> list[Answer]:
    """With how many of their faces are finished, and how many of these a review accepted."""
    return [
        {
            "name": project.name,
            "done": sum(project.num_faces.get(FaceStatus(each), 0) for each in STATUSES["done"]),
            "reviewed": sum(
                project.num_faces.get(FaceStatus(each), 0) for each in STATUSES["reviewed"]
            ),
        }
        for project in studio.store.projects.list()
    ]
