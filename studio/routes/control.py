"""The Control tab: a recipe in; a preview, or the whole face as it comes about, out."""

from __future__ import annotations

import functools
import logging
import threading
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse

from core.errors import Cancelled, CoreError, InvalidRequestError
from core.generators import Identity
from core.regions import PARTS as FACE_PARTS
from core.regions import SOFTNESS, Take
from studio.cache_limits import prune_soon
from studio.routes.answers import Answer
from studio.routes.asking import Studio, Tab, raise_if
from studio.routes.control_frames import SMALL, face_frame, face_frames, jpeg_of
from studio.services import Services
from studio.workflows.keeping import keep_face
from studio.workflows.own_directions import FEWEST, HOLDS, MOST, PARTS, told_of
from studio.workflows.photo_folder import PREFIX as PREFIX_OF_PHOTOS
from studio.workflows.steering_files import FaceFiles, steered_face, steered_files
from studio.workflows.steering_parts import GROUPS, OWN, Slider
from studio.workflows.steering_pictures import PREVIEW_SIZES, QUICK_MS, SLOW_MS
from studio.workflows.steering_recipe import LOCKS, FaceRecipe, recipes_as_yaml

log = logging.getLogger(__name__)

PREFIX = "/control"
router = APIRouter()

PREVIEW, FACE, BEFORE = "control preview", "control face", "control before"
_SUPERSEDED = 204
_MAX_RECIPES = 1000
_SEED_DIGITS = 10
_NOT_KEPT = {"cache-control": "no-store"}


class Wanted(BaseModel):
    """See `FaceRecipe`. generator: '' for the one that the studio was started with. photo: the id
    of one, whose face it is instead of the seed's. take: by part how far its shape and its
    texture go towards the source's."""

    generator: str = Field("", max_length=100)
    seed: int = 0
    psi: float = 0.7
    age: float | None = None
    gender: str | None = Field(None, max_length=20)
    directions: dict[str, float] = {}
    keep: list[str] = Field([], max_length=50)
    mixing: float = 0.0
    photo: str = Field("", max_length=40)
    take: dict[str, tuple[float, float]] = {}
    source: str = Field("", max_length=40)
    softness: float = SOFTNESS

    def recipe(self, studio: Services) -> FaceRecipe:
        name = studio.models.name(self.generator or studio.generator)
        return FaceRecipe.of(
            name,
            self.seed,
            self.psi,
            age=self.age,
            gender=self.gender,
            directions=self.directions,
            locks=self.keep,
            mixing=self.mixing,
            base=f"{PREFIX_OF_PHOTOS}{self.photo}" if self.photo else "",
            takes=[Take(part, *amounts) for part, amounts in self.take.items()],
            source=self.source,
            softness=self.softness,
        )


class Kept(BaseModel):
    """project: its id, or the name of one that is made where it is missing."""

    recipe: Wanted
    project: int | str


class Recipes(BaseModel):
    recipes: list[Wanted] = Field(min_length=1, max_length=_MAX_RECIPES)


@router.get("/options")
def options(studio: Studio, generator: str = "") -> Answer:
    """What can be asked of a generator, what of that is missing, and how it is had."""
    name = studio.models.name(generator or studio.generator)
    network = studio.models.generator(name)
    steering = studio.steering
    # no daemon: a compiler that is cut off by the end of Python crashes
    threading.Thread(target=_prepare, args=(studio, name), name="control").start()
    sliders = steering.parts.sliders(name)
    classes = steering.pictures.classes(name)
    return {
        "generator": name,
        "generators": studio.models.names(),
        "generator_sha256": network.identity.sha256,
        "resolution": network.resolution,
        "preview_sizes": list(PREVIEW_SIZES),
        "preview_ms": [QUICK_MS, SLOW_MS],
        "classes": []
        if classes is None
        else [
            {"id": id_, "name": called, "color": "#{:02x}{:02x}{:02x}".format(*colour)}
            for id_, called, colour in zip(classes.ids, classes.names, classes.colours, strict=True)
        ],
        "groups": list(GROUPS),
        "sliders": [slider_answer(slider) for slider in sliders.by_name.values()],
        "own": {"parts": list(PARTS), "holds": list(HOLDS), "fewest": FEWEST, "most": MOST},
        "locks": [
            {"name": called, "title": lock.title, "about": lock.about}
            for called, lock in LOCKS.items()
        ],
        "take": {
            "parts": [
                {"name": part, "title": FACE_PARTS[part].title}
                for part in steering.mixing.offered(name)
            ],
            "has_codes": steering.mixing.has_codes(name),
            "softness": SOFTNESS,
        },
        "missing": {
            "parts": steering.mixing.problem(name),
            "control": steering.parts.missing_control(name),
            "sliders": sliders.missing,
            "masks": steering.pictures.problem(name),
        },
        "problems": list(sliders.problems),
    }


@router.post("/preview")
async def preview(
    studio: Studio, tab: Tab, wanted: Wanted, sequence: int = 0, size: int = PREVIEW_SIZES[0]
) -> Response:
    """One small frame. A later request of the same tab stops it; it is then answered with 204.
    sequence: counts the requests of a tab, since they may arrive in another order."""
    recipe = wanted.recipe(studio)
    studio.stops.stop(tab, FACE, sequence)
    sign = studio.stops.begin(tab, PREVIEW, sequence)
    check = functools.partial(raise_if, sign)
    try:
        shown = await run_in_threadpool(studio.steering.preview, recipe, size, check)
    except Cancelled:
        return Response(status_code=_SUPERSEDED)
    content = face_frame(shown, SMALL, sequence=sequence)
    return Response(content, media_type="application/octet-stream", headers=_NOT_KEPT)


