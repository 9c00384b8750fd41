"""'Add to project': the faces of the grid into a project, for painting (gallery/keep.*)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from core.errors import InvalidRequestError
from core.progress import OnStep
from studio.cache_limits import prune_soon
from studio.notices import tells
from studio.services import Services
from studio.tabs.job_controls import PRIVATE
from studio.tabs.parts import GPU, gallery_file, message_html, progress_html
from studio.watching import Snapshot, watch
from studio.workflows import GalleryRequest, Kept, keep_faces

_FORGOTTEN = (
    "The studio was started anew and does not know these faces any more. "
    "Press Sample once more, then add them."
)


def build_keep(services: Services, shown: gr.State) -> None:
    """Below the grid: the dialog that asks for the project, and the line that tells the rest.

    shown: the request whose faces are on the screen.
    """
    line = gr.HTML(
        html_template=gallery_file("keep.html"),
        js_on_load=gallery_file("keep.js"),
        apply_default_css=False,
        elem_id="keep-faces",
        told=None,
    )

    def run(request: GalleryRequest | None, event: gr.EventData, page: gr.Request) -> Iterator[Any]:
        so_far: list[Kept] = []

        @tells(lambda error: _complaint(error, so_far))
        def steps() -> Iterator[Any]:
            if request is None:
                raise InvalidRequestError(_FORGOTTEN)
            job = _keep(services, request, event, so_far)
            for seen in watch(job, services.stops.begin(str(page.session_hash), "keep")):
                yield _told(seen, so_far)

        yield from steps()

    def stop(page: gr.Request) -> None:
        services.stops.stop(str(page.session_hash), "keep")

    line.keep(run, shown, line, **GPU, **PRIVATE)
    line.stop(stop, None, None, queue=False, **PRIVATE)


def _keep(
    services: Services, request: GalleryRequest, event: gr.EventData, so_far: list[Kept]
) -> Callable[[Callable[[Any], None], OnStep], None]:
    """so_far: gets what is kept, each time more of it."""
    seeds = [int(seed) for seed in event.seeds]
    project = event.project if isinstance(event.project, int) else str(event.project)

    def job(on_item: Callable[[Any], None], on_step: OnStep) -> None:
        cache, store = services.cache, services.store
        keep_faces(request, seeds, project, services.models, cache, store, so_far.append, on_step)
        prune_soon(services.cache)

    return job


def _told(seen: Snapshot, so_far: list[Kept]) -> Any:  # noqa: ANN401 - Gradio's update
    if seen.state == "running":
        return _line(progress_html(seen), is_running=True)
    kept = so_far[-1] if so_far else None
    text = kept_text(kept) if kept else "Stopped before the first face was added."
    if seen.state == "stopped" and kept:
        text = f"Stopped after {len(kept.face_ids)} of {seen.step.total}: {text}"
    return _line(f"<p>{escape(text)}</p>", kept)


def _complaint(error: Exception, so_far: list[Kept]) -> Any:  # noqa: ANN401 - Gradio's update
    text, kept = str(error), so_far[-1] if so_far else None
    if kept:
        text += f" Before that: {kept_text(kept)} Add them again to go on where it ended."
    return _line(message_html(text), kept)


def kept_text(kept: Kept) -> str:
    """Such as '12 faces added to "faces" (3 were there already).'"""
    if not kept.num_new:
        known = "The face was" if kept.num_known == 1 else f"All {kept.num_known} faces were"
        return f'{known} in "{kept.project_name}" already.'
    text = f'{kept.num_new} face{"s" * (kept.num_new != 1)} added to "{kept.project_name}"'
    if kept.num_known:
        text += f" ({kept.num_known} {'was' if kept.num_known == 1 else 'were'} there already)"
    return f"{text}."


def _line(html: str, kept: Kept | None = None, *, is_running: bool = False) -> Any:  # noqa: ANN401
    told = {
        "html": html,
        "isRunning": is_running,
        "projectId": kept.project_id if kept else None,
        "stamp": secrets.token_hex(4),
    }
    return gr.update(told=told)
