"""The studio dies and comes back, or asks who is there: what was painted is never lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotations import FaceStatus
from core.weights import WeightStore
from tests.browser import rules
from tests.browser.annotate_fixtures import SHAPE, Person, Project, person_at, project_in
from tests.browser.studio_fixtures import running_studio
from tests.launching import run_here
from tests.unit.small_models import small_store

__all__ = ["person_at", "project_in", "small_store"]  # fixtures
SMALL = ("--generator", "small")  # nothing here is drawn by it; it is ready at once

HAIR, NOSE = 4, 12
EMPTY = np.full(SHAPE, 255, np.uint8)
PATH = [(12.3, 20.7), (30.2, 41.9), (33.1, 12.4), (70.6, 55.5)]
AWAY = (
    "ERR_",
    "Failed to load resource",
    "Failed to fetch",
)  # what a browser says of a dead server


@pytest.fixture(autouse=True)
def small_generators(small_store: WeightStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))


def test_a_stroke_survives_the_death_of_server_and_page(
    tmp_path: Path,
    project_in: Callable[..., Project],
    person_at: Callable[..., Person],
) -> None:
    with running_studio(tmp_path, 0, *SMALL) as first:
        project = project_in(first)
        face = project.faces[0]
        ann = person_at(first, expected=AWAY).open(face)
        ann.take("brush", HAIR, 9)
        visited = ann.drag(PATH)
        first.kill()  # before the pause after which a draft is saved
        ann.page.wait_for_function("painter.studio.session.saver.state.phase === 'offline'")
        ann.page.wait_for_timeout(400)  # the browser's own copy is written
        ann.leave()
    assert project.store.faces.get(face).current is None
    expected = rules.painted(EMPTY, rules.stroke(SHAPE, visited, 9), HAIR)
    with running_studio(tmp_path, first.port, *SMALL):
        ann.open(face)
        ann.page.get_by_role("button", name="Restore").click()
        assert np.array_equal(ann.map(), expected)
        ann.page.wait_for_function("painter.isSafe")
        assert np.array_equal(project.stored(face), expected)


def test_an_open_page_goes_on_by_itself_when_the_server_is_back(
    tmp_path: Path,
    project_in: Callable[..., Project],
    person_at: Callable[..., Person],
) -> None:
    with running_studio(tmp_path, 0, *SMALL) as first:
        project = project_in(first)
        face = project.faces[0]
        ann = person_at(first, expected=AWAY).open(face)
        ann.take("brush", HAIR, 9)
        one = rules.painted(EMPTY, rules.stroke(SHAPE, ann.drag(PATH), 9), HAIR)
        ann.wait_for_phase("safe")
        first.kill()
        ann.take("brush", NOSE, 5)
        two = rules.painted(one, rules.stroke(SHAPE, ann.drag(PATH[::-1]), 5), NOSE)
        ann.wait_for_phase("offline")
        ann.wait_for_text("The studio cannot be reached; your work is kept on this computer.")
        assert np.array_equal(project.stored(face), one)
    with running_studio(tmp_path, first.port, *SMALL):
        ann.wait_for_phase("safe", timeout=60_000)
        assert np.array_equal(project.stored(face), two)
        assert np.array_equal(ann.map(), two)
        history = project.store.masks.history(face)
        assert len({each.sha256 for each in history}) == len(history)  # nothing came twice
        assert not any(each.was_stale for each in history)


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "people.txt"
    for name, password in (("Ann", "correct horse"), ("Bob", "battery staple")):
        ended = run_here(
            "people", "add", name, "--auth", path, "--password-stdin", typed=password + "\n"
        )
        assert ended.code == 0, ended.err
    return path


def sign_in(page: Any, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_people_sign_in_and_their_masks_carry_their_names(
    tmp_path: Path,
    accounts: Path,
    project_in: Callable[..., Project],
    person_at: Callable[..., Person],
) -> None:
    with running_studio(tmp_path, 0, "--auth", accounts, *SMALL) as guarded:
        project = project_in(guarded)
        mallory = person_at(guarded, "Bob", expected=("401",))  # says to be Bob, is Ann
        page = mallory.page
        page.goto(guarded.address)
        sign_in(page, "Ann", "wrong password")
        page.get_by_text("This name and this password do not belong together.").wait_for()
        sign_in(page, "Ann", "correct horse")
        page.wait_for_selector("#sample-button")
        mallory.open(project.faces[0])
        mallory.take("brush", HAIR, 9)
        mallory.drag(PATH)
        mallory.press("Control+Enter")
        mallory.wait_for_face(project.faces[1])
        saved = project.store.faces.get(project.faces[0])
        assert saved.status == FaceStatus.DONE and saved.current is not None
        assert saved.current.author == "Ann"
        page.get_by_role("link", name="Sign out").click()
        page.get_by_label("Password").wait_for()
