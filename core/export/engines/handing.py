"""Chunks are written beside the making: one thread, and few chunks in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from core.export.engines.engine import MadeChunk, OnChunk

WAITING = 1  # chunks that wait while another is written


class Handing:
    """Hands chunks over in a thread of its own. On leaving, all that were given are handed over;
    what `on_chunk` raised is raised here, and nothing more is handed over then."""

    def __init__(self, on_chunk: OnChunk) -> None:
        self._on_chunk = on_chunk
        self._pool = ThreadPoolExecutor(1, "export-writer")
        self._pending: deque[Future[None]] = deque()
        self._failed = False

    def __enter__(self) -> Handing:
        return self

    def put(self, made: MadeChunk) -> None:
        """Waits while enough chunks are in memory. Raises what writing an earlier one raised."""
        self._pending.append(self._pool.submit(self._hand, made))
        while len(self._pending) > 1 + WAITING or (self._pending and self._pending[0].done()):
            self._pending.popleft().result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)
        failures = [f for future in self._pending if (f := future.exception()) is not None]
        if failures and error is None:
            raise failures[0]

    def _hand(self, made: MadeChunk) -> None:
        if self._failed:
            return
        try:
            self._on_chunk(made)
        except BaseException:
            self._failed = True
            raise
