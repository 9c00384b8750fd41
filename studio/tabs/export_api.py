"""The named endpoint `/export`: the Export tab for gradio_client; `/job` tells how far it is."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.export.recipe_text import parse_recipe, recipe_of
from studio.notices import raises_notices
from studio.services import Services
from studio.tabs.train_api import job_answer, name_of
from studio.workflows.export_recipes import of_studio
from studio.workflows.exports import start_export


def build_api(services: Services) -> None:
    """Input a recipe as YAML, '' for the default one; output the queued job, as `/job` tells it,
    with the folder."""

    @raises_notices
    def export(recipe: str, request: gr.Request) -> dict[str, Any]:
        asked = recipe_of(of_studio(parse_recipe(recipe), services.generator))
        person = name_of(request)
        job = start_export(asked, services.workspace, services.models, services.jobs, person)
        folder = services.workspace / "exports" / str(job.payload["export"])
        return {**job_answer(job), "out": str(folder)}

    gr.Button(visible=False).click(
        export,
        gr.Textbox("", visible=False, label="Recipe, YAML"),
        gr.JSON(visible=False, label="Job"),
        api_name="export",
        api_description="Queue an export; ask /job how far it is.",
    )
