"""Recipes of people: read from a form or a text, looked at, and what is wrong told by its key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CoreError, InvalidRequestError
from core.export.plan import Plan
from core.export.recipe import Recipe
from core.export.recipe_text import KEYS, recipe_of
from core.segmentation.store import segmenter_names
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.export_maker import open_directions
from studio.workflows.exporting import chosen_formats
from studio.workflows.segmenters import Segmenters

_KEY = re.compile(r"[a-z_]+")
_STRANGE = re.compile(r"There is no key '([a-z_]+)")


@dataclass(frozen=True)
class Problem:
    """What is wrong. key: of the recipe, its first part; '' where it belongs to none."""

    key: str
    message: str


def of_studio(content: Mapping[Any, Any], generator: str) -> dict[Any, Any]:
    """The same, of the studio's generator where it names none."""
    return {**content, "generator": content.get("generator") or generator}


def look_at(
    content: Mapping[Any, Any], models: ModelCache, workspace: Path
) -> tuple[Recipe | None, Problem | None]:
    """The recipe, None where the values make none, and what keeps it from being exported."""
    try:
        recipe = recipe_of(content)
    except InvalidRequestError as error:
        return None, Problem(key_of(str(error)), str(error))
    for key, check in _CHECKS.items():
        try:
            check(recipe, models, workspace)
        except CoreError as error:
            return recipe, Problem(key, str(error))
    return recipe, None


def check_possible(recipe: Recipe, models: ModelCache, workspace: Path) -> None:
    """Whether all that the recipe names is there. Raises CoreError."""
    for check in _CHECKS.values():
        check(recipe, models, workspace)


def key_of(message: str) -> str:
    """The key that a message of a recipe begins with, or '' for none."""
    found = _STRANGE.match(message) or _KEY.match(message)
    key = found[found.re.groups] if found else ""
    return key if key in KEYS else ""


def promised(recipe: Recipe) -> dict[str, Any]:
    """What follows from the recipe alone: people, and faces of each split."""
    return {"people": recipe.identities, "splits": Plan(recipe).splits}


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


_CHECKS: Mapping[str, Callable[[Recipe, ModelCache, Path], None]] = {
    "generator": _check_generator,
    "segmenter": _check_segmenter,
    "formats": _check_formats,
    "traits": _check_people,
}