@router.post("/face")
def face(
    studio: Studio, tab: Tab, wanted: Wanted, sequence: int = 0, before: bool = False
) -> Response:
    """Frames as they come: steps, the face ('is_final': false while it is not the last one),
    what the estimator says. before: beside another face of this tab, which goes on."""
    recipe = wanted.recipe(studio)
    work = BEFORE if before else FACE
    if not before:
        studio.stops.stop(tab, PREVIEW, sequence)
    sign = studio.stops.begin(tab, work, sequence)
    frames = face_frames(studio.steering, recipe, sign, sequence)
    return StreamingResponse(frames, media_type="application/octet-stream", headers=_NOT_KEPT)


@router.post("/stop")
def stop(studio: Studio, tab: Tab, sequence: int = 0) -> Answer:
    """What this tab has under way ends at its next step. sequence: of the last request that is
    meant; 0: all."""
    for work in (PREVIEW, FACE):
        studio.stops.stop(tab, work, sequence)
    return {}


@router.get("/face.png")
def png(studio: Studio, recipe: Annotated[str, Query(max_length=20_000)]) -> Response:
    """recipe: JSON. The picture at full size, with the recipe in its text chunks."""
    return _download(studio, recipe, "picture")


@router.get("/face.npy")
def npy(studio: Studio, recipe: Annotated[str, Query(max_length=20_000)]) -> Response:
    """recipe: JSON. float32 [L, D]."""
    return _download(studio, recipe, "latents")


@router.get("/mask.png")
def mask(studio: Studio, recipe: Annotated[str, Query(max_length=20_000)]) -> Response:
    """recipe: JSON. Class ids with their colours."""
    return _download(studio, recipe, "mask")


@router.get("/source.jpg")
def source(studio: Studio, source: str, generator: str = "", psi: float = 0.7) -> Response:
    """A small picture of the face that parts are taken from. psi: of seeds; photos are as found."""
    of_photo = source if source.startswith(PREFIX_OF_PHOTOS) else ""
    seed = source.removeprefix("seed:")
    if not of_photo and not (seed.isdecimal() and len(seed) <= _SEED_DIGITS):
        raise InvalidRequestError(
            f"A face is 'seed:' with a number or 'photo:', not '{source:.40}'."
        )
    name = studio.models.name(generator or studio.generator)
    if of_photo:
        recipe = FaceRecipe.of(name, 0, 1, base=of_photo)
    else:
        recipe = FaceRecipe.of(name, int(seed), psi)
    shown = studio.steering.preview(recipe, PREVIEW_SIZES[-1], lambda: None)
    return Response(jpeg_of(shown.picture, SMALL), media_type="image/jpeg", headers=_NOT_KEPT)


@router.post("/keep")
def keep(studio: Studio, kept: Kept) -> Answer:
    """The face into a project, to be painted there."""
    recipe = kept.recipe.recipe(studio)
    identity = _identity(studio, recipe)
    made = steered_face(recipe, identity, studio.steering, studio.cache)
    done = keep_face(made, kept.project, studio.store)
    prune_soon(studio.cache)
    return {
        "project_id": done.project_id,
        "project_name": done.project_name,
        "face_id": done.face_ids[0],
        "is_new": bool(done.num_new),
    }


@router.post("/recipe")
def recipe_file(studio: Studio, wanted: Recipes) -> Answer:
    """The text of a YAML file that says how to make these faces again."""
    recipes = [each.recipe(studio) for each in wanted.recipes]
    sha256 = {each.generator: _identity(studio, each).sha256 for each in recipes}
    bases = {
        (photo, each.generator): studio.steering.photo_ws(photo, each.generator)
        for each in recipes
        for photo in each.photos
    }
    return {"yaml": recipes_as_yaml(recipes, sha256, bases)}


def slider_answer(slider: Slider) -> Answer:
    direction = slider.direction
    return {
        "name": direction.name,
        "title": direction.title,
        "attribute": direction.attribute,
        "group": slider.group,
        "safe": list(direction.safe),
        "about": told_of(direction) if slider.group == OWN else "",
    }


def _prepare(studio: Services, generator: str) -> None:
    try:
        studio.steering.prepare(generator, PREVIEW_SIZES)
    except CoreError as error:  # told again when a face is asked for
        log.warning("Not ready yet: %s", error)


def _identity(studio: Services, recipe: FaceRecipe) -> Identity:
    return studio.models.weights.identity(recipe.generator)


def _download(studio: Services, recipe: str, part: str) -> Response:
    wanted = _parsed(recipe).recipe(studio)
    files: FaceFiles = steered_files(
        wanted, _identity(studio, wanted), studio.steering, studio.cache
    )
    prune_soon(studio.cache)
    path = getattr(files, part)
    if path is None:
        raise InvalidRequestError(studio.steering.pictures.problem(wanted.generator))
    return FileResponse(path, filename=f"face-{path.name}", headers=_NOT_KEPT)


def _parsed(recipe: str) -> Wanted:
    try:
        return Wanted.model_validate_json(recipe)
    except ValueError as error:
        raise InvalidRequestError(f"The recipe cannot be read: {error!s:.300}") from error
