"""One process: faces are made here while finished chunks are written in another thread.

The networks use all cores by themselves, so that more processes would only share them.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.export.engines.engine import BuildMaker, OnChunk, OnFaces
from core.export.engines.handing import Handing
from core.export.sample import Chunk


class LocalEngine:
    def run(
        self,
        chunks: Iterable[Chunk],
        build_maker: BuildMaker,
        on_chunk: OnChunk,
        on_faces: OnFaces,
    ) -> None:
        """As `Engine.run`. At most one chunk is made, one waits and one is written at a time."""
        maker = build_maker()
        on_faces(0)
        with Handing(on_chunk) as handing:
            for chunk in chunks:
                handing.put(maker.make(chunk, on_faces))
