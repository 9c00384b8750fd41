"""A whole export on disk, by the real journal, of the random samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.export.checksums import write_sums
from core.export.contact import Previews
from core.export.describing import describe
from core.export.engines.engine import MadeChunk
from core.export.journal import Journal
from core.export.sample import Chunk, Sample
from studio.export_formats import FORMATS
from tests.export_samples import chunks, facts, fresh, samples


def export(folder: Path, names: Sequence[str], **changes: Any) -> None:
    """Write the random samples in these formats, and all that lies beside them."""
    known = facts(**changes)
    given: Sequence[Sample] = fresh() if changes else samples()
    formats = [FORMATS[name](folder / name, known) for name in names]
    previews = Previews(folder / Previews.name, known)
    with Journal(folder, known.as_json(), dict) as journal:
        for index, split, here in chunks(given):
            chunk = Chunk(index, split, tuple(sample.order for sample in here))
            files = [
                p for each in (*formats, previews) for p in each.write_chunk(index, split, here)
            ]
            journal.commit(MadeChunk(chunk, tuple(here)), files)
        files = [path for each in formats for path in each.finish(journal.rows)]
        journal.finish([*files, *describe(folder, known, formats, journal.rows)])
        lines = [line.files for line in journal.chunks.values()]
        assert journal.finished is not None
        stored = {
            path: one for files in (*lines, journal.finished.files) for path, one in files.items()
        }
        write_sums(folder, {path: one.sha256 for path, one in stored.items()})
