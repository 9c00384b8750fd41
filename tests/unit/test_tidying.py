"""What killed programs left is removed once nobody can be writing it any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.weights import WeightStore
from studio.services import open_services
from studio.tidying import remove_leftovers, tidy_up
from tests.unit.small_models import small_store

__all__ = ["small_store"]  # a fixture

DAY = 24 * 3600.0
REPOSITORY = Path(__file__).parents[2]
KILLED = """
import os, pathlib, sys
from {module} import {name}
with {name}(pathlib.Path(sys.argv[1])) as unfinished:
    {write}
    os.kill(os.getpid(), 9)
"""
FILE = {"module": "core.files", "name": "whole_file", "write": "unfinished.write_bytes(b'half')"}
FOLDER = {
    "module": "annotations.interchange.new_folder",
    "name": "new_folder",
    "write": "(unfinished / 'masks').mkdir(); (unfinished / 'masks' / '0.png').touch()",
}


def left_behind(target: Path, how: dict[str, str]) -> Path:
    """What a program leaves that is killed while it writes `target`."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(**how), str(target)], cwd=REPOSITORY, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (left,) = target.parent.iterdir()
    return left


def age(path: Path, days: float) -> None:
    when = time.time() - days * DAY
    for place in [*path.rglob("*"), path]:
        os.utime(place, (when, when))


@pytest.mark.parametrize("how", [FILE, FOLDER], ids=["file", "folder"])
def test_what_a_kill_left_goes_after_a_day(tmp_path: Path, how: dict[str, str]) -> None:
    left = left_behind(tmp_path / "exports" / "result", how)
    assert remove_leftovers(tmp_path) == 0 and left.exists()
    age(left, 1.1)
    assert remove_leftovers(tmp_path) == 1 and not left.exists()
    assert (tmp_path / "exports").is_dir()


def test_a_folder_in_which_something_is_new_stays(tmp_path: Path) -> None:
    left = left_behind(tmp_path / "exports" / "result", FOLDER)
    age(left, 3)
    (left / "masks" / "1.png").touch()
    for folder in (left / "masks", left):
        os.utime(folder, (0, 0))
    assert remove_leftovers(tmp_path) == 0 and left.exists()


def test_other_names_and_what_links_point_to_stay(tmp_path: Path) -> None:
    workspace, precious = tmp_path / "workspace", tmp_path / "precious"
    for path in (workspace, precious / "below"):
        path.mkdir(parents=True)
    names = [".unfinished-mine", ".unfinished-0123456789abcdef.png", "unfinished", "faceloom.db"]
    for name in names:
        (workspace / name).write_bytes(b"mine")
    (workspace / ".unfinished-0123456789abcdef").symlink_to(precious)
    (workspace / "elsewhere").symlink_to(precious)
    os.utime(workspace / ".unfinished-0123456789abcdef", (0, 0), follow_symlinks=False)
    (precious / ".unfinished-fedcba9876543210").touch()
    for path in (workspace, precious):
        age(path, 9)
    assert remove_leftovers(workspace) == 1
    assert sorted(path.name for path in workspace.iterdir()) == sorted([*names, "elsewhere"])
    assert (precious / ".unfinished-fedcba9876543210").exists() and (precious / "below").exists()


def test_a_studio_that_starts_tidies_its_workspace(
    small_store: WeightStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = open_services(tmp_path, "small", "cpu", weights=small_store)
    try:
        left = services.cache / "faces" / ".unfinished-0123456789abcdef"
        picture = services.cache / "faces" / "1.jpg"
        for path in (left, picture):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"old")
            age(path, 2)
        monkeypatch.setattr("studio.cache_limits.prune.__defaults__", (0, 3600.0))
        tidy_up(services).join(timeout=10)
        assert not left.exists() and not picture.exists()
    finally:
        services.close()
