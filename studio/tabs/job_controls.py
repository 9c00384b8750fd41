"""What each view with long work has: a button that starts it, one that cancels it, a status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.services import Services
from studio.tabs.parts import gallery_file, message_html, progress_html, strip_template
from studio.watching import Snapshot

PRIVATE: Any = {"api_visibility": "private", "show_progress": "hidden"}
_NONE_PICKED = "No faces picked. Pick two or more under Faces, or write their seeds here."


@dataclass(frozen=True)
class JobControls:
    """Either button is to be seen; the status says how far the work is, or what was wrong."""

    start: gr.Button
    cancel: gr.Button
    status: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        return [self.start, self.cancel, self.status]

    def show(self, seen: Snapshot, note: str = "") -> dict[Any, Any]:
        running = seen.state == "running"
        return {self.status: progress_html(seen, note), **self._buttons(running=running)}

    def complain(self, error: Exception) -> dict[Any, Any]:
        return {self.status: message_html(str(error)), **self.idle()}

    def idle(self) -> dict[Any, Any]:
        return self._buttons(running=False)

    def wire_cancel(self, services: Services, work: str) -> None:
        def stop(request: gr.Request) -> None:
            services.stops.stop(str(request.session_hash), work)

        self.cancel.click(stop, None, None, queue=False, **PRIVATE)

    def _buttons(self, *, running: bool) -> dict[Any, Any]:
        return {
            self.start: gr.Button(visible=not running),
            self.cancel: gr.Button(visible=running),
        }


def build_buttons(name: str, label: str) -> tuple[gr.Button, gr.Button]:
    """The two buttons of a job; their ids begin with its name."""
    start = gr.Button(label, variant="primary", elem_id=f"{name}-button", min_width=120)
    cancel = gr.Button(
        "Cancel", variant="stop", visible=False, elem_id=f"{name}-cancel", min_width=120
    )
    return start, cancel


def build_strip() -> gr.HTML:
    """The picked faces, small."""
    return gr.HTML(
        html_template=strip_template(_NONE_PICKED),
        js_on_load=gallery_file("strip.js"),
        apply_default_css=False,
    )
