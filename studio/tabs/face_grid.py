"""The face grid (gallery/grid.*) as a component, and what Python tells it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from studio.tabs.parts import file_url, gallery_file
from studio.workflows import Face
from studio.workflows.mask_pictures import MaskPictures

Class = dict[str, str]


def build_grid() -> gr.HTML:
    """Its value is the list of picked seeds, in the order of picking."""
    return gr.HTML(
        [],
        html_template=gallery_file("grid.html"),
        js_on_load=gallery_file("grid.js"),
        apply_default_css=False,
        elem_id="face-grid",
        made=None,
        opened=None,
        file=None,
    )


def new_run() -> str:
    return secrets.token_hex(8)


def with_faces(run: str, faces: Sequence[Face], classes: Sequence[Class] = ()) -> Any:  # noqa: ANN401 - Gradio's update
    """All faces of a run so far; a new run replaces what was shown. classes: of their masks."""
    tiles = [
        {
            "seed": face.seed,
            "quality": face.quality,
            "picture": file_url(face.picture),
            "mask": file_url(face.mask) if face.mask else None,
        }
        for face in faces
    ]
    return gr.update(made={"run": run, "faces": tiles, "classes": list(classes)})


def legend(masks: MaskPictures | None) -> list[Class]:
    """Names and colours of the classes that masks show."""
    labels = masks.scheme.classes if masks else ()
    return [{"name": label.name, "color": label.color} for label in labels]


def with_opened(seed: int, path: Path, facts: dict[str, str]) -> Any:  # noqa: ANN401
    shown = {name.replace("_", " ").capitalize(): value for name, value in facts.items()}
    name = f"{facts['generator']}-{seed}.png"
    return gr.update(opened={"seed": seed, "url": file_url(path), "name": name, "facts": shown})


def with_complaint(text: str) -> Any:  # noqa: ANN401
    """In the viewer, about the face that was asked for last."""
    return gr.update(opened={"error": text, "stamp": secrets.token_hex(4)})


def with_download(path: Path, name: str) -> Any:  # noqa: ANN401
    """Have the browser download a file of the cache."""
    return gr.update(file={"url": file_url(path), "name": name, "stamp": secrets.token_hex(4)})
