"""The Walk view: a video through the picked faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from core.progress import OnStep
from core.seeds import parse_seeds
from studio.notices import tells
from studio.services import Services
from studio.tabs.job_controls import PRIVATE, JobControls, build_buttons, build_strip
from studio.tabs.parts import GPU, file_url
from studio.watching import watch
from studio.workflows import FaceSettings, GalleryRequest, walk_to_cache


def build_walk(services: Services, tab: gr.Tab, grid: gr.HTML, shown: gr.State) -> None:
    build_strip()
    with gr.Row(equal_height=True, elem_classes="fl-controls"):
        seeds = gr.Textbox(
            label="Seeds on the way", elem_id="walk-seeds", max_lines=2, scale=3, min_width=220
        )
        steps = gr.Number(
            30,
            label="Frames between",
            minimum=1,
            maximum=600,
            precision=0,
            min_width=120,
            elem_id="walk-steps",
            elem_classes="fl-narrow",
        )
        size = gr.Dropdown(
            [256, 512, 1024], value=512, label="Size (px)", min_width=100, elem_classes="fl-narrow"
        )
        loop = gr.Checkbox(True, label="Loop", min_width=70, elem_classes="fl-check")
        buttons = build_buttons("walk", "Make video")
    controls = JobControls(*buttons, gr.HTML("", elem_id="walk-status"))
    video = gr.HTML("", elem_id="walk-video")

    @tells(controls.complain)
    def run(
        text: str,
        frames: float,
        pixels: int,
        back: bool,
        faces: GalleryRequest | None,
        request: gr.Request,
    ) -> Iterator[dict[Any, Any]]:
        settings = faces.settings if faces else FaceSettings(services.generator)
        job = _walk(services, settings, parse_seeds(text), int(frames or 1), int(pixels), loop=back)
        for seen in watch(job, services.stops.begin(str(request.session_hash), "walk")):
            update = controls.show(seen)
            if seen.state == "done":
                update[video] = _video_html(seen.result)
            yield update

    controls.start.click(
        run, [seeds, steps, size, loop, shown], [*controls.outputs, video], **GPU, **PRIVATE
    )
    controls.wire_cancel(services, "walk")
    _fill_from_picks(tab, grid, seeds)


def _walk(
    services: Services,
    settings: FaceSettings,
    seeds: list[int],
    steps: int,
    size: int,
    *,
    loop: bool,
) -> Callable[[Callable[[Any], None], OnStep], Path]:
    def job(on_item: Callable[[Any], None], on_step: OnStep) -> Path:
        return walk_to_cache(
            settings,
            tuple(seeds),
            services.models,
            services.cache,
            on_step,
            steps=steps,
            size=size,
            loop=loop,
        )

    return job


def _fill_from_picks(tab: gr.Tab, grid: gr.HTML, seeds: gr.Textbox) -> None:
    """When the view opens, write the picks; what was typed stays while they are the same."""
    last = gr.State([])

    def fill(picks: list[int], before: list[int]) -> tuple[Any, list[int]]:
        if not picks or picks == before:
            return gr.skip(), before
        return ",".join(map(str, picks)), picks

    tab.select(fill, [grid, last], [seeds, last], queue=False, **PRIVATE)


def _video_html(path: Path) -> str:
    url = escape(file_url(path), quote=True)
    return (
        f'<div class="fl-video"><video src="{url}" controls autoplay loop muted playsinline>'
        f"</video>"
        f'<a class="fl-button" href="{url}" download="walk.mp4">Download MP4</a></div>'
    )
