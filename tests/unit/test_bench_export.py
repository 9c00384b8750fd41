"""`bench export`: rates, ratios, peaks; the exports themselves are faked, programs are real."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.errors import CoreError, InvalidRequestError
from core.export.sample import CHUNK_SIZE
from core.progress import OnStep, Step
from studio.bench import export as measured
from studio.bench.export import PEER, ExportBench, Rates, bench_export
from studio.bench.peak_memory import peak_of
from studio.commands.bench_export import _table
from studio.workflows.exporting import ExportRequest
from tests.tiny_generator import tiny_generator

CONFIG = ExportBench("tiny", count=20, rounds=2, images=2, memory=(3, 5))
PYTHON = (sys.executable, "-c")
WAIT = "import time; time.sleep(0.3)"


class FakeExports:
    """Remembers what is asked for; each export is told to have made 8 faces a second."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, str]] = []
        self.folders: list[Path] = []

    def __call__(
        self, request: ExportRequest, folder: Path, models: object, workspace: Path, on_step: OnStep
    ) -> dict[str, Any]:
        recipe = request.recipe
        self.asked.append((recipe.size, recipe.count, request.engine))
        self.folders.append(folder)
        assert folder.is_dir() and not any(folder.iterdir())
        for done in range(0, recipe.count + 1, CHUNK_SIZE // 2):
            on_step(Step(done, recipe.count, "exporting", "faces"))
        return {
            "faces_per_second": 8.0,
            "seconds": 12.0,
            "seconds_making": 10.0,
            "stages": {"rendering": 0.75, "writing": 0.5},
            "bytes": 1000 * recipe.count,
            "count": recipe.count,
            "runtime": "fake",
        }


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> FakeExports:
    made = FakeExports()
    monkeypatch.setattr(measured, "export_to_folder", made)
    return made


@pytest.fixture
def models() -> Any:
    network = tiny_generator()
    return SimpleNamespace(generator=lambda name: network, device="cpu")


class FakeWheel:
    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def image(self, w: np.ndarray) -> None:
        self.seen.append(w.shape)


def ticking(*times: float) -> Any:
    left: Iterator[float] = iter(times)
    return lambda: next(left)


def test_the_peer_is_run_before_and_after_every_export(
    exports: FakeExports,
    models: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # two images a run: 1 s, then 0.5 s, 1 s, 0.25 s, 1 s, and the warm-up before
    spent = [9.0, 1.0, 0.5, 1.0, 0.25, 1.0]
    ends = np.cumsum([part for each in spent for part in (0.0, each)])
    monkeypatch.setattr("time.perf_counter", ticking(*ends))
    monkeypatch.setattr(
        measured, "peak_of", lambda command, folder: peak_of((*PYTHON, WAIT), folder)
    )
    wheel = FakeWheel()
    figures = bench_export(models, tmp_path, wheel, CONFIG)  # type: ignore[arg-type]
    assert exports.asked == [
        *((512, 8, "local"), (1024, 8, "local")),  # warm-up
        *[(512, 20, "local"), (1024, 20, "local")] * 2,
    ]
    assert wheel.seen == [(1, 16)] * 12
    assert figures["peer"] == {
        "name": PEER,
        "images_per_second": 2.0,
        "rates": [2.0, 4.0, 2.0, 8.0, 2.0],
    }
    small, large = figures["sizes"]["512"], figures["sizes"]["1024"]
    assert small["ratios"] == [round(8 / 3, 3), round(8 / 5, 3)] and small["target"] == 2.0
    assert small["ratio_to_peer"] == pytest.approx((8 / 3 + 8 / 5) / 2, abs=1e-3)
    assert small["is_met"] and large["is_met"] and large["target"] == 1.0
    assert small["stages"] == {"rendering": 0.75, "writing": 0.5}
    assert small["seconds_opening_and_finishing"] == 2.0 and small["kb_per_face"] == 1.0
    assert [run["faces"] for run in figures["memory"]["runs"]] == [3, 5]
    assert list(tmp_path.iterdir()) == []  # nothing stays
    assert not any(folder.exists() for folder in exports.folders)
    told = _table(figures)
    assert "512 px, 1 kB each" in told and "2.133" in told and "rendering 75 %" in told


def test_what_misses_its_target_says_so() -> None:
    made = {
        "faces_per_second": 3.0, "seconds": 2.0, "seconds_making": 1.0, "stages": {}, "bytes": 1,
        "count": 1,
    }  # fmt: skip
    found = Rates([made, made, made], [0.5, 1.9, 2.5]).figures(2.0)
    assert (found["ratio_to_peer"], found["is_met"]) == (1.9, False)
    alone = Rates([made]).figures(2.0)
    assert (alone["ratio_to_peer"], alone["is_met"]) == (None, None)


def test_ray_is_measured_beside_the_local_engine_without_the_start_of_its_workers(
    exports: FakeExports,
    models: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measured, "open_engine", lambda name, workers: None)
    config = ExportBench("tiny", (512,), 20, 1, memory=(), workers=2)
    figures = bench_export(models, tmp_path, None, config)
    count = 3 * 2 * CHUNK_SIZE
    assert exports.asked[2:] == [(512, count, "local"), (512, count, "ray")]
    assert figures["ray"]["count"] == count and figures["ray"]["ratio_to_local"] > 0
    assert figures["peer"] is None and figures["memory"] is None
    assert figures["sizes"]["512"]["ratio_to_peer"] is None
    assert "Ray, 2 workers" in _table(figures)


def test_a_rate_counts_from_the_end_of_the_first_wave() -> None:
    watch = measured._Watch(ticking(0.0, 30.0, 31.0, 35.0, 40.0))
    for done in (0, 64, 130, 200, 330):
        watch(Step(done, 330, "exporting", "faces"))
    assert watch.rate_after(128) == 200 / 9


def test_without_ray_nothing_is_measured(
    exports: FakeExports,
    models: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str, workers: int) -> None:
        raise InvalidRequestError("Ray is not installed.")

    monkeypatch.setattr(measured, "open_engine", missing)
    with pytest.raises(InvalidRequestError, match="not installed"):
        bench_export(models, tmp_path, None, ExportBench("tiny", workers=2))
    assert exports.asked == []


def test_peaks_of_a_program_and_its_children_are_added_up(tmp_path: Path) -> None:
    hold = "import time; held = bytearray(b'x') * 60_000_000; del held; time.sleep(0.4)"
    alone = peak_of((*PYTHON, hold), tmp_path)
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}]); {hold}"
    together = peak_of((*PYTHON, both), tmp_path)
    assert (alone.processes, together.processes) == (1, 2)
    assert 57 < alone.megabytes < 120  # a peak, though it is given back at once
    assert together.megabytes > 2 * 57 and together.seconds >= 0.8


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(CoreError, match="no such recipe"):
        peak_of((*PYTHON, "import sys; sys.exit('no such recipe')"), tmp_path)
