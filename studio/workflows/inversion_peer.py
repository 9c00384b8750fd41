"""StyleGAN2's projector beside our search, on the same face, by the same distance, at the same
number of steps: how good it gets, and how early ours was as good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
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
        reached: float | None = None
        for last in self._projected(subject, total, per_layer):
            if last.loss <= ours["loss"]:
                reached = last.seconds
                break
        spent = last.seconds if reached is None else reached
        return {
            "as_good_as_ours": reached is not None,
            "seconds": round(spent, 2),
            "times": round(spent / ours["seconds"], 2),
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


def compared(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the faces that both were run on: how often ours became as good as each variant, and
    after which share of its time (of its processors' time, which a busy machine hardly changes).
    """
    shares: dict[str, Any] = {}
    for name in VARIANTS:
        shares[name] = {}
        for key in IS_MORE_BETTER:
            pairs = [(each["plain"][name]["ours_as_good_after"][key], each) for each in told]
            known = [
                after["cpu_seconds"] / each["plain"][name]["cpu_seconds"]
                for after, each in pairs
                if after
            ]
            shares[name][key] = {
                "of": len(pairs),
                "reached": len(known),
                "median_share": _rounded(np.median(known)) if known else None,
                "largest_share": _rounded(max(known, default=None)),
            }
    return shares


def longer(told: Iterable[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Of a variant that got more time: how often it became as good as ours, after how many times
    its time; None where it did not get any."""
    runs = [each["plain"][name]["longer"] for each in told if "longer" in each["plain"][name]]
    if not runs:
        return None
    return {
        "of": len(runs),
        "as_good_as_ours": sum(each["as_good_as_ours"] for each in runs),
        "median_times": _rounded(np.median([each["times"] for each in runs])),
        "least_times": min(each["times"] for each in runs),
    }


def _rounded(value: float | np.floating[Any] | None) -> float | None:
    return None if value is None else round(float(value), 3)
