"""Live learning: the mask as it is painted in, a prediction of the whole face out."""

from __future__ import annotations

import functools
import json
import struct

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from annotations.mask_codec import decode_mask
from core.errors import Cancelled
from core.png_files import encode_png
from core.segmentation.live_classifier import Check
from studio.routes.answers import Answer
from studio.routes.asking import Studio, Tab, body_of, raise_if
from studio.routes.masks import MAX_MASK
from studio.routes.refusals import RefusedError
from studio.services import Services
from studio.workflows.face_features import OtherFaceError
from studio.workflows.live_labelling import Answer as Predicted

router = APIRouter()

PREDICT, SUGGEST, WARM = "live prediction", "live suggestion", "live preparation"
_SUPERSEDED = 204


@router.post("/faces/{face_id}/prediction")
async def prediction(
    studio: Studio, tab: Tab, request: Request, face_id: int, sequence: int = 0
) -> Response:
    """Body: a PNG of class ids, as painted by now; none at all where nothing is painted.

    A later request of the same tab stops an earlier one, which is answered with 204. Else:
    uint32 n (little endian), n bytes of JSON, then as many bytes as its `labels` and
    `uncertainty` say: a PNG of class ids and one of uncertainty, 0 to 255, of a smaller size.
    Without them, `needs` says what is missing; `is_off`: it cannot be used on this face.
    """
    png = await body_of(request, MAX_MASK, "The mask")
    check = _check_of(studio, tab, PREDICT, sequence)
    work = functools.partial(_predict, studio, face_id, png, check)
    try:
        predicted = await run_in_threadpool(work)
    except Cancelled:
        return Response(status_code=_SUPERSEDED)
    except OtherFaceError as error:
        predicted = Predicted(None, None, str(error), 0, 0, False, 0.0, is_off=True)
    content = _framed(predicted, sequence)
    return Response(content, media_type="application/octet-stream")


@router.post("/faces/{face_id}/live")
def prepare(studio: Studio, tab: Tab, face_id: int) -> Answer:
    """Look at a face that will probably be opened next, so that its prediction is quick."""
    try:
        studio.live.prepare(face_id, _check_of(studio, tab, WARM))
    except (Cancelled, OtherFaceError):
        return {"is_ready": False}
    return {"is_ready": True}


@router.post("/projects/{project_id}/suggestion")
def suggestion(studio: Studio, tab: Tab, project_id: int, beside: int | None = None) -> Answer:
    """Faces to paint next, best first; those that others have open are left out."""
    try:
        found = studio.live.suggest(project_id, beside, _check_of(studio, tab, SUGGEST))
    except Cancelled:
        return {"faces": [], "num_seen": 0, "num_open": 0}
    except OtherFaceError as error:
        raise RefusedError(409, "no_features", str(error)) from error
    free = [id_ for id_ in found.face_ids if _is_free(studio, id_, tab)]
    return {"faces": free, "num_seen": found.num_seen, "num_open": found.num_open}


def _is_free(studio: Services, face_id: int, tab: str) -> bool:
    holder = studio.store.leases.presence(face_id).holder
    return holder is None or holder.session == tab


def _check_of(studio: Services, tab: str, work: str, sequence: int = 0) -> Check:
    """Raises Cancelled once the same tab has asked for the same again."""
    sign = studio.stops.begin(tab, work, sequence)
    return functools.partial(raise_if, sign)


def _predict(studio: Services, face_id: int, png: bytes, check: Check) -> Predicted:
    labels = None
    if png:
        face = studio.store.faces.get(face_id)
        scheme = studio.store.projects.get(face.project_id).scheme
        labels = decode_mask(png, scheme, (face.height, face.width))
    return studio.live.predict(face_id, labels, check)


def _framed(predicted: Predicted, sequence: int) -> bytes:
    maps = (predicted.labels, predicted.uncertainty)
    files = [b"" if values is None else encode_png(values) for values in maps]
    facts: Answer = {
        "sequence": sequence,
        "labels": len(files[0]),
        "uncertainty": len(files[1]),
        "needs": predicted.needs,
        "num_painted": predicted.num_painted,
        "num_finished": predicted.num_finished,
        "is_segmenter_used": predicted.is_segmenter_used,
        "is_off": predicted.is_off,
        "milliseconds": round(predicted.milliseconds, 1),
    }
    header = json.dumps(facts).encode()
    return struct.pack("<I", len(header)) + header + b"".join(files)
