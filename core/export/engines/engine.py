"""What engines run: makers, which turn a chunk of orders into faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.export.sample import Chunk, Dropped, Sample


@dataclass(frozen=True, eq=False)
class MadeChunk:
    """A chunk whose faces are all there.

    samples: one an order, in their order. dropped: what was made and not taken, in the order of
    making. looks: of some of the dropped, by their place in `dropped`, small pictures uint8
    [P, P, 3]. seconds: of each stage.
    """

    chunk: Chunk
    samples: tuple[Sample, ...]
    dropped: tuple[Dropped, ...] = ()
    looks: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


OnFaces = Callable[[int], None]  # so many faces more; may raise Cancelled, or wait
OnChunk = Callable[[MadeChunk], None]  # writes it; calls come one after another


class Maker(Protocol):
    """Holds the networks. What it makes of a chunk depends on nothing but the chunk."""

    def make(self, chunk: Chunk, on_faces: OnFaces) -> MadeChunk: ...


BuildMaker = Callable[[], Maker]  # what it needs must be picklable


class Engine(Protocol):
    def run(
        self,
        chunks: Iterable[Chunk],
        build_maker: BuildMaker,
        on_chunk: OnChunk,
        on_faces: OnFaces,
    ) -> None:
        """Make all chunks, in any order, and hand each to `on_chunk`, in a thread of its own.

        on_faces: called from the calling thread. What it or `on_chunk` raises ends the run;
        chunks that are made are still handed over where on_chunk did not fail. Raises CoreError.
        """
