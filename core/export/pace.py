"""How fast faces come, and when the last one will."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from core.progress import OnStep, Step

WINDOW = 60.0  # s that the rate is told from


class Pace:
    """Counts faces and tells `on_step` the rate and the time left.

    done, total: faces that are there already, and of the whole. What `on_step` raises passes
    through; it may also wait, which is a pause.
    """

    def __init__(
        self, done: int, total: int, on_step: OnStep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.done = done
        self.made = 0
        self._total = total
        self._on_step = on_step
        self._clock = clock
        self._began: float | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, faces: int) -> None:
        """So many faces more; the first call, with 0, starts the clock."""
        now = self._clock()
        if self._began is None:
            self._began = now
        self.made += faces
        self.done += faces
        self._recent.append((now, self.made))
        while now - self._recent[0][0] > WINDOW:
            self._recent.popleft()
        self._on_step(Step(self.done, self._total, self._said(now), "faces"))

    def seconds(self) -> float:
        """Since the clock was started."""
        return 0.0 if self._began is None else self._clock() - self._began

    def _said(self, now: float) -> str:
        since, before = self._recent[0]
        if self.made == before or now <= since:
            return "exporting"
        rate = (self.made - before) / (now - since)
        return f"exporting, {rate:.1f} faces/s, {_spoken((self._total - self.done) / rate)} left"


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
