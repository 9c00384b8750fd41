"""The Annotate tab in the real studio: what is painted is what is stored, and nothing is lost."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from urllib.request import urlopen

import numpy as np
import pytest

from annotations import FaceStatus, Status
from core.superpixels import from_wire
from tests.browser import rules
from tests.browser.annotate_fixtures import SHAPE, Person, Project, person_at, project_in
from tests.browser.studio_fixtures import Studio
from tests.label_schemes import scheme_of_34

__all__ = ["person_at", "project_in"]  # fixtures

HAIR, HAT, NOSE, SKIN = 4, 5, 12, 16
EMPTY = np.full(SHAPE, 255, np.uint8)
REVIEWED = """(id) => document.querySelector('.fl-annotate').annotate.work.face?.id === id
  && document.querySelector('[data-act=accept][aria-disabled=false]')"""
PATH = [(12.3, 20.7), (30.2, 41.9), (33.1, 12.4), (70.6, 55.5), (90.0, 60.2)]


@pytest.fixture
def project(studio: Studio, project_in: Callable[..., Project]) -> Project:
    return project_in(studio)


@pytest.fixture
def ann(studio: Studio, project: Project, person_at: Callable[..., Person]) -> Person:
    return person_at(studio).open(project.faces[0])


def test_a_stroke_is_stored_pixel_for_pixel(ann: Person, project: Project) -> None:
    ann.take("brush", HAIR, 9)
    visited = ann.drag(PATH)
    ann.wait_for_phase("safe")
    expected = rules.painted(EMPTY, rules.stroke(SHAPE, visited, 9), HAIR)
    assert np.array_equal(project.stored(project.faces[0]), expected)
    face = project.store.faces.get(project.faces[0])
    assert face.current is not None
    assert (face.status, face.current.author) == (FaceStatus.DRAFT, "Ann")


def paint_with_each_tool(ann: Person) -> np.ndarray:
    """Uses every tool once; returns the map that their rules make."""
    expected = EMPTY.copy()
    ann.take("rectangle", SKIN)
    a, b = ann.drag([(10.2, 8.4), (80.9, 60.7)])
    expected = rules.painted(expected, rules.rectangle(SHAPE, a, b), SKIN)
    ann.take("polygon", HAIR)
    corners = [ann.click(*point) for point in [(5.3, 5.2), (90.7, 10.4), (50.1, 30.6)]]
    ann.press("Enter")
    expected = rules.painted(expected, rules.polygon(SHAPE, corners), HAIR)
    ann.take("lasso", NOSE)
    visited = ann.drag([(40.1, 35.2), (55.3, 36.8), (52.2, 50.1), (41.9, 48.4)])
    expected = rules.painted(expected, rules.polygon(SHAPE, visited), NOSE)
    ann.take("brush", HAT, 5)
    visited = ann.drag([(10.5, 3.5), (85.5, 4.5)])
    expected = rules.painted(expected, rules.stroke(SHAPE, visited, 5), HAT)
    ann.take("eraser", size=7)
    visited = ann.drag([(60.5, 3.5), (60.5, 30.5)])
    expected = rules.painted(expected, rules.stroke(SHAPE, visited, 7), 255)
    ann.take("bucket", 0)
    x, y = ann.click(3.5, 70.5)
    flooded = rules.flood(expected, (int(x), int(y)))
    return rules.painted(expected, flooded, 0)


def test_each_tool_is_stored_pixel_for_pixel(ann: Person, project: Project) -> None:
    expected = paint_with_each_tool(ann)
    ann.press("Control+s")
    ann.wait_for_phase("safe")
    assert np.array_equal(project.stored(project.faces[0]), expected)


def test_undo_and_redo_are_stored_as_they_are_seen(ann: Person, project: Project) -> None:
    ann.take("brush", HAIR, 11)
    one = rules.painted(EMPTY, rules.stroke(SHAPE, ann.drag(PATH[:2]), 11), HAIR)
    ann.take("brush", NOSE, 11)
    two = rules.painted(one, rules.stroke(SHAPE, ann.drag(PATH[2:]), 11), NOSE)
    for keys, expected in [("Control+z", one), ("Control+Shift+z", two)]:
        ann.press(keys, "Control+s")
        ann.wait_for_phase("safe")
        assert np.array_equal(project.stored(project.faces[0]), expected)


def test_a_zoomed_stroke_on_a_locked_class_is_stored_exactly(ann: Person, project: Project) -> None:
    ann.take("rectangle", SKIN)
    a, b = ann.drag([(20.5, 20.5), (60.5, 50.5)])
    skin = rules.painted(EMPTY, rules.rectangle(SHAPE, a, b), SKIN)
    ann.js("(id) => painter.settings.toggle('locked', id)", SKIN)
    ann.zoom(9, -150, -90)
    ann.take("brush", HAIR, 13)
    visited = ann.drag([(22.3, 17.2), (40.1, 22.9), (55.8, 19.4)])
    ann.press("Control+s")
    ann.wait_for_phase("safe")
    stroke = rules.stroke(SHAPE, visited, 13)
    expected = rules.painted(skin, stroke, HAIR, set(range(256)) - {SKIN})
    assert np.array_equal(project.stored(project.faces[0]), expected)
    assert (expected == SKIN).sum() == (skin == SKIN).sum()


def test_the_smart_brush_paints_the_regions_that_the_server_computed(
    ann: Person, project: Project, studio: Studio
) -> None:
    ann.page.wait_for_function("painter.studio.desk.superpixels.count > 0")
    ann.js("() => painter.settings.set('level', 0)")
    ann.take("smart", HAIR)
    ann.click(80.5, 15.5)  # the upper right quarter of the picture
    ann.press("Control+s")
    ann.wait_for_phase("safe")
    with urlopen(f"{studio.address}/annotate/faces/{project.faces[0]}/regions") as answer:
        regions = from_wire(gzip.decompress(answer.read())).levels()[0]
    stored = project.stored(project.faces[0])
    assert np.array_equal(stored == HAIR, regions == regions[15, 80])
    assert 0 < (stored == HAIR).sum() < stored.size / 2


def test_a_reload_keeps_what_was_just_painted(ann: Person, project: Project) -> None:
    ann.take("brush", HAIR, 9)
    ann.drag(PATH)
    before = ann.map()
    ann.page.reload()
    ann.wait_for_face(project.faces[0])
    banner = ann.page.get_by_role("alertdialog")
    if not np.array_equal(ann.map(), before):
        banner.get_by_role("button", name="Restore").click()
    assert np.array_equal(ann.map(), before)
    ann.press("Control+s")
    ann.page.wait_for_function("painter.isSafe")
    assert np.array_equal(project.stored(project.faces[0]), before)


def test_done_goes_on_to_the_next_face_and_counts_it(ann: Person, project: Project) -> None:
    ann.take("brush", HAIR, 9)
    ann.drag(PATH)
    ann.press("Control+Enter")
    ann.wait_for_face(project.faces[1])
    assert project.store.faces.get(project.faces[0]).status == FaceStatus.DONE
    ann.wait_for_text("1 of 3 done")
    ann.press("PageDown")
    ann.wait_for_face(project.faces[2])
    ann.press("PageUp")
    ann.wait_for_face(project.faces[1])


def test_faces_are_filtered_by_status(ann: Person, project: Project) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    project.store.masks.save(project.faces[1], mask, "Bob", parent_id=None, status=Status.DONE)
    ann.page.reload()
    ann.wait_for_face(project.faces[0])
    ann.page.get_by_role("button", name="Done 1").click()
    ann.wait_for_face(project.faces[1])
    assert ann.page.locator(".fl-an-row").count() == 1
    assert np.array_equal(ann.map(), mask)


def test_two_people_on_one_face_keep_both_versions(
    ann: Person, project: Project, studio: Studio, person_at: Callable[..., Person]
) -> None:
    face = project.faces[0]
    bob = person_at(studio, "Bob").open(face)
    bob.wait_for_text("Ann has had this face open since")
    bob.press_button("Paint anyway")
    bob.take("brush", NOSE, 15)
    ann.take("brush", HAIR, 15)
    bobs = rules.painted(EMPTY, rules.stroke(SHAPE, bob.drag(PATH[:3]), 15), NOSE)
    bob.press("Control+s")
    bob.wait_for_phase("safe")
    anns = rules.painted(EMPTY, rules.stroke(SHAPE, ann.drag(PATH[2:]), 15), HAIR)
    ann.press("Control+s")
    ann.wait_for_phase("safe")
    ann.wait_for_text("Someone saved meanwhile: your version is kept as its own revision.")
    history = project.store.masks.history(face)
    kept = {each.author: each for each in history}
    assert np.array_equal(project.store.masks.labels(kept["Bob"].id), bobs)
    assert np.array_equal(project.store.masks.labels(kept["Ann"].id), anns)
    assert kept["Ann"].was_stale and not kept["Bob"].was_stale
    assert np.array_equal(project.stored(face), bobs)


def test_a_reviewer_rejects_with_a_reason_and_accepts(ann: Person, project: Project) -> None:
    store, (first, second, _) = project.store, project.faces
    for face in (first, second):
        mask = np.full(SHAPE, HAIR, np.uint8)
        store.masks.save(face, mask, "Bob", parent_id=None, status=Status.DONE)
    ann.press_button("Review")
    ann.page.wait_for_function(REVIEWED, arg=first)
    ann.press("r")
    ann.page.get_by_label("Reason for rejecting").fill("hair <b>border</b>")
    ann.press("Enter")
    ann.page.wait_for_function(REVIEWED, arg=second)
    verdict = store.faces.get(first).current
    assert verdict is not None and verdict.comment == "hair <b>border</b>"
    assert (verdict.status, verdict.author) == (Status.REJECTED, "Ann")
    ann.press("a")
    ann.wait_until(lambda: store.faces.get(second).status == FaceStatus.ACCEPTED)


def test_an_earlier_mask_is_restored_in_review(ann: Person, project: Project) -> None:
    store, face = project.store, project.faces[0]
    masks = [np.full(SHAPE, value, np.uint8) for value in (HAIR, NOSE)]
    old = store.masks.save(face, masks[0], "Bob", parent_id=None, status=Status.DONE).revision
    store.masks.save(face, masks[1], "Bob", parent_id=old.id, status=Status.DONE)
    ann.press_button("Review")
    ann.page.wait_for_function(REVIEWED, arg=face)
    ann.page.get_by_role("button", name=f"Restore #{old.id}").click()
    ann.wait_until(lambda: len(store.masks.history(face)) == 3)
    assert np.array_equal(project.stored(face), masks[0])
    restored = store.faces.get(face).current
    assert restored is not None and restored.author == "Ann"


def test_a_scheme_of_34_classes_is_painted_with(
    studio: Studio, project_in: Callable[..., Project], person_at: Callable[..., Person]
) -> None:
    project = project_in(studio, 1, scheme=scheme_of_34())
    ann = person_at(studio).open(project.faces[0])
    assert ann.page.locator(".fl-class").count() >= 34
    ann.take("rectangle", 254)
    a, b = ann.drag([(10.2, 8.4), (80.9, 60.7)])
    ann.press("Control+s")
    ann.wait_for_phase("safe")
    expected = rules.painted(EMPTY, rules.rectangle(SHAPE, a, b), 254)
    assert np.array_equal(project.stored(project.faces[0]), expected)


def test_a_face_that_was_deleted_meanwhile_is_told(
    studio: Studio, project: Project, person_at: Callable[..., Person]
) -> None:
    ann = person_at(studio, expected=("404",)).open(project.faces[0])
    project.store.faces.remove(project.faces[0])
    ann.take("brush", HAIR, 9)
    ann.drag(PATH)
    ann.press("Control+s")
    ann.wait_for_phase("refused")
    said = ann.page.locator(".fl-saved")
    assert "may have been deleted in the meantime" in said.inner_text()
