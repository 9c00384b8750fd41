"""What the Control tab is answered: frames of bytes, one at once or several as they come.

A frame is uint32 n (little endian), n bytes of JSON, then as many bytes as its `picture` (JPEG)
and `labels` (PNG of class ids) say. `kind`: 'face', or in a stream 'step', 'told', 'error' and
'stopped', too; 'made' says that a slider of one's own is kept.
"""

from __future__ import annotations

import io
import json
import math
import queue
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import Cancelled
from core.png_files import encode_png
from core.progress import OnStep, Step
from studio.routes.answers import Answer
from studio.routes.asking import raise_if
from studio.routes.refusals import status_of
from studio.workflows.steering import Steering, Told
from studio.workflows.steering_pictures import Shown
from studio.workflows.steering_recipe import FaceRecipe

SMALL, WHOLE = 85, 93  # qualities of JPEGs
Tell = Callable[..., None]  # kind and facts of a frame
Put = Callable[[bytes], None]  # a frame that is made already
Work = Callable[[Tell, Put], None]


def face_frames(
    steering: Steering, recipe: FaceRecipe, sign: threading.Event, sequence: int
) -> Iterator[bytes]:
    """A face as it comes about."""

    def work(tell: Tell, put: Put) -> None:
        def on_shown(shown: Shown, is_final: bool) -> None:
            raise_if(sign)
            put(face_frame(shown, WHOLE, sequence=sequence, is_final=is_final))

        told = steering.finish(recipe, on_shown, steps(tell, sign))
        raise_if(sign)
        tell("told", told=_told(told))

    return frames_of(work, sign, sequence=sequence)


def frames_of(work: Work, sign: threading.Event, **facts: Any) -> Iterator[bytes]:  # noqa: ANN401
    """What work says, each with the facts, and how it ended where it did not end well.

    The work runs in a thread of its own; when nobody reads any more, it is stopped.
    """
    news: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def tell(kind: str, **told: Any) -> None:  # noqa: ANN401
        news.put(framed({"kind": kind, **facts, **told}))

    def run() -> None:
        try:
            work(tell, news.put)
        except Cancelled:
            tell("stopped")
        except Exception as error:
            status, code, message = status_of(error)
            tell("error", status=status, code=code, error=message)
        finally:
            news.put(None)

    threading.Thread(target=run, name="control-work", daemon=True).start()
    try:
        while (frame := news.get()) is not None:
            yield frame
    finally:
        sign.set()


def steps(tell: Tell, sign: threading.Event) -> OnStep:
    """Tells each step, as long as nobody wants it stopped."""

    def on_step(step: Step) -> None:
        raise_if(sign)
        unit = step.unit.removesuffix("s")
        tell("step", done=step.done, total=step.total, doing=step.doing, unit=unit)

    return on_step


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
    labels = b"" if shown.labels is None else encode_png(shown.labels)
    return framed({"kind": "face", **facts}, jpeg_of(shown.picture, quality), labels)


def jpeg_of(picture: NDArray[np.uint8], quality: int) -> bytes:
    """picture: [S, S, 3]."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def framed(facts: Answer, picture: bytes = b"", labels: bytes = b"") -> bytes:
    header = json.dumps({**facts, "picture": len(picture), "labels": len(labels)}).encode()
    return struct.pack("<I", len(header)) + header + picture + labels
