"""Exports that are killed, stopped, refused and gone on with, by fake makers."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import Cancelled, InvalidRequestError, OutputError
from core.export.checksums import FILE, read_sums
from core.export.engines import LocalEngine, open_engine
from core.export.engines.handing import Handing
from core.export.journal import LOCK, NAME
from core.export.pace import Pace
from core.export.plan import Plan
from core.export.quality_filter import (
    ARTIFACT,
    MISSED,
    NO_FACE,
    SEVERAL,
    UNCERTAIN,
    Bounds,
    Judged,
    faults,
    most_uncertain,
    settled,
)
from core.export.recipe import Filter, Limit
from core.export.recipe_text import recipe_of
from core.progress import Step
from tests.export_fakes import contents, export, recipe, run
from tests.fake_maker import FakeMaker
from tests.launching import REPOSITORY

COUNT = 150


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    figures = run(folder, recipe(COUNT))
    assert figures["count"] == figures["made"] == COUNT and figures["resumed_from"] == 0
    return folder


def test_all_is_there_once_and_is_accounted_for(whole: Path) -> None:
    header, *chunks, last = map(json.loads, (whole / NAME).read_text().splitlines())
    assert header["asked"]["recipe"]["count"] == COUNT
    assert [line["chunk"] for line in chunks] == list(range(len(chunks)))
    assert sum(line["faces"] for line in chunks) == COUNT
    named = {name for line in chunks for name in line["files"]} | set(last["finished"]["files"])
    assert named | {NAME, LOCK, FILE} == set(contents(whole))
    assert read_sums(whole) == {name: contents(whole)[name] for name in named}
    for line in chunks:
        for name, stored in line["files"].items():
            assert stored["sha256"] == contents(whole)[name]
    names = json.loads((whole / "plain" / "names.json").read_text())
    assert [name.split()[0] for name in names] == [f"{place:06d}" for place in range(COUNT)]
    figures = run(whole, recipe(COUNT))
    assert figures["made"] == 0 and figures["dropped"] == {
        UNCERTAIN: sum(line["dropped"].get(UNCERTAIN, 0) for line in chunks)
    }
    assert figures["dropped"][UNCERTAIN] > 5 and list(whole.glob("dropped/*.jpg"))


def test_killed_at_any_moment_it_ends_the_same(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "tests.export_fakes", str(folder), str(COUNT), "0.003", "10"]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, timeout=90, check=True)
    assert int(done.stdout) >= 1  # kills; more on a quiet machine
    run(folder, recipe(COUNT))
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize("harm", ["cut line", "lost file", "short file", "left over", "unfinished"])
def test_what_a_kill_can_leave_is_mended(whole: Path, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "out"
    run(folder, recipe(COUNT))
    journal = folder / NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    if harm == "cut line":
        journal.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    elif harm == "lost file":
        (folder / "plain" / "001-train.npz").unlink()
    elif harm == "short file":
        (folder / "latents" / "00000.npz").write_bytes(b"12")
    elif harm == "left over":
        journal.write_bytes(b"".join(lines[:2]))
        (folder / "plain" / ".unfinished-0123").write_bytes(b"half")
    else:
        journal.write_bytes(b"".join(lines[:-1]))
    figures = run(folder, recipe(COUNT))
    assert figures["resumed_from"] == COUNT - figures["made"]
    assert (figures["made"] > 0) == (harm != "unfinished")
    assert contents(folder) == contents(whole)


def test_a_cancelled_export_goes_on(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"

    def stop(step: Step) -> None:
        if step.done >= 100:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled, match="Cancelled"):
        run(folder, recipe(COUNT), stop)
    kept = len((folder / NAME).read_text().splitlines()) - 1
    assert kept >= 1
    made, told = export(recipe(COUNT))
    assert made.run(folder)["resumed_from"] > 0
    assert told == [] and contents(folder) == contents(whole)


def test_a_disk_that_takes_no_more_stops_it_and_the_same_call_goes_on(
    whole: Path, tmp_path: Path
) -> None:
    folder, before = tmp_path / "out", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, before[1]))
    try:
        with pytest.raises(OutputError, match="Could not write"):
            run(folder, recipe(COUNT))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (folder / NAME).exists() and not list(folder.rglob(".unfinished-*"))
    run(folder, recipe(COUNT))
    assert contents(folder) == contents(whole)


def test_a_disk_that_fills_up_under_the_journal_leaves_whole_lines(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, calls = tmp_path / "out", iter(range(100))

    def full(handle: int) -> None:
        if next(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("core.export.journal.os.fsync", full)
        with pytest.raises(OutputError, match="The disk is full while writing"):
            run(folder, recipe(COUNT))
    assert (folder / NAME).read_bytes().endswith(b"}\n")
    run(folder, recipe(COUNT))
    assert contents(folder) == contents(whole)


def test_a_folder_with_anything_else_in_it_is_refused(whole: Path, tmp_path: Path) -> None:
    before = contents(whole)
    with pytest.raises(InvalidRequestError, match="another export: its seed is 3, not 4"):
        run(whole, recipe(COUNT, seed=4))
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidRequestError, match=r"holds other files \(mine.txt\)"):
        run(tmp_path, recipe(COUNT))
    with pytest.raises(InvalidRequestError, match=r"mine\.txt is a file"):
        run(tmp_path / "mine.txt", recipe(COUNT))
    assert contents(whole) == before and os.listdir(tmp_path) == ["mine.txt"]


def test_two_do_not_write_to_one_folder(tmp_path: Path) -> None:
    refused: list[str] = []

    def second(step: Step) -> None:
        if not refused:
            with pytest.raises(InvalidRequestError, match="Another export is writing") as told:
                run(tmp_path / "out", recipe(COUNT))
            refused.append(str(told.value))

    run(tmp_path / "out", recipe(COUNT), second)
    assert len(refused) == 1


def test_what_the_maker_refuses_ends_the_run_and_keeps_what_was_done(tmp_path: Path) -> None:
    asked = recipe(COUNT)
    with pytest.raises(InvalidRequestError, match="Place 70 cannot be"):
        run(tmp_path / "out", asked, maker=FakeMaker(asked.seed, fails=70))
    assert len((tmp_path / "out" / NAME).read_text().splitlines()) == 2


def test_memory_is_bounded_by_waiting_for_the_writer() -> None:
    gate, written = threading.Semaphore(0), []

    def slow(made) -> None:
        gate.acquire()
        written.append(made)

    begun = []
    with Handing(slow) as handing:

        def put() -> None:
            for number in range(6):
                handing.put(number)  # type: ignore[arg-type]
                begun.append(number)

        thread = threading.Thread(target=put)
        thread.start()
        time.sleep(0.2)
        assert begun == [0, 1]  # one is written, one waits, the third is held up
        for _ in range(6):
            gate.release()
        thread.join()
    assert written == list(range(6))


def test_after_a_failed_write_nothing_more_is_written() -> None:
    written = []

    def broken(made) -> None:
        written.append(made)
        raise OutputError("The disk is full.")

    with pytest.raises(OutputError, match="disk is full"), Handing(broken) as handing:
        for number in range(9):
            handing.put(number)  # type: ignore[arg-type]
    assert written == [0]


def test_pace_tells_rate_and_time_left() -> None:
    now, told = [0.0], []
    pace = Pace(50, 150, told.append, lambda: now[0])
    pace.add(0)
    now[0] = 10
    pace.add(20)
    assert told[0].doing == "exporting" and told[-1].done == 70 and told[-1].total == 150
    assert told[-1].doing == "exporting, 2.0 faces/s, 40 s left"
    assert pace.made == 20 and pace.seconds() == 10


def test_a_face_is_judged_by_what_was_asked_for() -> None:
    bad = Judged(artifact=1.0, uncertainty=0.6, faces=2, has_missed=True)
    bounds = Bounds(uncertainty=0.5, artifact=2.0)
    assert faults(bad, Filter(), bounds) == (SEVERAL, MISSED, ARTIFACT, UNCERTAIN)
    assert faults(Judged(5, 0.2, 0), Filter(), bounds) == (NO_FACE,)
    assert faults(bad, Filter(one_face=False, target=False), Bounds()) == ()
    assert faults(Judged(5, 0.2, 1), Filter(), bounds) == ()


def test_a_share_drops_that_share_of_the_pilot() -> None:
    values = np.random.default_rng(0).random(1000)
    pilot = [Judged(100 * value, value, 1) for value in values]
    asked = Filter(uncertainty=Limit(0.1, is_share=True), artifact=Limit(3))
    bounds = settled(asked, pilot)
    assert bounds.artifact == 3
    dropped = [judged for judged in pilot if UNCERTAIN in faults(judged, asked, bounds)]
    assert len(dropped) == 100 and min(j.uncertainty for j in dropped) > 0.85
    with pytest.raises(InvalidRequestError, match="need faces to measure"):
        settled(asked, [])


def test_uncertainty_is_the_mean_of_the_least_sure_tenth() -> None:
    levels = np.random.default_rng(1).integers(0, 256, (20, 20), np.uint8)
    expected = np.sort(levels.ravel())[-40:].mean() / 255
    assert most_uncertain(levels) == pytest.approx(expected)
    assert most_uncertain(np.zeros((8, 8), np.uint8)) == 0


def test_engines_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_engine("local"), LocalEngine)
    with pytest.raises(InvalidRequestError, match="engine must be one of local, ray"):
        open_engine("dask")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidRequestError, match=r"Ray is not installed .*faceloom\[ray\]"):
        open_engine("ray")


@pytest.mark.parametrize(("size", "variants"), [(1024, 1), (512, 3), (512, 1)])
def test_chunks_are_numbered_within_their_splits(size: int, variants: int) -> None:
    """What names files ('train-00001-of-00003') counts as the plan does."""
    asked = recipe_of(
        {"count": 300, "size": size, "variants": variants, "splits": "50/30/20", "seed": 1}
    )
    facts, plan = export(asked)[0].facts, Plan(asked)
    places = {split: [] for split in plan.splits}
    for chunk in plan.chunks():
        places[chunk.split].append(facts.place_in_split(chunk.index, chunk.split))
    assert places == {split: list(range(facts.num_chunks(split))) for split in plan.splits}
