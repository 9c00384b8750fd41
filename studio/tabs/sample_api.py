"""The named endpoint `/sample`: for gradio_client what the command line is for a shell."""

from __future__ import annotations

import secrets
from typing import Any

import gradio as gr

from core.generators import Noise
from core.seeds import parse_seeds
from studio.notices import raises_notices
from studio.services import Services
from studio.tabs.parts import GPU
from studio.tabs.sample_settings import SampleSettings
from studio.workflows import SampleRequest, sample_to_folder


def build_api(services: Services, settings: SampleSettings) -> None:
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

    noise = gr.Textbox("off", visible=False, label="Noise")  # fixed:3 and the like, too
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
