"""Killed processes, many at once, and disks that end: no acknowledged save is ever lost."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from annotations import AnnotationStore
from tests import saving_child
from tests.painted_faces import labels, project_with_faces

NUM_PROCESSES, NUM_SAVES = 8, 12


def acknowledged(output: str) -> dict[int, str]:
    """Revision id -> sha256 of the saves that a child said were done; a torn line is none."""
    lines = [line.split() for line in output.splitlines()]
    return {int(id_): sha for id_, sha in (x for x in lines if len(x) == 2) if len(sha) == 64}


def check_all_there(url: str, face: int, saved: dict[int, str]) -> int:
    """Every save is there with its bytes, the file is sound, the history a tree."""
    with AnnotationStore.open_url(url) as store:
        history = store.masks.history(face)
        found = {revision.id: revision for revision in history}
        assert {id_: found[id_].sha256 for id_ in saved} == saved
        for revision in history:
            assert store.masks.labels(revision.id).size  # its sha256 and values are checked
            assert revision.parent_id is None or revision.parent_id in found
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return len(history)


def made_face(url: str) -> int:
    with AnnotationStore.open_url(url) as store:
        return project_with_faces(store)[1][0]


def test_no_acknowledged_save_is_lost_when_a_process_is_killed(sqlite_database_url: str) -> None:
    face = made_face(sqlite_database_url)
    saved: dict[int, str] = {}
    for delay in (0.0, 0.0171, 0.05):
        child = saving_child.start(sqlite_database_url, face, f"Ann {delay}", 100_000)
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        first = child.stdout.readline()
        time.sleep(delay)
        child.kill()
        saved |= acknowledged(first + child.communicate()[0])
        assert check_all_there(sqlite_database_url, face, saved) <= len(saved) + 4
    assert len(saved) >= 3


def test_processes_that_save_at_once_lose_nothing(database_url: str) -> None:
    face = made_face(database_url)
    people = ",".join(f"person {number}" for number in range(NUM_PROCESSES))
    output = saving_child.start(database_url, face, people, NUM_SAVES).communicate(timeout=60)[0]
    saved = acknowledged(output)
    assert len(saved) == NUM_PROCESSES * NUM_SAVES
    assert check_all_there(database_url, face, saved) == NUM_PROCESSES * NUM_SAVES
    with AnnotationStore.open_url(database_url) as store:
        history = store.masks.history(face)
        in_force = [revision for revision in history if not revision.was_stale]
        assert store.faces.get(face).current == in_force[-1]
    counted = Counter(revision.author for revision in history)
    assert set(counted.values()) == {NUM_SAVES}
    line = [revision.parent_id for revision in in_force]
    assert line == [None, *(revision.id for revision in in_force[:-1])]


def test_processes_that_make_a_workspace_at_once_make_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'faceloom.db'}"
    output = saving_child.start(url, 1, "Ann,Bob,Cleo,Dan", 1).communicate(timeout=60)[0]
    assert output.count("NotFoundError There is no face 1 here.") == 4, output
    with AnnotationStore.open_url(url) as store:
        assert store.projects.list() == ()
    assert not (tmp_path / "new" / "backups").exists()


@pytest.mark.parametrize("kibibytes", [8, 100])
def test_a_disk_that_ends_is_reported_and_what_was_saved_stays(
    sqlite_database_url: str, kibibytes: int
) -> None:
    face = made_face(sqlite_database_url)
    child = saving_child.start(sqlite_database_url, face, "Ann", 500, kibibytes * 1024)
    output = child.communicate(timeout=60)[0]
    assert output.splitlines()[-1].startswith("DiskFullError The disk of ")
    assert "what was saved before is safe" in output
    assert check_all_there(sqlite_database_url, face, acknowledged(output)) < 500
    child = saving_child.start(sqlite_database_url, face, "Bob", 2)
    assert len(acknowledged(child.communicate(timeout=60)[0])) == 2


def test_two_studios_on_one_workspace_see_each_others_work(sqlite_database_url: str) -> None:
    face = made_face(sqlite_database_url)
    with AnnotationStore.open_url(sqlite_database_url) as here:
        saving_child.start(sqlite_database_url, face, "Bob", 1).communicate(timeout=60)
        (bobs,) = here.masks.history(face)
        assert bobs.author == "Bob" and here.faces.get(face).current == bobs
        assert here.masks.save(face, labels(), "Ann", parent_id=None).current == bobs
