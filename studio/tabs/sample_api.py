"""The named endpoints `/sample` and `/add_to_project`: the Sample tab for gradio_client."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from core.generators import Noise
from core.seeds import parse_seeds
from studio.cache_limits import prune_soon
from studio.notices import raises_notices
from studio.services import Services
from studio.tabs.parts import GPU
from studio.tabs.sample_settings import SampleSettings
from studio.workflows import (
    FaceSettings,
    GalleryRequest,
    SampleRequest,
    keep_faces,
    sample_to_folder,
)


def build_api(services: Services, settings: SampleSettings) -> None:
    noise = gr.Textbox("off", visible=False, label="Noise")  # fixed:3 and the like, too
    _build_sample(services, settings, noise)
    _build_add_to_project(services, settings, noise)


def _build_sample(services: Services, settings: SampleSettings, noise: gr.Textbox) -> None:
    """Inputs generator, seeds, psi, noise, size; outputs the PNGs, latents.npz and figures."""

    @raises_notices
    def sample(
        generator: str, seeds: str, psi: float, noise: str, size: int
    ) -> tuple[list[str], str, dict[str, Any]]:
        request = SampleRequest(
            tuple(parse_seeds(seeds)),
            psi,
            noise=Noise.parse(noise),
            size=int(size),
            generator=generator,
        )
        folder = services.cache / "api" / secrets.token_hex(8)
        figures = sample_to_folder(request, folder, services.models)
        pictures = [str(folder / "images" / f"{seed}.png") for seed in dict.fromkeys(request.seeds)]
        return pictures, str(folder / "latents.npz"), figures

    size = gr.Number(1024, visible=False, label="Picture size (px)", precision=0)
    gr.Button(visible=False).click(
        sample,
        [settings.generator, settings.seeds, settings.psi, noise, size],
        [
            gr.Files(visible=False, label="Pictures"),
            gr.File(visible=False, label="Latents"),
            gr.JSON(visible=False, label="Figures"),
        ],
        api_name="sample",
        api_description="Make one face for each seed: PNG files, latents.npz and the figures.",
        **GPU,
    )


def _build_add_to_project(services: Services, settings: SampleSettings, noise: gr.Textbox) -> None:
    """Inputs generator, seeds, psi, noise, project; output {project_id, face_ids, num_new}."""

    @raises_notices
    def add(generator: str, seeds: str, psi: float, noise: str, project: str) -> dict[str, Any]:
        numbers = tuple(parse_seeds(seeds))
        # Random noise without a seed could not be had again; here it starts at 0, as in the page.
        made = FaceSettings(services.models.name(generator), psi, Noise.parse(noise, seed=0))
        request = GalleryRequest(made, numbers)
        kept = keep_faces(
            request, numbers, project, services.models, services.cache, services.store
        )
        prune_soon(services.cache)
        return {
            "project_id": kept.project_id,
            "face_ids": list(kept.face_ids),
            "num_new": kept.num_new,
        }

    gr.Button(visible=False).click(
        add,
        [
            settings.generator,
            settings.seeds,
            settings.psi,
            noise,
            gr.Textbox("faces", visible=False, label="Project"),
        ],
        gr.JSON(visible=False, label="Added"),
        api_name="add_to_project",
        api_description="Add a face for each seed to a project, which is made if there is none.",
        **GPU,
    )
