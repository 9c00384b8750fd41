"""The Sample tab: settings at the left; at the right the faces, walks and mixing grids."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from core.progress import OnStep
from studio.cache_limits import prune_soon
from studio.notices import raises_notices, tells
from studio.services import Services
from studio.tabs import face_grid
from studio.tabs.job_controls import PRIVATE, JobControls, build_buttons
from studio.tabs.parts import GPU, message_html
from studio.tabs.sample_api import build_api
from studio.tabs.sample_keep import build_keep
from studio.tabs.sample_mixing import build_mixing
from studio.tabs.sample_settings import (
    SampleSettings,
    SeedsError,
    build_settings,
    read_request,
    seeds_note,
)
from studio.tabs.sample_walk import build_walk
from studio.watching import watch
from studio.workflows import GalleryRequest, make_gallery, open_face, save_latents
from studio.workflows.mask_pictures import MaskPictures


def build(services: Services) -> None:
    """The whole tab. `shown` holds the request whose faces are on the screen."""
    shown = gr.State(None)
    with gr.Row(elem_id="sample-tab", equal_height=False):
        with gr.Column(scale=0, min_width=300, elem_id="sample-settings"):
            settings = build_settings(services)
            with gr.Column(elem_id="sample-actions"):
                buttons = build_buttons("sample", "Sample")
                controls = JobControls(*buttons, gr.HTML("", elem_id="sample-status"))
        with gr.Column(scale=1, min_width=400, elem_id="sample-results"), gr.Tabs():
            with gr.Tab("Faces", elem_id="faces-view"):
                grid = face_grid.build_grid()
                build_keep(services, shown)
            with gr.Tab("Walk", elem_id="walk-view") as walk:
                build_walk(services, walk, grid, shown)
            with gr.Tab("Mixing", elem_id="mixing-view") as mixing:
                build_mixing(services, mixing, grid, shown)
    _wire_sampling(services, settings, controls, grid, shown)
    _wire_grid(services, grid, shown)
    build_api(services, settings)


def _wire_sampling(
    services: Services,
    settings: SampleSettings,
    controls: JobControls,
    grid: gr.HTML,
    shown: gr.State,
) -> None:
    def complain(error: Exception) -> dict[Any, Any]:
        if not isinstance(error, SeedsError):
            return controls.complain(error)
        note = message_html(str(error))
        return {controls.status: "", settings.seeds_note: note, **controls.idle()}

    @tells(complain)
    def run(
        generator: str,
        seeds: str,
        psi: float,
        noise: str,
        noise_seed: float | None,
        class_index: float | None,
        min_quality: float,
        size: int,
        request: gr.Request,
    ) -> Iterator[dict[Any, Any]]:
        wanted = read_request(
            generator, seeds, psi, noise, noise_seed, class_index, min_quality, size
        )
        masks = MaskPictures.of(services.segmenters, wanted.settings.generator)
        job = functools.partial(_gallery, services, wanted, masks)
        name = face_grid.new_run()
        for seen in watch(job, services.stops.begin(str(request.session_hash), "sample")):
            left_out = f"{seen.result} below the least quality left out" if seen.result else ""
            update = controls.show(seen, left_out)
            update[settings.seeds_note] = seeds_note(seeds)  # in place of an earlier complaint
            if seen.items:  # before the first face the ones on the screen stay
                classes = face_grid.legend(masks)
                update |= {grid: face_grid.with_faces(name, seen.items, classes), shown: wanted}
            yield update

    outputs = [*controls.outputs, grid, shown, settings.seeds_note]
    controls.start.click(run, settings.inputs, outputs, **GPU, **PRIVATE)
    controls.wire_cancel(services, "sample")


def _gallery(
    services: Services,
    wanted: GalleryRequest,
    masks: MaskPictures | None,
    on_item: Callable[[Any], None],
    on_step: OnStep,
) -> int:
    left_out = make_gallery(wanted, services.models, services.cache, on_item, on_step, masks)
    prune_soon(services.cache)
    return left_out


def _wire_grid(services: Services, grid: gr.HTML, shown: gr.State) -> None:
    @tells(lambda error: face_grid.with_complaint(str(error)))
    def opened(request: GalleryRequest, event: gr.EventData) -> Iterator[Any]:
        path, facts = open_face(request, int(event.seed), services.models, services.cache)
        yield face_grid.with_opened(int(event.seed), path, facts)

    @raises_notices
    def download(request: GalleryRequest, event: gr.EventData) -> Any:  # noqa: ANN401
        seeds = [int(seed) for seed in event.seeds]
        path = save_latents(request, seeds, services.models, services.cache)
        return face_grid.with_download(path, f"latents-{len(seeds)}-faces.npz")

    grid.open(opened, shown, grid, trigger_mode="always_last", **GPU, **PRIVATE)
    grid.download(download, shown, grid, **PRIVATE)
