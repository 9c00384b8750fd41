"""Simulated annotators: each saves one mask after the other, as the painter does.

A save has a key and is sent again with it, later each time, until it is answered. The next
one is painted on the revision that came of it. Compare studio/painter/saving.js.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from core.errors import CoreError

RETRY_FIRST, RETRY_LONGEST = 1.0, 30.0  # s until the first repetition, and between any two

_REFUSALS = (400, 403, 404, 405, 409, 413, 415, 422)  # as studio/annotate/api.js has them
_TIMEOUT = 60.0  # s without an answer, after which it is taken for lost


@dataclass(frozen=True)
class Painted:
    """A mask to save. labels_sha256: of its label map's bytes."""

    png: bytes
    labels_sha256: str


@dataclass(frozen=True)
class Acknowledged:
    """A save that was answered: what was sent, what the studio said, and how long it took.

    milliseconds: from the first try to the answer, repetitions and pauses included.
    is_repeat: it had arrived before, only its answer was lost.
    """

    key: str
    face_id: int
    author: str
    status: str
    parent_id: int | None
    labels_sha256: str
    revision_id: int
    is_stale: bool
    is_repeat: bool
    num_tries: int
    milliseconds: float


class Annotator(threading.Thread):
    """A person with one connection that is kept open. failure: what ended the work early."""

    def __init__(
        self,
        name: str,
        address: str,
        face_id: int,
        paintings: Sequence[Painted],
        pause: float,
        on_saved: Callable[[Acknowledged], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.failure: Exception | None = None
        self._address = address
        self._face_id = face_id
        self._paintings = paintings
        self._pause = pause
        self._on_saved = on_saved
        self._stopped = threading.Event()
        self._random = random.Random(name)

    def stop(self) -> None:
        """Ends at the next pause or answer."""
        self._stopped.set()

    def run(self) -> None:
        headers = {
            "X-Faceloom-Person": quote(self.name),
            "X-Faceloom-Tab": str(uuid.uuid4()),
            "Origin": self._address,
        }
        base: int | None = None
        try:
            with httpx.Client(
                base_url=self._address,
                headers=headers,
                timeout=_TIMEOUT,
                limits=httpx.Limits(max_connections=1),
                trust_env=False,
            ) as client:
                for left, painted in zip(
                    reversed(range(len(self._paintings))), self._paintings, strict=True
                ):
                    self._wait(self._pause * self._random.uniform(0.5, 1.5))
                    saved = self._save(client, painted, base, "draft" if left else "done")
                    self._on_saved(saved)
                    base = saved.revision_id
        except _StoppedError:
            return
        except Exception as error:
            self.failure = error

    def _save(
        self, client: httpx.Client, painted: Painted, base: int | None, status: str
    ) -> Acknowledged:
        """Send a mask until it is answered. Raises CoreError if it is refused."""
        key = str(uuid.uuid4())
        query: dict[str, str | int] = {"status": status, "key": key, "seconds": "1.0"}
        if base is not None:
            query["base"] = base
        begin = time.perf_counter()
        for num_tries in itertools.count(1):
            answer = self._answer(client, painted.png, query)
            if answer is not None:
                break
            self._wait(min(RETRY_FIRST * 2 ** min(num_tries - 1, 20), RETRY_LONGEST))
        assert answer is not None
        return Acknowledged(
            key=key,
            face_id=self._face_id,
            author=self.name,
            status=status,
            parent_id=base,
            labels_sha256=painted.labels_sha256,
            revision_id=answer["revision"]["id"],
            is_stale=answer["is_stale"],
            is_repeat=answer["is_repeat"],
            num_tries=num_tries,
            milliseconds=1000 * (time.perf_counter() - begin),
        )

    def _answer(
        self, client: httpx.Client, png: bytes, query: dict[str, str | int]
    ) -> dict[str, Any] | None:
        """What the studio says to one try, None where it is not known whether it arrived."""
        try:
            path = f"/annotate/faces/{self._face_id}/masks"
            response = client.post(path, params=query, content=png)
        except httpx.TransportError:
            return None
        if response.status_code in _REFUSALS:
            raise CoreError(f"A save of {self.name} was refused: {response.text[:300]}")
        if response.status_code != httpx.codes.OK:
            return None
        said: dict[str, Any] = response.json()
        return said

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise _StoppedError


class _StoppedError(Exception):
    """Somebody asked the annotators to stop."""
