"""The named endpoint `/save_mask`: what the painter's save is, for gradio_client."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import gradio as gr

from annotations import Status
from annotations.errors import BadRequestError
from studio.notices import raises_notices
from studio.people import person_of
from studio.routes.answers import save_answer
from studio.services import Services


def build_api(services: Services) -> None:
    """Inputs face_id, mask, base, status, person, comment, key; output what became of it."""

    @raises_notices
    def save_mask(
        face_id: float,
        mask: str | None,
        base: float | None,
        status: str,
        person: str,
        comment: str,
        key: str,
        request: gr.Request,
    ) -> dict[str, Any]:
        if mask is None:
            raise BadRequestError("No mask was given. Give a PNG of class ids.")
        signed_in = person_of(request.request) if request.request else ""
        saved = services.store.masks.save(
            int(face_id),
            Path(mask).read_bytes(),
            signed_in or person,
            parent_id=None if base is None else int(base),
            status=_status(status),
            comment=comment,
            save_key=key or str(uuid.uuid4()),
        )
        return save_answer(saved)

    gr.Button(visible=False).click(
        save_mask,
        [
            gr.Number(visible=False, label="Face id", precision=0),
            gr.File(visible=False, label="Mask (PNG of class ids)", file_types=[".png"]),
            gr.Number(None, visible=False, label="Revision it was painted on", precision=0),
            gr.Textbox("draft", visible=False, label="Status: draft or done"),
            gr.Textbox("", visible=False, label="Person"),
            gr.Textbox("", visible=False, label="Comment"),
            gr.Textbox("", visible=False, label="Key: the same one means the same save"),
        ],
        gr.JSON(visible=False, label="Saved"),
        api_name="save_mask",
        api_description="Keep a mask of a face as a new revision.",
    )


def _status(text: str) -> Status:
    try:
        return Status(text)
    except ValueError as error:
        raise BadRequestError(f"The status must be draft or done, is '{text[:40]}'.") from error
