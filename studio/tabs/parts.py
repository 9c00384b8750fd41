"""Small parts that tabs share: progress, messages, links to files of the cache."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import gradio as gr

from studio.watching import Snapshot

_SOON = 0.2  # s
GALLERY = Path(__file__).parent.parent / "gallery"


class Queue(TypedDict):
    concurrency_id: str
    concurrency_limit: int


# All work of the networks waits in one queue. Four at once: calls of one network take turns
# face by face, so a face opens while others are sampled.
GPU: Queue = {"concurrency_id": "gpu", "concurrency_limit": 4}


def file_url(path: Path) -> str:
    """Where the page finds a file of the cache."""
    return f"gradio_api/file={quote(str(path))}"


def progress_html(seen: Snapshot, note: str = "") -> str:
    """Done and total, speed and time left; at the end what came of it, and the note."""
    step, rate = seen.step, f"{seen.rate:.1f} {seen.step.unit}/s"
    if seen.state == "stopped":
        return f'<div class="fl-progress"><p>Stopped after {step.done} of {step.total}.</p></div>'
    if seen.state == "done":
        text = f"{step.done} {step.unit}"
        if seen.seconds >= _SOON:  # else they were in the cache
            text += f" in {seen.seconds:.1f} s ({rate})"
        text += f"; {note}" if note else ""
        return f'<div class="fl-progress"><p>{escape(text)}</p></div>'
    if not step.total or not step.done:
        return (
            f'<div class="fl-progress"><p>{escape(step.doing)} ...</p><progress></progress></div>'
        )
    text = f"{step.done} of {step.total} · {rate}"
    if (left := seen.seconds_left) is not None:
        text += f" · {duration(left)} left"
    bar = f'<progress value="{step.done}" max="{step.total}"></progress>'
    return f'<div class="fl-progress"><p>{escape(text)}</p>{bar}</div>'


def message_html(text: str) -> str:
    """A complaint, beside what it is about."""
    return f'<p class="fl-message" role="alert">{escape(text)}</p>'


def note_html(text: str) -> str:
    return f'<p class="fl-note">{escape(text)}</p>'


def application(name: str, create: str) -> None:
    """An application of its own in the page: the function `create` of modules/NAME/NAME.js."""
    # The address is the page's own, so that it holds behind a proxy with a sub-path, too.
    on_load = f"""
const base = new URL('.', document.baseURI).href;
import(new URL('modules/{name}/{name}.js', base)).then(({{ {create} }}) => {{
  {create}(element.querySelector('.fl-{name}'), {{ base }});
}});
"""
    gr.HTML(
        html_template=f'<div class="fl-{name}"></div>',
        js_on_load=on_load,
        apply_default_css=False,
        elem_id=name,
    )


def strip_template(none: str) -> str:
    """Of the strip of picked faces (gallery/strip.js); `none`: what to do where there are none."""
    return (
        '<div class="fl-strip"><div class="fl-strip-row"></div>'
        f'<p class="fl-strip-none">{escape(none)}</p></div>'
    )


def gallery_file(name: str) -> str:
    return (GALLERY / name).read_text(encoding="utf-8")


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
