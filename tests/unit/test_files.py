"""Files are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from safetensors import SafetensorError

from core.errors import OutputError
from core.files import (
    is_unfinished,
    remove_unfinished,
    sha256_of,
    whole_file,
    whole_files,
    write_whole,
)


def test_a_file_appears_whole_in_folders_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "result.bin"
    with whole_file(path) as unfinished:
        unfinished.write_bytes(b"half")
        assert not path.exists() and unfinished.parent == path.parent
    assert path.read_bytes() == b"half" and list(path.parent.iterdir()) == [path]


def test_a_full_disk_under_safetensors_is_one_too(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="The disk is full while writing"),
        whole_file(tmp_path / "weights.safetensors"),
    ):
        raise SafetensorError("I/O error: No space left on device (os error 28)")
    with pytest.raises(OutputError, match="no such tensor"), whole_file(tmp_path / "other"):
        raise SafetensorError("no such tensor")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_a_failure_keeps_the_old_content_and_leaves_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "result.bin"
    path.write_bytes(b"old")
    with pytest.raises(failure, match="stop"), whole_file(path) as unfinished:
        unfinished.write_bytes(b"half")
        raise failure("stop")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_an_unfinished_file_is_not_taken_for_a_finished_one(tmp_path: Path) -> None:
    with whole_file(tmp_path / "0.png") as unfinished:
        assert unfinished.exists() and list(tmp_path.glob("*.*g")) == []
        assert unfinished.name.startswith(".unfinished-")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, r"The disk is full while writing .*result\.bin\. .* free some space"),
        (errno.EDQUOT, r"The disk is full while writing .*result\.bin"),
        (errno.EACCES, r"is not writable \(Permission denied\)\. Choose another folder\."),
        (errno.EROFS, r"is not writable \(Read-only file system\)"),
        (errno.EIO, r"Could not write .*result\.bin: Input/output error\."),
    ],
)
@pytest.mark.parametrize("call", ["open", "fsync"])
def test_what_the_system_refuses_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str, call: str
) -> None:
    path = tmp_path / "result.bin"
    path.write_bytes(b"old")

    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch, pytest.raises(OutputError, match=message):
        patch.setattr(f"core.files.os.{call}", refuse)
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["file/result.bin", "file/below/result.bin"])
def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"is a file, not a folder\. Choose another folder\."):
        write_whole(tmp_path / place, b"new")
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "result.bin").mkdir()
    with pytest.raises(OutputError, match=r"Could not write .*result\.bin: Is a directory\."):
        write_whole(tmp_path / "result.bin", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["result.bin"]


def replace_by_own_file(unfinished: Path) -> None:
    """As safetensors does."""
    unfinished.unlink()
    unfinished.touch(0o600)


@pytest.mark.parametrize("write", [Path.touch, replace_by_own_file])
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, write: object, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        with whole_file(tmp_path / "result.bin") as unfinished:
            assert callable(write)
            write(unfinished)
    finally:
        assert os.umask(before) == mask
    assert stat.S_IMODE((tmp_path / "result.bin").stat().st_mode) == mode


def test_threads_write_the_same_file_whole_one_after_the_other(tmp_path: Path) -> None:
    path, together = tmp_path / "result.bin", threading.Barrier(4)

    def write(number: int) -> None:
        together.wait()
        for _ in range(20):
            write_whole(path, bytes([number]) * 10_000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(set(path.read_bytes())) == 1 and path.stat().st_size == 10_000
    assert list(tmp_path.iterdir()) == [path]


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    write_whole(tmp_path / "abc", b"abc")
    assert sha256_of(tmp_path / "abc").startswith("ba7816bf8f01cfea")


def test_many_files_move_together_to_their_places(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.bin").write_bytes(b"old")
    with whole_files(tmp_path) as unfinished:
        (unfinished.folder / "a").mkdir()
        (unfinished.folder / "a" / "1.bin").write_bytes(b"new")
        (unfinished.folder / "2.bin").write_bytes(b"two")
        assert (tmp_path / "a" / "1.bin").read_bytes() == b"old"
        assert is_unfinished(unfinished.folder / "2.bin") and not is_unfinished(tmp_path)
    assert unfinished.finished == [tmp_path / "2.bin", tmp_path / "a" / "1.bin"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.bin", "a"]
    assert (tmp_path / "a" / "1.bin").read_bytes() == b"new"


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_among_many_files_moves_none(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    with pytest.raises(failure, match="stopped"), whole_files(tmp_path) as unfinished:
        (unfinished.folder / "1.bin").write_bytes(b"half")
        raise failure("stopped")
    assert list(tmp_path.iterdir()) == []


def test_many_files_meet_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("core.files.os.fsync", refuse)
    with (
        pytest.raises(OutputError, match="The disk is full"),
        whole_files(tmp_path / "new") as unfinished,
    ):
        (unfinished.folder / "1.bin").write_bytes(b"data")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="is a file, not a folder"),
        whole_files(tmp_path / "file" / "x"),
    ):
        pass


def test_what_a_kill_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a" / ".unfinished-1").mkdir(parents=True)
    (tmp_path / "a" / ".unfinished-1" / "half.png").touch()
    (tmp_path / "a" / "whole.png").touch()
    (tmp_path / ".unfinished-2").touch()
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "whole.png"]
