"""The cache keeps within its budget and never takes away what somebody looks at."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from studio.cache_limits import Freed, is_cached, prune, prune_soon
from studio.model_cache import ModelCache
from studio.workflows import FaceSettings, GalleryRequest, make_gallery
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures

HOUR = 3600.0


def cached(cache: Path, name: str, hours_ago: float, num_bytes: int = 100) -> Path:
    """A file of the cache that was last used then."""
    path = cache / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(num_bytes))
    used = time.time() - hours_ago * HOUR
    os.utime(path, (used, used))
    return path


def test_what_was_not_used_for_longest_goes_until_the_rest_fits(tmp_path: Path) -> None:
    ages = {"faces/a/3.jpg": 30, "faces/b/1.png": 20, "walks/2.mp4": 40, "gradio/x/4.npz": 10}
    paths = {name: cached(tmp_path, name, hours) for name, hours in ages.items()}
    assert prune(tmp_path, budget=250) == Freed(2, 200)
    assert [name for name, path in paths.items() if path.exists()] == [
        "faces/b/1.png",
        "gradio/x/4.npz",
    ]
    assert prune(tmp_path, budget=250) == Freed(0, 0)


def test_a_cache_within_its_budget_is_left_alone(tmp_path: Path) -> None:
    path = cached(tmp_path, "faces/1.jpg", 1000)
    assert prune(tmp_path, budget=100) == Freed(0, 0) and path.exists()
    assert prune(tmp_path / "none") == Freed(0, 0)


def test_files_in_use_stay_even_if_they_are_too_many(tmp_path: Path) -> None:
    old, new = cached(tmp_path, "faces/1.jpg", 2), cached(tmp_path, "faces/2.jpg", 0.5)
    assert prune(tmp_path, budget=0) == Freed(1, 100)
    assert new.exists() and not old.exists()


def test_using_a_file_makes_it_the_youngest_and_leaves_its_date(tmp_path: Path) -> None:
    old, older = cached(tmp_path, "faces/1.jpg", 20), cached(tmp_path, "faces/2.jpg", 30)
    modified = older.stat().st_mtime_ns
    assert is_cached(older) and older.stat().st_mtime_ns == modified
    prune(tmp_path, budget=100)
    assert older.exists() and not old.exists()


@pytest.mark.parametrize("name", ["none.jpg", "folder", "file/below.jpg"])
def test_what_is_no_file_is_not_cached(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert not is_cached(tmp_path / name)


def test_a_gallery_that_is_shown_again_outlives_one_that_is_not(
    small_models: ModelCache, tmp_path: Path
) -> None:
    first, second = (
        GalleryRequest(FaceSettings("small"), seeds, size=16) for seeds in ((1, 2), (3, 4))
    )
    for request in (first, second):
        make_gallery(request, small_models, tmp_path, lambda face: None)
    for path in tmp_path.rglob("*.jpg"):
        os.utime(path, (time.time() - 9 * HOUR,) * 2)
    make_gallery(first, small_models, tmp_path, lambda face: None)
    assert prune(tmp_path, budget=0).num_files == 2
    assert sorted(path.name for path in tmp_path.rglob("*.jpg")) == ["1-16.jpg", "2-16.jpg"]


def test_what_links_point_to_stays_unless_the_folder_itself_is_elsewhere(tmp_path: Path) -> None:
    cache, mine, disk = (tmp_path / name for name in ("cache", "mine", "disk"))
    precious, picture = cached(mine, "1.png", 50), cached(disk, "a/1.jpg", 50)
    cached(cache, "faces/2.jpg", 50)
    (cache / "faces" / "link").symlink_to(mine)
    (cache / "walks").symlink_to(disk)
    assert prune(cache, budget=0).num_files == 2
    assert precious.exists() and not picture.exists() and (cache / "walks").is_symlink()


def test_folders_that_became_empty_go_once_they_are_old(tmp_path: Path) -> None:
    folder = cached(tmp_path, "api/x/images/1.png", 20).parent
    prune(tmp_path, budget=0)
    assert folder.exists()
    for path in (folder, folder.parent):
        os.utime(path, (0, 0))
    prune(tmp_path, budget=0)
    assert not folder.exists() and (tmp_path / "api").exists()


def test_it_happens_in_the_background_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cached(tmp_path, "faces/1.jpg", 2)
    monkeypatch.setattr("studio.cache_limits.prune.__defaults__", (0, HOUR))
    prune_soon(tmp_path).join(timeout=10)
    assert not path.exists()
