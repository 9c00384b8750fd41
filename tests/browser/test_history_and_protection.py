"""Undo brings back exactly what was; protected pixels stay as they are, whatever the tool."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.conftest import Screen
from tests.browser.fake_server import Face

HAIR, NECK, NOSE, SKIN, HAT = 4, 11, 12, 16, 5


def with_polygon(screen: Screen) -> None:
    for point in [(5.2, 5.1), (90.3, 8.2), (88.4, 66.1), (8.5, 68.8)]:
        screen.click(*point)
    screen.press("Enter")


LOOP = [(5.2, 5.1), (90.3, 8.2), (88.4, 66.1), (8.5, 68.8), (5.5, 5.5)]
GESTURES: dict[str, Callable[[Screen], object]] = {
    "brush": lambda screen: screen.drag(LOOP),
    "closed brush": lambda screen: screen.drag(LOOP, held="Shift"),
    "eraser": lambda screen: screen.drag(LOOP),
    "polygon": with_polygon,
    "lasso": lambda screen: screen.drag(LOOP),
    "rectangle": lambda screen: screen.drag([LOOP[0], LOOP[2]]),
    "bucket": lambda screen: [
        screen.click(*point) for point in [(44.2, 40.2), (22.2, 50.2), (5.3, 5.2), (2.1, 50.3)]
    ],
    "smart": lambda screen: screen.drag(LOOP),
    "copy": lambda screen: screen.js(
        "() => painter.studio.desk.replace(new Uint8Array(72 * 96).fill(5))"
    ),
    "specks": lambda screen: screen.js("() => painter.studio.clean('specks', null)"),
    "holes": lambda screen: screen.js("() => painter.studio.clean('holes', 4)"),
}


def gesture(screen: Screen, name: str) -> None:
    tool = {"closed brush": "brush"}.get(name, name)
    if tool in ("brush", "eraser", "polygon", "lasso", "rectangle", "bucket", "smart"):
        screen.take(tool, HAT, 14)
    screen.set(cleanSize=100)
    GESTURES[name](screen)


@pytest.mark.parametrize("name", GESTURES)
def test_a_locked_class_keeps_every_pixel(painter: Screen, face: Face, name: str) -> None:
    painter.page.get_by_label("Lock skin").click()
    painter.page.get_by_label("Lock nose").click()
    gesture(painter, name)
    after = painter.map()
    kept = np.isin(face.mask, [SKIN, NOSE])
    assert np.array_equal(after[kept], face.mask[kept])
    if name not in ("specks", "holes"):
        assert not np.array_equal(after, face.mask)


@pytest.mark.parametrize("limit", ["not labelled", "skin"])
@pytest.mark.parametrize("name", GESTURES)
def test_paint_only_on_leaves_all_other_pixels(
    painter: Screen, face: Face, name: str, limit: str
) -> None:
    painter.page.get_by_label("Paint only on").select_option(label=limit)
    gesture(painter, name)
    outside = face.mask != {"not labelled": 255, "skin": SKIN}[limit]
    assert np.array_equal(painter.map()[outside], face.mask[outside])


def test_a_gesture_that_protection_made_void_says_why(painter: Screen) -> None:
    painter.page.get_by_label("Lock hair").click()
    painter.take("brush", HAT, 3)
    painter.click(50.5, 10.5)
    note = painter.page.locator(".fl-note")
    assert note.text_content() == "Nothing changed here: locked: hair."
    assert painter.js("() => painter.studio.desk.history.undoCount") == 0


def test_undo_ignores_locks_because_it_brings_back_what_was(painter: Screen, face: Face) -> None:
    painter.take("brush", HAT, 20)
    painter.drag(LOOP)
    painter.page.get_by_label("Lock hat").click()
    painter.press("Control+z")
    assert np.array_equal(painter.map(), face.mask)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_undo_and_redo_bring_back_every_map_of_a_random_session(painter: Screen, seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [painter.map()]
    for name in rng.choice(
        ["brush", "eraser", "lasso", "rectangle", "bucket", "smart", "polygon"], 8
    ):
        painter.take(name, int(rng.integers(18)), int(rng.integers(1, 40)))
        points = [tuple(point) for point in rng.uniform((-5, -5), (100, 76), (5, 2))]
        if name in ("bucket", "polygon"):
            for point in points:
                painter.click(*point)
            painter.press("Enter")
        else:
            painter.drag(points)
        if not np.array_equal(maps[-1], after := painter.map()):
            maps.append(after)
    steps = painter.js("() => painter.studio.desk.history.undoCount")
    walk = [painter.map()]
    for _ in range(steps):
        painter.press("Control+z")
        walk.append(painter.map())
    assert np.array_equal(walk[-1], maps[0])
    assert all(any(np.array_equal(each, seen) for seen in walk) for each in maps)
    for expected in walk[-2::-1]:
        painter.press("Control+Shift+z")
        assert np.array_equal(painter.map(), expected)


def test_one_drag_is_one_step_and_a_new_one_forgets_what_was_undone(
    painter: Screen, face: Face
) -> None:
    painter.take("brush", HAT, 5)
    painter.drag(LOOP)
    painter.press("Control+z")
    assert np.array_equal(painter.map(), face.mask)
    painter.click(70.2, 65.1)
    painted = painter.map()
    painter.press("Control+y")
    assert np.array_equal(painter.map(), painted)


def test_two_hundred_gestures_can_be_taken_back(painter: Screen, face: Face) -> None:
    painter.js(
        """() => { const { desk } = painter.studio;
        for (let k = 0; k < 200; k++) desk.paintOnce([k % 72, 3, 90], k % 2 ? 1 : 2); }"""
    )
    painter.js("() => { for (let k = 0; k < 200; k++) painter.studio.undo(); }")
    assert np.array_equal(painter.map(), face.mask)


def test_escape_gives_a_stroke_up(painter: Screen, face: Face) -> None:
    painter.take("brush", HAT, 30)
    painter.hover(40.2, 30.1)
    painter.page.mouse.down()
    painter.hover(60.3, 40.8)
    painter.press("Escape")
    painter.hover(20.3, 10.8)
    painter.page.mouse.up()
    assert np.array_equal(painter.map(), face.mask)
