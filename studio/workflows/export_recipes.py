"""Recipes of people: read from a form or a text, looked at, and what is wrong told by its key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError, InvalidRequestError
from core.export.plan import Plan, people_by_split
from core.export.recipe import Recipe
from core.export.recipe_text import KEYS, recipe_of
from core.segmentation.store import segmenter_names
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.export_folders import FOLDER
from studio.workflows.export_maker import open_base, open_directions
from studio.workflows.export_painted import open_painted
from studio.workflows.exporting import chosen_formats, painted_facts
from studio.workflows.photo_folder import PREFIX
from studio.workflows.segmenters import Segmenters
from studio.workflows.segmenting import chosen_segmenter

_KEY = re.compile(r"[a-z_]+")
_STRANGE = re.compile(r"There is no key '([a-z_]+)")


Check = Callable[[Recipe, ModelCache, Path], None]


@dataclass(frozen=True)
class Problem:
    """What is wrong. key: of the recipe, its first part; '' where it belongs to none."""

    key: str
    message: str


@dataclass(frozen=True)
class Promised:
    """splits: faces by split. painted: how many of all are."""

    people: int
    splits: Mapping[str, int]
    painted: int = 0

    @property
    def faces(self) -> int:
        return sum(self.splits.values())


@dataclass(frozen=True)
class Looked:
    """recipe: None where the values make none. promised: where nothing is wrong."""

    recipe: Recipe | None
    problem: Problem | None = None
    promised: Promised | None = None


def of_studio(content: Mapping[Any, Any], generator: str) -> dict[Any, Any]:
    """The same, of the studio's generator where faces are to be made and none is named."""
    if content.get("count") == 0:
        return dict(content)
    return {**content, "generator": content.get("generator") or generator}


def look_at(content: Mapping[Any, Any], models: ModelCache, workspace: Path) -> Looked:
    """What the values mean, and what keeps that from being exported."""
    try:
        recipe = recipe_of(content)
    except InvalidRequestError as error:
        return Looked(None, Problem(key_of(str(error)), str(error)))
    for key, check in _checks(recipe).items():
        try:
            check(recipe, models, workspace)
        except CoreError as error:
            return Looked(recipe, Problem(key_of(str(error)) or key, str(error)))
    try:
        return Looked(recipe, None, promised(recipe, workspace))
    except InvalidRequestError as error:
        return Looked(recipe, Problem(key_of(str(error)), str(error)))


def check_possible(recipe: Recipe, models: ModelCache, workspace: Path) -> Promised:
    """Refuse a recipe that names what is not there. Raises CoreError."""
    for check in _checks(recipe).values():
        check(recipe, models, workspace)
    return promised(recipe, workspace)


def key_of(message: str) -> str:
    """The key that a message of a recipe begins with, or '' for none."""
    found = _STRANGE.match(message) or _KEY.match(message)
    key = found[found.re.groups] if found else ""
    return key if key in KEYS else ""


def promised(recipe: Recipe, workspace: Path) -> Promised:
    """What follows from the recipe, and the project that it names. Raises InvalidRequestError."""
    if recipe.project is None:  # at once: the plan of a million people takes seconds
        sizes = people_by_split(recipe.identities, recipe.shares)
        variants = recipe.variants.count
        return Promised(recipe.identities, {split: n * variants for split, n in sizes.items()})
    with open_painted(recipe, workspace / FOLDER, workspace) as painted:
        faces = () if painted is None else painted.faces
    plan = Plan(recipe, faces)
    people = recipe.identities + len({face.person for face in faces})
    return Promised(people, plan.splits, len(faces))


def offered_segmenters(weights: WeightStore, generator: str) -> list[str]:
    """Names that a recipe of the studio may hold, the default one first."""
    return segmenter_names(weights, generator)


def _check_generator(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    models.name(recipe.generator)


def _check_segmenter(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    """Paths are for the command: a page must not look at files of the machine."""
    generator = models.name(recipe.generator)
    known = offered_segmenters(models.weights, generator)
    if recipe.segmenter is not None and recipe.segmenter not in known:
        raise InvalidRequestError(
            f"segmenter must be one of {', '.join(known) or 'none yet'}, or left out for the one "
            f"in force; is '{recipe.segmenter:.80}'. A file can be named to the command "
            "launch.py export only."
        )
    if recipe.segmenter is None and Segmenters(models, workspace).version(generator) is None:
        raise InvalidRequestError(
            f"segmenter: there is none for generator '{generator}' yet, so there are no masks. "
            "Train one in the Train tab and choose 'Use as the segmenter'."
        )


def _check_formats(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    chosen_formats(recipe)


def _check_people(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    if any(trait.name.endswith(".safetensors") for trait in recipe.traits):
        raise InvalidRequestError(
            "traits: a file can be named to the command launch.py export only. Put it into the "
            "workspace's folder directions/ and write its name."
        )
    open_directions(recipe, models, workspace)


def _check_base(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    if recipe.base and not recipe.base.name.startswith(PREFIX):
        raise InvalidRequestError(
            f"base must be {PREFIX} with the id of a photo; a file can be named to the command "
            "launch.py export only."
        )
    open_base(recipe, models, workspace)


def _check_project(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    with open_painted(recipe, workspace / FOLDER, workspace) as painted:
        if painted is None:
            return
        if not recipe.count:
            painted_facts(Plan(recipe, painted.faces), painted, models)
            return
        name = models.name(recipe.generator)
        segmenter = chosen_segmenter(models, workspace, name, recipe.segmenter)
        painted.check_with(models.weights.identity(name), segmenter.classes)


def _checks(recipe: Recipe) -> dict[str, Check]:
    """By the key that a complaint belongs to."""
    checks: dict[str, Check] = {"generator": _check_generator, "formats": _check_formats}
    if recipe.count:
        checks |= {"segmenter": _check_segmenter, "traits": _check_people, "base": _check_base}
    return {**checks, "project": _check_project} if recipe.project else checks
