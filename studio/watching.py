"""Long work seen from a page: snapshots at a steady pace, and a stop that is obeyed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import Cancelled
from core.progress import OnStep, Step

PACE = 0.15  # s between two snapshots at least, so that pages are not flooded
PACE_PER_ITEM = 0.0005  # s more for each item, since a snapshot carries all of them

Job = Callable[[Callable[[Any], None], OnStep], Any]  # gets on_item and on_step


@dataclass(frozen=True)
class Snapshot:
    """Where a job stands. items: all it delivered so far. result: once it is done."""

    step: Step
    seconds: float  # since this kind of step began
    items: tuple[Any, ...] = ()
    state: Literal["running", "stopped", "done"] = "running"
    result: Any = None

    @property
    def rate(self) -> float:
        """Units a second, 0 while that is unknown."""
        return self.step.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        if not self.step.total or self.rate == 0 or self.state != "running":
            return None
        return (self.step.total - self.step.done) / self.rate


def watch(job: Job, stop: threading.Event) -> Iterator[Snapshot]:
    """Run a job in a thread and yield snapshots of it; the last one is 'done' or 'stopped'.

    When `stop` is set, or the iterator is closed, the job ends at its next step. What the
    job raises is raised here, after a snapshot of all that it delivered before.
    """
    news: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def on_step(step: Step) -> None:
        if stop.is_set():
            raise Cancelled("Stopped.")
        news.put(("step", step))

    def work() -> None:
        try:
            news.put(("done", job(lambda item: news.put(("item", item)), on_step)))
        except BaseException as error:
            news.put(("error", error))

    thread = threading.Thread(target=work, name="watched-job", daemon=True)
    thread.start()
    try:
        yield from _snapshots(news)
    finally:
        stop.set()
        thread.join()


def _snapshots(news: queue.SimpleQueue[tuple[str, Any]]) -> Iterator[Snapshot]:
    step, items = Step(0, 0, "Starting"), []
    began = shown = time.monotonic()
    while True:
        kind, what = news.get()
        if kind == "step":
            if (what.doing, what.total) != (step.doing, step.total) or not what.done:
                began = time.monotonic()
            step = what
        elif kind == "item":
            items.append(what)
        now = time.monotonic()
        seen = Snapshot(step, now - began, tuple(items))
        if kind == "done":
            yield _ended(seen, "done", what)
            return
        if kind == "error":
            yield _ended(seen, "stopped", None)
            if isinstance(what, Cancelled):
                return
            raise what
        if now - shown >= PACE + PACE_PER_ITEM * len(items) or (kind == "step" and not step.done):
            shown = now
            yield seen


def _ended(seen: Snapshot, state: Literal["stopped", "done"], result: object) -> Snapshot:
    return Snapshot(seen.step, seen.seconds, seen.items, state, result)
