"""Fair timing on a noisy machine: all candidates in turn, round after round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from core.progress import OnStep, Step, ignore


@dataclass(frozen=True)
class Timing:
    """Of one candidate. times_ms: of each round, in milliseconds. ratio: median over the rounds
    of own time / peer's time in that round.
    """

    times_ms: tuple[float, ...]
    ratio: float | None

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def p95_ms(self) -> float:
        return float(np.percentile(self.times_ms, 95))

    def above_ms(self, other: Timing) -> float:
        """Median over the rounds of how much longer this took than the other."""
        pairs = zip(self.times_ms, other.times_ms, strict=True)
        return statistics.median(own - theirs for own, theirs in pairs)

    def figures(self) -> dict[str, float | None]:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return {
            "median_ms": round(self.median_ms, 2),
            "p95_ms": round(self.p95_ms, 2),
            "fastest_ms": round(min(self.times_ms), 2),
            "ratio_to_peer": ratio,
        }


def compare(
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    peer: str | None = None,
    on_step: OnStep = ignore,
) -> dict[str, Timing]:
    """Run every candidate once a round (A B C, A B C ...), after one round of warm-up.

    Drift of the machine then falls on all alike; ratios are taken round by round.
    """
    spent: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            if number:
                spent[name].append(1000 * (time.perf_counter() - start))
        on_step(Step(number, rounds, "timing", "rounds"))
    return {
        name: Timing(tuple(times), None if peer is None else _ratio(times, spent[peer]))
        for name, times in spent.items()
    }


def _ratio(own: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, theirs, strict=True))
