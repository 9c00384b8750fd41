"""How fast is learned, over the steps of a search."""

from __future__ import annotations

import math


def seconds_left(step: int, steps: int, seconds: float) -> float:
    """At the mean pace of the first `step` steps, which took so many seconds."""
    return seconds / step * (steps - step)


def pace(step: int, steps: int, warm_up: int) -> float:
    """Share of the full rate at one of `steps` steps, from 0 on: rises over the first warm_up
    steps, at most a tenth of all, and falls as a cosine."""
    rising = min(1.0, (step + 1) / max(1.0, min(warm_up, steps / 10)))
    return rising * 0.5 * (1 + math.cos(math.pi * step / steps))
