"""StyleGAN2's projector beside our search, on the same face, by the same distance, at the same
number of steps: how good it gets, and how early ours was as good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.inversion.optimisation import Refined
from core.inversion.plain import PlainConfig, project
from studio.workflows.inversion_judging import Clock, Judging, Subject
from studio.workflows.inverting import Inverter

VARIANTS = {"plain": False, "plain w+": True}  # by name, whether it has a w for each layer
IS_MORE_BETTER = {"loss": False, "psnr": True, "identity": False}  # what ours is timed to


@dataclass(frozen=True, eq=False)
class Reached:
    """Where our search was, ws float32 [L, D], and how long that had taken."""

    ws: NDArray[np.float32]
    times: dict[str, float]


class Peer:
    """patience: how many times the time of our search the projector also gets, to become as good
    as ours; 0: not tried."""

    def __init__(self, inverter: Inverter, judging: Judging, patience: int = 0) -> None:
        self._inverter, self._judging, self._patience = inverter, judging, patience

    def beside(
        self, subject: Subject, ours: list[Reached], judged: dict[str, Any]
    ) -> dict[str, Any]:
        """Figures of each variant. ours: after the encoder and after each step. judged: the last.

        ours_as_good_after: seconds and cpu_seconds of ours when its loss, PSNR and identity were
        as good as the projector's in the end, None where they never were.
        """
        told = {}
        for name, per_layer in VARIANTS.items():
            clock = Clock()
            last = deque(self._projected(subject, len(ours) - 1, per_layer), maxlen=1)[0]
            times, picture = clock.told(), self._inverter.picture(last.ws)
            stage = name.replace(" ", "-")
            found = self._judging.judged(subject, stage, picture, times)
            told[name] = {
                "steps": last.total,
                **found,
                "ours_as_good_after": self._as_good(subject, ours, found),
            }
            if self._patience:
                told[name]["longer"] = self._longer(subject, per_layer, judged)
        return told

    def _as_good(
        self, subject: Subject, ours: list[Reached], wanted: dict[str, Any]
    ) -> dict[str, dict[str, float] | None]:
        found: dict[str, dict[str, float] | None] = dict.fromkeys(IS_MORE_BETTER)
        for place in ours:
            quality = self._judging.quality(subject, self._inverter.picture(place.ws))
            for key, is_more_better in IS_MORE_BETTER.items():
                ahead = _ahead(quality[key], wanted[key], is_more_better)
                if found[key] is None and ahead:
                    found[key] = place.times
            if all(found.values()):
                break
        return found

    def _longer(self, subject: Subject, per_layer: bool, ours: dict[str, Any]) -> dict[str, Any]:
        """Until it is as good as ours by the loss, or its patience is at its end."""
        pace = deque(self._projected(subject, 3, per_layer), maxlen=1)[0].seconds / 3
        total = max(3, round(self._patience * ours["seconds"] / pace))
        for last in self._projected(subject, total, per_layer):
            if last.loss <= ours["loss"]:
                break
        return {
            "as_good_as_ours": last.loss <= ours["loss"],
            "seconds": round(last.seconds, 2),
            "times": round(last.seconds / ours["seconds"], 2),
        }

    def _projected(self, subject: Subject, steps: int, per_layer: bool) -> Iterator[Refined]:
        inverter, target = self._inverter, subject.target.focused()
        return project(
            inverter.generator,
            target,
            inverter.prior,
            inverter.perceptual,
            PlainConfig(steps, per_layer),
        )


def _ahead(ours: float | None, theirs: float | None, is_more_better: bool) -> bool:
    if ours is None or theirs is None:
        return False
    return ours >= theirs if is_more_better else ours <= theirs


def compared(told: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """A variant's figures beside ours, of the faces that both were run on.

    ours_as_good: by each measure, for how many of them ours became as good, and after which
    share of its time (of its processors' time, which a busy machine hardly changes). longer: how
    often it became as good as ours, and after how many times our time; None where it did not get
    more.
    """
    runs = [each["plain"][name] for each in told]
    more = [run["longer"] for run in runs if "longer" in run]
    return {
        "ours_as_good": {key: _shares(runs, key) for key in IS_MORE_BETTER},
        "longer": _times(more) if more else None,
    }


def _shares(runs: list[dict[str, Any]], key: str) -> dict[str, Any]:
    pairs = [(run["ours_as_good_after"][key], run) for run in runs]
    shares = [after["cpu_seconds"] / run["cpu_seconds"] for after, run in pairs if after]
    return {
        "of": len(runs),
        "reached": len(shares),
        "median_share": round(float(np.median(shares)), 3) if shares else None,
        "largest_share": round(max(shares), 3) if shares else None,
    }


def _times(runs: list[dict[str, Any]]) -> dict[str, Any]:
    times = [run["times"] for run in runs]
    return {
        "of": len(runs),
        "as_good_as_ours": sum(run["as_good_as_ours"] for run in runs),
        "median_times": round(float(np.median(times)), 3),
        "least_times": min(times),
    }
