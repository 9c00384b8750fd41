"""Live learning as a person meets it: strokes, a prediction, taking it over, taking that back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.annotate_fixtures import Person, Project, person_at, project_in
from tests.browser.live_fixtures import PaintedProject, painted_project
from tests.browser.studio_fixtures import Studio

__all__ = ["person_at", "project_in"]  # fixtures

ASSIST = "document.querySelector('.fl-annotate').annotate.assist"
PREDICTED = "() => painter.studio.prediction.ids && Array.from(painter.studio.prediction.ids)"
WAIT = 120_000  # ms: the first prediction of a generator computes what is kept afterwards


@pytest.fixture(scope="module")
def painted(studio: Studio) -> PaintedProject:
    return painted_project(studio.workspace, 2, 2)


def predicted(person: Person) -> np.ndarray:
    return np.array(person.js(PREDICTED), np.uint8).reshape(512, 512)


def turn_on(person: Person, face: int) -> None:
    person.open(face)
    person.page.keyboard.press("7")
    person.page.wait_for_function(f"{ASSIST}.state === 'ready'", timeout=WAIT)
    person.page.wait_for_function(f"{ASSIST}.text.includes('2 painted faces')", timeout=WAIT)


def test_a_face_is_predicted_accepted_and_taken_back(
    studio: Studio, painted: PaintedProject, person_at: Callable[..., Person]
) -> None:
    person, face = person_at(studio), painted.open[0]
    turn_on(person, face)
    truth = painted.truth[face]
    assert (predicted(person) == truth)[truth != 255].mean() > 0.7

    before = person.map()
    person.page.keyboard.press("y")
    person.page.wait_for_function("() => painter.studio.desk.map.counts[255] === 0")
    person.page.keyboard.press("Control+z")  # one step
    assert np.array_equal(person.map(), before)

    person.js("() => painter.studio.selectClass(4)")  # hair
    person.page.keyboard.press("Shift+y")
    accepted = person.map()
    assert set(np.unique(accepted)) == {4, 255}
    assert (accepted == 4).sum() > 5_000


def test_a_stroke_changes_the_prediction_and_is_never_overwritten(
    studio: Studio, painted: PaintedProject, person_at: Callable[..., Person]
) -> None:
    person, face = person_at(studio), painted.open[1]
    turn_on(person, face)
    before = predicted(person)
    spans = [value for y in range(200, 230) for value in (y, 200, 260)]
    person.js("(spans) => painter.studio.desk.paintOnce(spans, 5)", spans)  # left ear, on a cheek
    person.page.wait_for_function(f"{ASSIST}.text.includes('your strokes')", timeout=WAIT)
    assert (predicted(person) != before).any()
    person.page.keyboard.press("y")
    person.page.wait_for_function("() => painter.studio.desk.map.counts[255] === 0")
    assert (person.map()[200:230, 200:260] == 5).all()


def test_the_accept_brush_paints_what_is_predicted_where_it_goes(
    studio: Studio, painted: PaintedProject, person_at: Callable[..., Person]
) -> None:
    person, face = person_at(studio), painted.open[0]
    turn_on(person, face)
    person.js("() => painter.studio.desk.replace(new Uint8Array(512 * 512).fill(255))")
    person.page.wait_for_function(f"!{ASSIST}.text.includes('your strokes')", timeout=WAIT)
    person.page.wait_for_function(f"{ASSIST}.state === 'ready'", timeout=WAIT)
    expected = predicted(person)
    person.page.keyboard.press("z")
    (x, y), _ = person.place(256, 256)
    person.page.mouse.move(x, y)
    person.page.mouse.down()
    person.page.mouse.move(x + 60, y, steps=4)
    person.page.mouse.up()
    painted_now = person.map()
    touched = painted_now != 255
    assert touched.sum() > 1_000
    assert np.array_equal(painted_now[touched], expected[touched])
    assert person.js("() => painter.studio.desk.history.undoCount") >= 1


def test_the_next_face_is_suggested_and_the_switch_is_remembered(
    studio: Studio, painted: PaintedProject, person_at: Callable[..., Person]
) -> None:
    person, face = person_at(studio), painted.open[0]
    turn_on(person, face)
    person.press_button("Suggest next")
    person.wait_for_face(painted.open[1])
    person.page.reload()
    person.wait_for_face(painted.open[1])
    person.page.wait_for_function(f"{ASSIST}.isOn && {ASSIST}.state === 'ready'", timeout=WAIT)
    person.page.keyboard.press("7")
    assert person.js("() => painter.studio.prediction.ids") is None
    assert person.page.locator(".fl-an-live-bar").is_hidden()


def test_a_face_of_another_generator_says_so_and_can_be_painted(
    studio: Studio,
    project_in: Callable[..., Project],
    person_at: Callable[..., Person],
) -> None:
    project = project_in(studio, 1)
    person = person_at(studio).open(project.faces[0])
    person.page.keyboard.press("7")
    person.wait_for_text("which is not here")
    assert person.page.get_by_role("button", name="Accept all").is_disabled()
    person.js("() => painter.studio.desk.paintOnce([5, 5, 20], 3)")
    assert (person.map() == 3).sum() == 15
