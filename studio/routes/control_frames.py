"""What the Control tab is answered: frames of bytes, one at once or several as they come.

A frame is uint32 n (little endian), n bytes of JSON, then as many bytes as its `picture` (JPEG)
and `labels` (PNG of class ids) say. `kind`: 'face', or in a stream 'step', 'told', 'error' and
'stopped', too.
"""

from __future__ import annotations

import functools
import io
import json
import math
import queue
import struct
import threading
from collections.abc import Iterator
from typing import Any

from PIL import Image

from core.errors import Cancelled
from core.progress import Step
from studio.routes.answers import Answer
from studio.routes.asking import raise_if
from studio.routes.refusals import status_of
from studio.workflows.steering import Steering, Told
from studio.workflows.steering_pictures import Shown
from studio.workflows.steering_recipe import FaceRecipe

SMALL, WHOLE = 85, 93  # qualities of JPEGs
_FAST = 1  # zlib's level: what is sent lives for a second


def face_frames(
    steering: Steering, recipe: FaceRecipe, sign: threading.Event, sequence: int
) -> Iterator[bytes]:
    """The work runs in a thread of its own; when nobody reads any more, it is stopped."""
    news: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    tell = functools.partial(_tell, news, sequence)

    def on_step(step: Step) -> None:
        raise_if(sign)
        unit = step.unit.removesuffix("s")
        tell("step", done=step.done, total=step.total, doing=step.doing, unit=unit)

    def on_shown(shown: Shown, is_final: bool) -> None:
        raise_if(sign)
        news.put(face_frame(shown, WHOLE, sequence=sequence, is_final=is_final))

    def work() -> None:
        try:
            told = steering.finish(recipe, on_shown, on_step)
            raise_if(sign)
            tell("told", told=_told(told))
        except Cancelled:
            tell("stopped")
        except Exception as error:
            status, code, message = status_of(error)
            tell("error", status=status, code=code, error=message)
        finally:
            news.put(None)

    threading.Thread(target=work, name="control-face", daemon=True).start()
    try:
        while (frame := news.get()) is not None:
            yield frame
    finally:
        sign.set()


def _tell(news: queue.SimpleQueue[bytes | None], sequence: int, kind: str, **facts: Any) -> None:  # noqa: ANN401
    news.put(_framed({"kind": kind, "sequence": sequence, **facts}))


def _told(told: Told | None) -> Answer | None:
    """NaN has no place in JSON: None."""
    if told is None:
        return None
    return {
        "age": told.age if math.isfinite(told.age) else None,
        "male": told.male if math.isfinite(told.male) else None,
        "reached": told.reached,
        "notes": list(told.notes),
        "tries": told.tries,
    }


def face_frame(shown: Shown, quality: int, **facts: Any) -> bytes:  # noqa: ANN401
    """quality: of the JPEG."""
    picture, labels = io.BytesIO(), io.BytesIO()
    Image.fromarray(shown.picture).save(picture, "JPEG", quality=quality)
    if shown.labels is not None:
        Image.fromarray(shown.labels).save(labels, "PNG", compress_level=_FAST)
    return _framed({"kind": "face", **facts}, picture.getvalue(), labels.getvalue())


def _framed(facts: Answer, picture: bytes = b"", labels: bytes = b"") -> bytes:
    header = json.dumps({**facts, "picture": len(picture), "labels": len(labels)}).encode()
    return struct.pack("<I", len(header)) + header + picture + labels
