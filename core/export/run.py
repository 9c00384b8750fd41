"""An export from recipe to finished folder: chunks are made, written, journaled; then the rest."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from core.export.contact import Previews
from core.export.engines.engine import BuildMaker, Engine, MadeChunk
from core.export.engines.local import LocalEngine
from core.export.formats.format import Format
from core.export.journal import Journal
from core.export.pace import Pace
from core.export.plan import Plan
from core.export.quality_filter import Bounds
from core.export.sample import DatasetFacts, RowSource
from core.files import write_whole
from core.progress import OnStep, Step, ignore

RECIPE = "recipe.yaml"
Describe = Callable[[Path, DatasetFacts, Sequence[Format], RowSource], Iterable[Path]]


@dataclass(frozen=True)
class Export:
    """What is to be made, and by what.

    formats: their classes, by name, in the recipe's order; each writes to a folder of its name.
    settle: measures the bounds of the filter, at the start of an export only. maker_of: what
    makes faces under these bounds. describe: writes what belongs to no format, as
    core/export/describing.py does; returns the files. painted_maker: what fetches painted faces,
    in this process; needed where the plan has some.
    """

    plan: Plan
    facts: DatasetFacts
    formats: Mapping[str, type[Format]]
    engine: Engine
    settle: Callable[[], Bounds]
    maker_of: Callable[[Bounds], BuildMaker]
    describe: Describe
    painted_maker: BuildMaker | None = None

    def run(self, folder: Path, on_step: OnStep = ignore) -> dict[str, Any]:
        """Make what is missing in `folder`; returns the figures. A finished one is left as it is.

        Raises InvalidRequestError for a folder with anything else in it, OutputError where the
        disk refuses, Cancelled where on_step does; what is done then is kept, and the same call
        goes on with it.
        """
        began = time.monotonic()
        with Journal(folder, self.facts.as_json(), lambda: asdict(self.settle())) as journal:
            before = journal.faces()
            missing = [c for c in self.plan.chunks() if c.index not in journal.chunks]
            formats = {name: made(folder / name, self.facts) for name, made in self.formats.items()}
            previews = Previews(folder / Previews.name, self.facts)
            writing = _Writing(journal, formats, previews)
            pace = Pace(before, len(self.plan), on_step)
            if generated := [chunk for chunk in missing if not chunk.is_painted]:
                build = self.maker_of(Bounds(**journal.settled))
                self.engine.run(generated, build, writing, pace.add)
            if painted := [chunk for chunk in missing if chunk.is_painted]:
                assert self.painted_maker is not None
                LocalEngine().run(painted, self.painted_maker, writing, pace.add)
            making = pace.seconds()
            if missing or journal.finished is None:
                on_step(Step(len(self.plan), len(self.plan), "finishing", "faces"))
                started = time.monotonic()
                journal.finish(self._finished(journal, list(writing.formats.values())))
                writing.seconds["finishing"] = time.monotonic() - started
            whole = time.monotonic() - began
            return self._figures(journal, pace, before, making, whole, writing.seconds)

    def _finished(self, journal: Journal, formats: Sequence[Format]) -> list[Path]:
        """Write what needs all faces; returns the files."""
        recipe = journal.folder / RECIPE
        text = yaml.safe_dump(self.plan.recipe.plain(), sort_keys=False, allow_unicode=True)
        write_whole(recipe, text.encode())
        files = [recipe]
        for each in formats:
            files += each.finish(journal.rows)
        return [*files, *self.describe(journal.folder, self.facts, formats, journal.rows)]

    def _figures(
        self,
        journal: Journal,
        pace: Pace,
        before: int,
        making: float,
        whole: float,
        seconds: Mapping[str, float],
    ) -> dict[str, Any]:
        dropped = journal.dropped()
        return {
            "count": journal.faces(),
            "painted": len(self.plan.painted),
            "size": self.facts.size,
            "splits": dict(self.facts.splits),
            "formats": list(self.formats),
            "made": pace.made,
            "resumed_from": before,
            "dropped": dropped,
            "dropped_share": round(
                sum(dropped.values()) / max(1, sum(dropped.values()) + journal.faces()), 4
            ),
            "kept_in_spite": sum(line.kept for line in journal.chunks.values()),
            "bounds": dict(journal.settled),
            "seconds": round(whole, 3),
            "seconds_making": round(making, 3),
            "faces_per_second": round(pace.made / making, 3) if making else None,
            "stages": {
                name: round(spent / making, 3) if making else None
                for name, spent in sorted(seconds.items())
            },
            "bytes": sum(f.size for line in journal.chunks.values() for f in line.files.values()),
        }


@dataclass
class _Writing:
    """Writes chunks in all formats, and adds up where time went."""

    journal: Journal
    formats: Mapping[str, Format]
    previews: Previews
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __call__(self, made: MadeChunk) -> None:
        started = time.monotonic()
        files: list[Path] = []
        for each in (*self.formats.values(), self.previews):
            files += each.write_chunk(made.chunk.index, made.chunk.split, made.samples)
        self.journal.commit(made, files)
        for stage, spent in made.seconds.items():
            self.seconds[stage] += spent
        self.seconds["writing"] += time.monotonic() - started
