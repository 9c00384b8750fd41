"""Exports without networks: faces of 8 px that depend on the recipe alone.

python -m tests.export_fakes FOLDER COUNT SECONDS_A_FACE KILLS

begins one as often as that, kills each, and says how many were not done before.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from core.export.engines import BuildMaker, Engine, LocalEngine
from core.export.formats import FileGroup, Format, Stored
from core.export.journal import NAME
from core.export.plan import Plan
from core.export.quality_filter import Bounds
from core.export.recipe import Recipe
from core.export.recipe_text import recipe_of
from core.export.run import Export
from core.export.sample import (
    DatasetFacts,
    MaskClass,
    PaintedFace,
    RowSource,
    Sample,
    Weights,
)
from core.files import write_whole
from core.latent_files import write_npz
from core.progress import OnStep, ignore
from tests.fake_maker import SIZE, FakeMaker, same


class Plain(Format):
    """One file of pixels a chunk, and a list of all names in the end."""

    name: ClassVar[str] = "plain"

    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        path = self.folder / f"{chunk_index:03d}-{split}.npz"
        write_npz(path, {sample.name: sample.image for sample in samples})
        return [path]

    def finish(self, rows: RowSource) -> list[Path]:
        names = [f"{row.name} {row.split} {row.record['seed']}" for row in rows()]
        write_whole(self.folder / "names.json", json.dumps(names).encode())
        return [self.folder / "names.json"]

    def groups(self) -> Sequence[FileGroup]:
        return [FileGroup("*.npz", "application/zip", "images")]

    def read_back(self) -> Iterator[Stored]:
        return iter(())


def recipe(count: int = 150, seed: int = 3) -> Recipe:
    return recipe_of({"count": count, "seed": seed, "splits": "80/10/10", "variants": 2})


def export(
    asked: Recipe,
    engine: Engine | None = None,
    maker: FakeMaker | None = None,
    painted: Sequence[PaintedFace] = (),
    painted_maker: BuildMaker | None = None,
) -> tuple[Export, list[str]]:
    """The export, and what it does besides making, as it is done."""
    told: list[str] = []
    plan = Plan(asked, painted)
    facts = DatasetFacts(
        name="fakes",
        size=SIZE,
        splits=plan.splits,
        scheme="three",
        classes=tuple(MaskClass(i, f"class {i}", (i, i, i)) for i in range(3)),
        weights=(Weights("generator", "fake", "0" * 64, "none"),),
        recipe=asked.plain(),
        chunk_size=plan.chunk_size,
        painted=plan.painted,
    )

    def settle() -> Bounds:
        told.append("settled")
        return Bounds(0.5)

    def maker_of(bounds: Bounds):
        assert asdict(bounds) == asdict(Bounds(0.5))
        return functools.partial(same, maker or FakeMaker(asked.seed))

    made = Export(
        plan,
        facts,
        {"plain": Plain},
        engine or LocalEngine(),
        settle,
        maker_of,
        lambda *known: [],
        painted_maker,
    )
    return made, told


def run(folder: Path, asked: Recipe, on_step: OnStep = ignore, **parts: object) -> dict:
    return export(asked, **parts)[0].run(folder, on_step)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, str]:
    """Every file below it, by its sha256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main(folder: str, count: str, seconds: str, kills: str) -> None:
    """Each run is a fork that is killed a random moment after it wrote its next chunk."""
    chance, journal, killed = random.Random(5), Path(folder) / NAME, 0
    asked = recipe(int(count))
    for _ in range(int(kills)):
        before = _size(journal)
        child = os.fork()
        if child == 0:
            run(Path(folder), asked, maker=FakeMaker(asked.seed, float(seconds)))
            os._exit(0)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if _size(journal) != before:
                time.sleep(chance.random() * 0.2)
                os.kill(child, signal.SIGKILL)
                killed += os.waitpid(child, 0)[1] == signal.SIGKILL
                break
            time.sleep(0.002)
    os.write(1, f"{killed}\n".encode())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


if __name__ == "__main__":
    main(*sys.argv[1:])
