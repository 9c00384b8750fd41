"""Full disks, Ctrl-C and kills: what was finished is whole, and a second try ends the work."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launching import latent_seeds, run_here, started, whole_seeds

FAILED = 1
COUNT = 500  # so many that a process is still at it when the first few are seen
SAMPLE = ("sample", "--generator", "rosinality", "--seeds", f"0-{COUNT - 1}")


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob(".unfinished-*"))


def wait_for_pictures(process: subprocess.Popen[str], folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob("images/*.png"))) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system that holds some twenty faces."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("Only root may mount a small disk; the next test imitates one.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("small_generators")
def test_a_disk_that_is_really_full_keeps_what_was_finished(small_disk: Path) -> None:
    ended = run_here(*SAMPLE, "--out", small_disk)
    assert (ended.code, ended.out) == (FAILED, "")
    assert "The disk is full while writing" in ended.complaint
    assert "free some space and run the same command again" in ended.complaint
    assert 3 < len(whole_seeds(small_disk)) < COUNT and not unfinished(small_disk)


def fill_disk_after(files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file but the first few fails as it is brought to the disk."""
    fsync, written = os.fsync, []

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) > files:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)


@pytest.mark.usefixtures("small_generators")
def test_a_full_disk_leaves_no_half_written_file_and_a_rerun_ends_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("sample", "--generator", "small", "--seeds", "0-19", "--out", tmp_path)
    with monkeypatch.context() as patch:
        fill_disk_after(15, patch)
        ended = run_here(*words)
    assert ended.code == FAILED and "The disk is full while writing" in ended.complaint
    assert 0 < len(whole_seeds(tmp_path)) < 20 and not unfinished(tmp_path)
    assert run_here(*words).code == 0
    assert latent_seeds(tmp_path) == whole_seeds(tmp_path) == list(range(20))


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
@pytest.mark.usefixtures("small_generators")
def test_a_walk_onto_a_full_disk_leaves_the_old_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"walk{suffix}"
    path.write_bytes(b"the old video")
    fill_disk_after(0, monkeypatch)
    walk = ("walk", "--generator", "small", "--seeds", "0,1", "--steps", 2, "--size", 32)
    ended = run_here(*walk, "--out", path)
    assert ended.code == FAILED and "The disk is full while writing" in ended.complaint
    assert path.read_bytes() == b"the old video" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("small_generators")
def test_ctrl_c_keeps_the_finished_faces_and_a_rerun_makes_the_rest(
    tmp_path: Path, sent: signal.Signals
) -> None:
    process = started(*SAMPLE, "--out", tmp_path)
    wait_for_pictures(process, tmp_path, 1)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (FAILED, "")
    assert err.endswith("Stopped. What was finished before is whole.\n") and "Trace" not in err
    finished = whole_seeds(tmp_path)
    assert 0 < len(finished) < COUNT and not unfinished(tmp_path)
    assert latent_seeds(tmp_path) == finished
    assert run_here(*SAMPLE, "--out", tmp_path).code == 0
    assert latent_seeds(tmp_path) == whole_seeds(tmp_path) == list(range(COUNT))


@pytest.mark.usefixtures("small_generators")
def test_a_kill_leaves_whole_pictures_and_a_rerun_ends_the_work(tmp_path: Path) -> None:
    process = started(*SAMPLE, "--out", tmp_path)
    wait_for_pictures(process, tmp_path, 20)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert 20 <= len(whole_seeds(tmp_path)) < COUNT
    assert run_here(*SAMPLE, "--out", tmp_path).code == 0
    assert latent_seeds(tmp_path) == whole_seeds(tmp_path) == list(range(COUNT))
