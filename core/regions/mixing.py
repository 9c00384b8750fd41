"""Chosen parts of one face in another, blended between the layers of any generator."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.directions.direction import Direction
from core.errors import InvalidRequestError
from core.generators import Device, Generator, Outputs, Precision, RenderPass, open_runtime
from core.generators.blending import BlendingSynthesis
from core.regions.blend_pass import BlendPass, rows_of
from core.regions.blend_runtime import BlendRuntime
from core.regions.parts import PARTS, Take, checked_takes, ids_of
from core.regions.placing import turn
from core.regions.zones import draw_zones
from core.segmentation.segmenter import Segmenter

Ws = NDArray[np.float32]
Labels = NDArray[np.uint8]

SOFTNESS = 0.3
LEAST = 3e-4  # of the picture; less of a part is none
ALIKE, APART = 0.05, 0.12  # of `turn`: no need to turn; too far apart for good results
MOST_TURNED = 4.0  # units of the direction
LOOKS = 3  # at the other face on the way
_KEPT = 16  # masks of faces


class NothingToTakeError(InvalidRequestError):
    """Neither face has any of the parts."""


@dataclass(frozen=True, eq=False)
class Mixed:
    """picture: uint8 [R, R, 3]. labels: class ids uint8 [S, S] of the blended maps. notes: what
    does not go well, for people."""

    picture: NDArray[np.uint8]
    labels: Labels
    notes: tuple[str, ...] = ()


class RegionMixer:
    """Mixes faces of one generator. Safe to use from threads.

    turning: the direction in which heads turn; with it the other face is turned as the own one is
    before anything is taken. Raises InvalidRequestError for a generator whose maps cannot be
    blended, WeightsError for a segmenter of another generator.
    """

    def __init__(
        self,
        generator: Generator,
        segmenter: Segmenter,
        turning: Direction | None = None,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        segmenter.check_generator(generator)
        synthesis = generator.synthesis
        if not isinstance(synthesis, BlendingSynthesis):
            raise InvalidRequestError(
                f"The maps of generator '{generator.identity.name}' cannot be blended."
            )
        self._synthesis, self.classes, self._turning = synthesis, segmenter.classes, turning
        labeller = segmenter.labeller()
        self._blend_pass = BlendPass(synthesis, labeller)
        self._blend = BlendRuntime(self._blend_pass, device, precision)
        seen = RenderPass(generator, Outputs(image=False, labels=True), labeller=labeller)
        self._seen = open_runtime(seen, device=device, precision=precision)
        whole = RenderPass(generator, Outputs(labels=True), labeller=labeller)
        self._whole = open_runtime(whole, device=device, precision=precision)
        self._masks: OrderedDict[bytes, Labels] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def parts(self) -> tuple[str, ...]:
        """Those of PARTS that its segmenter tells apart."""
        return tuple(name for name in PARTS if ids_of(PARTS[name].classes, self.classes))

    def mix(self, own: Ws, other: Ws, takes: Sequence[Take], softness: float = SOFTNESS) -> Mixed:
        """ws [L, D] of both faces -> the own one with parts of the other. softness: of borders,
        0 to 1. A face mixed with itself stays itself, to the bit.

        Raises InvalidRequestError; NothingToTakeError where neither face has any of the parts.
        """
        names = self._checked(own, other, takes, softness)
        if np.array_equal(own, other):
            made = self._whole.render(own)
            return Mixed(made["image"], made["labels"])
        mine, theirs = self.labels(own), self.labels(other)
        notes = []
        present = [name for name in names if self._has(mine, name) or self._has(theirs, name)]
        for name in [name for name in names if name not in present]:
            notes.append(f"Neither face has {PARTS[name].title.lower()}: nothing to take there.")
        if not present:
            raise NothingToTakeError(" ".join(notes) + " Choose other parts or another face.")
        other, theirs = self._turned(mine, other, theirs)
        if _apart(turn(mine, self.classes), turn(theirs, self.classes)) > APART:
            notes.append("The heads are turned too differently for parts to fit well.")
        zones = draw_zones(mine, theirs, self.classes, present, softness, self._blend_pass.sizes)
        rows = rows_of(
            torch.from_numpy(own), torch.from_numpy(other), self._synthesis.layer_resolutions
        )
        picture, labels = self._blend([rows, *self._blend_pass.inputs(zones)])
        return Mixed(picture[0], labels[0], tuple(notes))

    def labels(self, ws: Ws) -> Labels:
        """The mask of a face, ws [L, D]: class ids uint8 [S, S]."""
        key = ws.tobytes()
        with self._lock:
            known = self._masks.get(key)
        if known is None:
            known = self._seen.render(ws)["labels"]
            with self._lock:
                self._masks[key] = known
                while len(self._masks) > _KEPT:
                    self._masks.popitem(last=False)
        return known

    def _turned(self, mine: Labels, other: Ws, theirs: Labels) -> tuple[Ws, Labels]:
        """The other face turned as the own one is, by the secant method, and its mask."""
        goal, start = turn(mine, self.classes), turn(theirs, self.classes)
        if self._turning is None or goal is None or start is None:
            return other, theirs
        best = (abs(start - goal), other, theirs)
        amounts, turns = [0.0], [start]
        amount = 1.0
        for _ in range(LOOKS):
            if best[0] <= ALIKE:
                break
            moved: Ws = self._turning.apply(other, amount)
            labels = self.labels(moved)
            found = turn(labels, self.classes)
            if found is None or found == turns[-1]:
                break
            best = min(best, (abs(found - goal), moved, labels), key=lambda each: each[0])
            amounts.append(amount)
            turns.append(found)
            slope = (turns[-1] - turns[-2]) / (amounts[-1] - amounts[-2])
            amount = float(np.clip(amount + (goal - found) / slope, -MOST_TURNED, MOST_TURNED))
            if amount == amounts[-1]:
                break
        return best[1], best[2]

    def _has(self, labels: Labels, name: str) -> bool:
        ids = ids_of(PARTS[name].classes, self.classes)
        return float(np.isin(labels, ids).mean()) >= LEAST

    def _checked(
        self, own: Ws, other: Ws, takes: Sequence[Take], softness: float
    ) -> tuple[str, ...]:
        if not takes:
            raise InvalidRequestError(
                f"No part is to be taken. Choose of: {', '.join(self.parts)}."
            )
        takes = checked_takes(takes)
        wanted = (self._synthesis.num_ws, self._synthesis.w_dim)
        if own.shape != wanted or other.shape != wanted:
            raise InvalidRequestError(
                f"Both faces must be ws {list(wanted)}, are {list(own.shape)} and "
                f"{list(other.shape)}."
            )
        if not 0 <= softness <= 1:
            raise InvalidRequestError(f"softness must be in 0..1, is {softness:g}.")
        for take in takes:
            if take.part not in self.parts:
                raise InvalidRequestError(
                    f"The segmenter does not tell {take.part} from the rest. Choose of: "
                    f"{', '.join(self.parts)}."
                )
            if not take.is_whole:
                raise InvalidRequestError(
                    f"This generator blends parts and takes them whole: leave out how far shape "
                    f"and texture of {take.part} go."
                )
        return tuple(take.part for take in takes)


def _apart(a: float | None, b: float | None) -> float:
    """0 where one of them is not known."""
    return 0.0 if a is None or b is None else abs(a - b)
