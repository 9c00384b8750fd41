"""The left side of the Sample tab: which faces, and how."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.errors import InvalidRequestError
from core.generators import Noise
from core.seeds import MAX_SEED, parse_seeds
from studio.services import Services
from studio.tabs.parts import message_html, note_html
from studio.workflows import FaceSettings, GalleryRequest

DRAWN_BELOW = 10_000_000  # short enough to be read and told
SIZES = [256, 512, 1024]
_PSI_MARKS = (
    '<div class="fl-marks" aria-hidden="true">'
    '<span style="left:46.7%">usual 0.7</span><span style="left:66.7%">1 untruncated</span></div>'
)


class SeedsError(InvalidRequestError):
    """The text in the seeds field is not a list of seeds."""


@dataclass(frozen=True)
class SampleSettings:
    """The widgets; `inputs` in the order that `read_request` takes."""

    generator: gr.Dropdown
    seeds: gr.Textbox
    seeds_note: gr.HTML
    count: gr.Number
    draw: gr.Button
    psi: gr.Slider
    noise: gr.Radio
    noise_seed: gr.Number
    class_index: gr.Number
    min_quality: gr.Slider
    size: gr.Radio

    @property
    def inputs(self) -> list[Any]:
        return [
            self.generator,
            self.seeds,
            self.psi,
            self.noise,
            self.noise_seed,
            self.class_index,
            self.min_quality,
            self.size,
        ]


def build_settings(services: Services) -> SampleSettings:
    names = services.models.names()
    generator = gr.Dropdown(names, value=services.generator, label="Generator", filterable=False)
    seeds, note, count, draw = _build_seeds()
    with gr.Group(elem_classes="fl-field"):
        psi = gr.Slider(0, 1.5, 0.7, step=0.05, label="Psi (truncation)", buttons=[], elem_id="psi")
        gr.HTML(_PSI_MARKS)
    min_quality = gr.Slider(
        0, 100, 0, step=1, label="Least quality", buttons=[], elem_id="min-quality"
    )
    with gr.Row(elem_classes="fl-pair"):
        noise = gr.Radio(["off", "fixed", "random"], value="off", label="Noise", min_width=150)
        noise_seed = gr.Number(
            0,
            label="Noise seed",
            minimum=0,
            maximum=MAX_SEED,
            precision=0,
            visible=False,
            min_width=90,
        )
    size = gr.Radio(SIZES, value=512, label="Picture size (px)", elem_id="size")
    class_index = gr.Number(None, label="Class", precision=0, visible=False)
    settings = SampleSettings(
        generator,
        seeds,
        note,
        count,
        draw,
        psi,
        noise,
        noise_seed,
        class_index,
        min_quality,
        size,
    )
    _wire(settings, services)
    return settings


def _build_seeds() -> tuple[gr.Textbox, gr.HTML, gr.Number, gr.Button]:
    with gr.Group(elem_classes="fl-field"):
        seeds = gr.Textbox(
            "0-15", label="Seeds", max_lines=3, placeholder="0-15 or 3,7,100-120", elem_id="seeds"
        )
        note = gr.HTML(note_html("16 faces, the same each time"))
        with gr.Row(elem_classes="fl-draw", equal_height=True):
            count = gr.Number(16, label="Count", minimum=1, maximum=2000, precision=0, min_width=80)
            draw = gr.Button("Draw seeds", elem_id="draw-seeds", min_width=120)
    return seeds, note, count, draw


def read_request(
    generator: str,
    seeds: str,
    psi: float,
    noise: str,
    noise_seed: float | None,
    class_index: float | None,
    min_quality: float,
    size: int,
) -> GalleryRequest:
    """What the widgets ask for; raises SeedsError for the seeds' text."""
    try:
        numbers = parse_seeds(seeds)
    except InvalidRequestError as error:
        raise SeedsError(str(error)) from error
    made = FaceSettings(
        generator,
        round(psi, 4),
        Noise.parse(noise, None if noise == "off" else int(noise_seed or 0)),
        None if class_index is None else int(class_index),
    )
    return GalleryRequest(made, tuple(numbers), min_quality, int(size))


def seeds_note(text: str) -> str:
    """How many faces the text means, or what is wrong with it."""
    try:
        count = len(set(parse_seeds(text)))
    except InvalidRequestError as error:
        return message_html(str(error))
    return note_html(f"{count} face{'s' * (count != 1)}, the same each time")


def _wire(settings: SampleSettings, services: Services) -> None:
    def drawn(count: float | None) -> str:
        return ",".join(str(secrets.randbelow(DRAWN_BELOW)) for _ in range(int(count or 1)))

    def described(name: str) -> dict[Any, Any]:
        generator = services.models.generator(name)
        classes, modes = generator.mapping.c_dim, ["off", "fixed", "random"]
        if generator.synthesis.baked_noise() is not None:
            modes.append("baked")
        return {
            settings.class_index: gr.Number(
                label=f"Class (0 to {classes - 1})",
                visible=classes > 0,
                value=0 if classes else None,
            ),
            settings.noise: gr.Radio(modes),
        }

    quiet: Any = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
    settings.draw.click(drawn, settings.count, settings.seeds, **quiet)
    settings.seeds.change(seeds_note, settings.seeds, settings.seeds_note, **quiet)
    settings.noise.change(
        lambda mode: gr.Number(visible=mode in ("fixed", "random")),
        settings.noise,
        settings.noise_seed,
        **quiet,
    )
    settings.generator.change(
        described, settings.generator, [settings.class_index, settings.noise], **quiet
    )
