"""A maker without networks, in a module that a worker imports in no time."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InvalidRequestError
from core.export.engines.engine import MadeChunk, OnFaces
from core.export.quality_filter import UNCERTAIN
from core.export.recipe import seed_of
from core.export.sample import Chunk, Dropped, Sample, pixel_facts

SIZE = 8


@dataclass(frozen=True)
class FakeMaker:
    """Drops one face in four. dies: a file; who finds it takes it away, if it is a plain one, and
    dies of SIGKILL. fails: raises at the first face of this place."""

    seed: int
    seconds: float = 0.0
    dies: Path | None = None
    fails: int | None = None

    def make(self, chunk: Chunk, on_faces: OnFaces) -> MadeChunk:
        samples, dropped = [], []
        for order in chunk.orders:
            if self.fails == order.place:
                raise InvalidRequestError(f"Place {order.place} cannot be.")
            attempt = 0
            while (seed := seed_of(self.seed, order.identity, attempt)) % 4 == 0:
                dropped.append(Dropped(UNCERTAIN, order.place, attempt, {"seed": seed}))
                attempt += 1
            if self.seconds:
                time.sleep(self.seconds)
            self._perhaps_die()
            draw = np.random.default_rng([seed, order.variant])
            image = draw.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
            mask = draw.integers(0, 3, (SIZE, SIZE), np.uint8)
            ws = draw.standard_normal((2, 4)).astype(np.float32)
            record = {"seed": seed, "attempt": attempt, "asked": dict(order.target), "psi": 0.7}
            record |= {"measured": {}, "quality": {}} | pixel_facts(image, mask)
            samples.append(Sample(order, image, mask, ws, record))
            on_faces(1)
        looks = {place: np.zeros((4, 4, 3), np.uint8) for place in range(len(dropped[:2]))}
        return MadeChunk(chunk, tuple(samples), tuple(dropped), looks, {"rendering": 0.1})

    def _perhaps_die(self) -> None:
        if self.dies is not None and self.dies.exists():
            if self.dies.is_file():
                self.dies.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def same(maker: FakeMaker) -> FakeMaker:
    """With `functools.partial`: what builds it."""
    return maker
