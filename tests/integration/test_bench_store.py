"""`launch.py bench store`, small: a real studio is killed between saves, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from annotations import AnnotationStore
from core.errors import CoreError
from studio.bench import store as bench
from studio.bench.store import StoreBench, bench_store
from tests.launching import REPOSITORY, run_here, started

SMALL = StoreBench(
    num_annotators=4, num_saves=3, num_shared=2, pause=0.5, size=64, settle=0, generator="small"
)


def processes_of(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended meanwhile
    return [line for line in lines if str(folder) in line]


@pytest.mark.usefixtures("small_generators")
def test_nothing_is_lost_when_the_studio_is_killed_between_saves(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    figures = bench_store(SMALL, database_url, num_kills=1)
    assert (figures.saves, figures.lost, figures.corrupt, figures.doubled) == (12, 0, 0, 0)
    assert (figures.kills, len(figures.down_s), figures.stale) == (1, 1, 3)
    assert figures.repeats > 0 and figures.integrity == "ok"
    assert figures.max_ms > 1000 * min(1, figures.down_s[0])  # who met the kill waited
    with AnnotationStore.open_url(database_url) as store:
        assert store.projects.list() == ()
    assert processes_of(tmp_path) == []


@pytest.mark.usefixtures("small_generators")
def test_the_command_prints_a_row_for_each_run_and_figures() -> None:
    words = ("--annotators", 2, "--saves", 2, "--shared", 2, "--size", 64, "--kills", 0)
    ended = run_here("bench", "store", *words, "--settle", 0, "--generator", "small", "--json")
    (run,) = ended.figures["runs"]
    assert (run["database"], run["saves"], run["lost"], run["kills"]) == ("sqlite", 4, 0, 0)


@pytest.mark.usefixtures("small_generators")
def test_a_store_that_lost_something_fails_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    audit = bench.audit_project
    monkeypatch.setattr(
        bench, "audit_project", lambda url, project, saves: audit(url, project, saves[:-1])
    )
    config = StoreBench(2, 1, 0, 0.0, 64, settle=0, generator="small")
    with pytest.raises(CoreError, match=r"The store is not sound: .*'extra': 1"):
        bench_store(config, None, 0)


def test_a_studio_that_cannot_start_is_told() -> None:
    with pytest.raises(CoreError, match=r"did not start.*no weights named 'unheard-of'"):
        bench_store(StoreBench(1, 1, 0, size=64, settle=0, generator="unheard-of"), None, 0)


@pytest.mark.usefixtures("small_generators")
def test_ctrl_c_ends_all_that_was_started(tmp_path: Path) -> None:
    words = ("--annotators", 3, "--shared", 0, "--pause", 5, "--size", 64, "--generator", "small")
    process = started("bench", "store", *words, "--settle", 0, TMPDIR=str(tmp_path))
    try:
        deadline = time.monotonic() + 60
        while not any(str(REPOSITORY / "launch.py") in line for line in processes_of(tmp_path)):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (1, "")
    assert err.endswith("Stopped. What was finished before is whole.\n") and "Traceback" not in err
    assert processes_of(tmp_path) == [] and os.listdir(tmp_path) == []
