"""The named endpoint `/preview`: faces made to order as in the Control tab, for gradio_client."""

from __future__ import annotations

import json
import math
from typing import Any

import gradio as gr

from core.errors import InvalidRequestError
from studio.cache_limits import prune_soon
from studio.notices import raises_notices
from studio.services import Services
from studio.tabs.parts import GPU
from studio.workflows.steering import Told
from studio.workflows.steering_files import steered_files
from studio.workflows.steering_recipe import FaceRecipe

AS_DRAWN = ""


def build_api(services: Services) -> None:
    """Inputs seed, psi, age, gender, directions, size, mask; outputs picture, mask, figures.

    age: years, 0: as drawn. gender: female, male, or '' for as drawn. directions: JSON, amounts by
    name. size: px, 0: the generator's own.
    """

    @raises_notices
    def preview(
        seed: int, psi: float, age: float, gender: str, directions: str, size: int, mask: bool
    ) -> tuple[str, str | None, dict[str, Any]]:
        recipe = FaceRecipe.of(
            services.generator,
            int(seed),
            psi,
            age=age or None,
            gender=gender.strip() or None,
            directions=parsed_directions(directions),
        )
        identity = services.models.weights.identity(recipe.generator)
        files = steered_files(
            recipe, identity, services.steering, services.cache, size=int(size) or None
        )
        prune_soon(services.cache)
        shown = str(files.mask) if mask and files.mask else None
        notes = []
        if mask and not files.mask:
            notes.append(services.steering.pictures.problem(recipe.generator))
        return str(files.picture), shown, figures(recipe, files.told, notes)

    gr.Button(visible=False).click(
        preview,
        [
            gr.Number(0, visible=False, label="Seed", precision=0),
            gr.Number(0.7, visible=False, label="psi"),
            gr.Number(0, visible=False, label="Age"),
            gr.Textbox(AS_DRAWN, visible=False, label="Gender"),
            gr.Textbox("{}", visible=False, label="Directions"),
            gr.Number(512, visible=False, label="Size", precision=0),
            gr.Checkbox(True, visible=False, label="Mask"),
        ],
        [
            gr.File(visible=False, label="Picture"),
            gr.File(visible=False, label="Mask"),
            gr.JSON(visible=False, label="Estimates"),
        ],
        api_name="preview",
        api_description="Make a face of an age and a gender, moved by sliders, with its mask.",
        **GPU,
    )


def parsed_directions(text: str) -> dict[str, float]:
    """Raises InvalidRequestError for anything but a JSON object of numbers."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise InvalidRequestError(f"directions must be JSON ({error}). {_EXAMPLE}") from error
    is_fit = isinstance(found, dict) and all(type(v) in (int, float) for v in found.values())
    if not is_fit:
        raise InvalidRequestError(f"directions must be amounts by name. {_EXAMPLE}")
    return {str(name): float(amount) for name, amount in found.items()}


_EXAMPLE = 'Write for example {"smile": 1.5}.'


def figures(recipe: FaceRecipe, told: Told | None, notes: list[str]) -> dict[str, Any]:
    """estimates: age and male, the probability; null where there is no face, or no estimator."""
    says = {"age": told.age, "male": told.male} if told else {"age": math.nan, "male": math.nan}
    return {
        "generator": recipe.generator,
        **recipe.facts(),
        "estimates": {
            name: round(value, 3) if math.isfinite(value) else None for name, value in says.items()
        },
        "reached": told.reached if told else None,
        "notes": [*(told.notes if told else ()), *notes],
        "tries": told.tries if told else 0,
    }
