"""Each tool paints exactly the pixels of its rule."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import rules
from tests.browser.conftest import Screen, grey
from tests.browser.fake_server import Face, FakeServer

SHAPE = (72, 96)
HAIR, NECK, NOSE, SKIN, HAT, EARRING = 4, 11, 12, 16, 5, 2
PATH = [(12.3, 20.7), (30.2, 41.9), (33.1, 12.4), (70.6, 55.5), (101.0, 60.2)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 24, 91, 200])
def test_a_brush_stroke_paints_the_capsules_between_its_points(
    painter: Screen, face: Face, size: int
) -> None:
    painter.take("brush", HAT, size)
    visited = painter.drag(PATH)
    expected = rules.painted(face.mask, rules.stroke(SHAPE, visited, size), HAT)
    assert np.array_equal(painter.map(), expected)


def test_a_click_of_size_1_paints_the_one_pixel_under_the_pointer(
    painter: Screen, face: Face
) -> None:
    painter.take("brush", HAT, 1)
    x, y = painter.click(50.6, 33.2)
    expected = face.mask.copy()
    expected[int(y), int(x)] = HAT
    assert np.array_equal(painter.map(), expected)


@pytest.mark.parametrize(
    ("scale", "x", "y"), [(16, -700.5, -512.25), (2**1.25, 37, 91.5), (0.5, 300, 200), (3, -100, 0)]
)
def test_painting_is_exact_when_zoomed_and_panned(
    painter: Screen, face: Face, scale: float, x: float, y: float
) -> None:
    painter.zoom(scale, x, y)
    painter.take("brush", HAT, 9)
    visited = painter.drag([(48.1, 35.2), (60.9, 38.7), (55.5, 50.1)])
    expected = rules.painted(face.mask, rules.stroke(SHAPE, visited, 9), HAT)
    assert np.array_equal(painter.map(), expected)


def test_the_eraser_and_the_right_button_leave_pixels_unlabelled(
    painter: Screen, face: Face
) -> None:
    painter.take("eraser", size=12)
    visited = painter.drag(PATH[:3])
    expected = rules.painted(face.mask, rules.stroke(SHAPE, visited, 12), 255)
    assert np.array_equal(painter.map(), expected)
    painter.take("rectangle", HAT)
    a, b = painter.drag([(40.2, 30.3), (60.8, 50.9)], button="right")
    assert np.array_equal(painter.map(), rules.painted(expected, rules.rectangle(SHAPE, a, b), 255))


@pytest.mark.parametrize("ending", ["Enter", "double click", "first corner"])
def test_a_polygon_paints_what_it_winds_around(painter: Screen, face: Face, ending: str) -> None:
    painter.take("polygon", HAT)
    corners = [
        painter.click(*point) for point in [(10.3, 8.2), (80.7, 20.4), (30.1, 60.6), (60.2, 5.1)]
    ]
    if ending == "Enter":
        painter.press("Enter")
    elif ending == "double click":
        painter.click(*corners[-1])
    else:
        painter.click(*corners[0])
    expected = rules.painted(face.mask, rules.polygon(SHAPE, corners), HAT)
    assert np.array_equal(painter.map(), expected)


def test_backspace_drops_the_last_corner_and_escape_the_polygon(
    painter: Screen, face: Face
) -> None:
    painter.take("polygon", HAT)
    points = [(10.3, 8.2), (80.7, 20.4), (30.1, 60.6), (5.2, 70.1)]
    corners = [painter.click(*point) for point in points]
    painter.press("Backspace", "Enter")
    expected = rules.painted(face.mask, rules.polygon(SHAPE, corners[:3]), HAT)
    assert np.array_equal(painter.map(), expected)
    for x, y in points:
        painter.click(x + 3, y)
    painter.press("Escape", "Enter")
    assert np.array_equal(painter.map(), expected)


def test_a_lasso_paints_what_it_winds_around(painter: Screen, face: Face) -> None:
    painter.take("lasso", HAT)
    visited = painter.drag(
        [(10.1, 10.2), (60.3, 14.8), (75.2, 60.1), (40.9, 30.4), (20.2, 66.6), (70.7, 5.5)]
    )
    expected = rules.painted(face.mask, rules.polygon(SHAPE, visited), HAT)
    assert np.array_equal(painter.map(), expected)


def test_a_rectangle_includes_the_pixels_of_both_corners(painter: Screen, face: Face) -> None:
    painter.take("rectangle", HAT)
    visited = painter.drag([(60.4, 50.3), (70.0, 10.0), (-9.2, 33.8)])
    expected = rules.painted(face.mask, rules.rectangle(SHAPE, visited[0], visited[-1]), HAT)
    assert np.array_equal(painter.map(), expected)


def test_the_bucket_fills_by_sides_and_not_across_corners(
    screen: Screen, server: FakeServer
) -> None:
    mask = np.kron(np.indices((9, 12)).sum(0) % 2, np.ones((8, 8), int)).astype(np.uint8)
    mask[8:64, 40:48] = 1
    server.add("face", Face(grey(*SHAPE), mask))
    screen.visit().take("bucket", HAT)
    x, y = screen.click(44.4, 30.2)
    expected = rules.painted(mask, rules.flood(mask, (int(x), int(y))), HAT)
    assert np.array_equal(screen.map(), expected)
    assert 7 * 64 < (expected == HAT).sum() < (mask == 1).sum()


def test_the_bucket_fills_the_class_everywhere_if_set_so(painter: Screen, face: Face) -> None:
    painter.take("bucket", HAT)
    painter.page.get_by_label("Whole face").check()
    painter.click(5.5, 40.2)
    assert np.array_equal(painter.map(), rules.painted(face.mask, face.mask == 255, HAT))


@pytest.mark.parametrize("level", [0, 1])
def test_the_smart_brush_paints_whole_regions_under_its_way(
    painter: Screen, face: Face, level: int
) -> None:
    painter.take("smart", HAT)
    painter.set(level=level)
    visited = painter.drag(PATH)
    way = rules.stroke(SHAPE, visited, 1)
    regions = face.levels[level]
    expected = rules.painted(face.mask, np.isin(regions, np.unique(regions[way])), HAT)
    assert np.array_equal(painter.map(), expected)


def test_a_level_of_half_the_size_is_scaled_to_the_map(screen: Screen, server: FakeServer) -> None:
    regions = np.arange(36 * 48, dtype=np.uint16).reshape(36, 48) // 5
    server.add("face", Face(grey(*SHAPE), None, [regions]))
    screen.visit().take("smart", HAT)
    x, y = screen.click(51.2, 33.3)
    full = np.kron(regions, np.ones((2, 2), np.uint16))
    assert np.array_equal(screen.map(), np.where(full == full[int(y), int(x)], HAT, 255))


@pytest.mark.parametrize("size", [1, 2, 6])
def test_a_closed_stroke_with_shift_fills_its_inside(
    painter: Screen, face: Face, size: int
) -> None:
    painter.take("brush", HAT, size)
    points = [(20.2, 20.1), (80.3, 22.4), (90.1, 90.2), (40.5, 50.5), (12.2, 60.7), (20.9, 20.8)]
    visited = painter.drag(points, held="Shift")
    expected = rules.painted(face.mask, rules.enclosed(SHAPE, visited, size), HAT)
    assert np.array_equal(painter.map(), expected)
    assert painter.js("() => painter.studio.desk.history.undoCount") == 1


def test_an_open_stroke_with_shift_fills_nothing(painter: Screen, face: Face) -> None:
    painter.take("brush", HAT, 2)
    visited = painter.drag([(20.2, 20.1), (80.3, 22.4), (75.2, 60.7)], held="Shift")
    assert np.array_equal(
        painter.map(), rules.painted(face.mask, rules.stroke(SHAPE, visited, 2), HAT)
    )


def test_the_picker_and_alt_click_take_the_class_under_the_pointer(painter: Screen) -> None:
    painter.take("pick")
    painter.click(44.2, 40.1)
    assert painter.js("() => [painter.settings.get('classId'), painter.settings.get('tool')]") == [
        NOSE,
        "brush",
    ]
    painter.page.keyboard.down("Alt")
    painter.click(30.2, 50.1)
    painter.page.keyboard.up("Alt")
    assert painter.js("() => painter.settings.get('classId')") == SKIN


def random_map(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.choice([4, 11, 16, 255], (12, 16)), np.ones((2, 2), int)).astype(np.uint8)


@pytest.mark.parametrize("class_id", [None, 16])
def test_specks_take_the_class_around_them(
    screen: Screen, server: FakeServer, class_id: int | None
) -> None:
    mask = random_map(3)
    server.add("face", Face(grey(*mask.shape), mask))
    screen.visit().set(cleanSize=9)
    screen.js("(id) => painter.studio.clean('specks', id)", class_id)
    expected = mask.copy()
    for part in rules.parts(mask):
        own = mask[part][0]
        if part.sum() <= 9 and (own != 255 if class_id is None else own == class_id):
            expected[part] = rules.common_neighbour(mask, part)
    assert np.array_equal(screen.map(), expected) and not np.array_equal(mask, expected)


@pytest.mark.parametrize("class_id", [None, 16])
def test_holes_are_filled(screen: Screen, server: FakeServer, class_id: int | None) -> None:
    mask = random_map(5)
    mask[6:18, 8:24] = np.where(mask[6:18, 8:24] == 11, 255, 16)
    server.add("face", Face(grey(*mask.shape), mask))
    screen.visit().set(cleanSize=9)
    screen.js("(id) => painter.studio.clean('holes', id)", class_id)
    expected = mask.copy()
    if class_id is None:
        for part in rules.parts(mask):
            if part.sum() <= 9 and mask[part][0] == 255:
                expected[part] = rules.common_neighbour(mask, part)
    else:
        for part in rules.parts((mask != 16).astype(np.uint8)):
            on_rim = part[[0, -1]].any() or part[:, [0, -1]].any()
            if part.sum() <= 9 and mask[part][0] != 16 and not on_rim:
                expected[part] = 16
    assert np.array_equal(screen.map(), expected) and not np.array_equal(mask, expected)


def test_pixel_counts_and_progress_follow_every_gesture(painter: Screen) -> None:
    painter.take("brush", HAT, 24)
    painter.drag(PATH)
    painter.press("Control+z", "Control+y")
    painter.page.wait_for_timeout(50)
    counts = painter.js("() => [...painter.studio.desk.map.counts]")
    ids = painter.map()
    assert counts == np.bincount(ids.ravel(), minlength=256).tolist()
    shown = painter.page.locator("[data-class='5'] .fl-pixels").text_content()
    assert shown == f"{counts[HAT]:,}"
    labelled = int((ids != 255).mean() * 1000) / 10
    assert painter.page.locator(".fl-labelled").text_content() == f"{labelled:g} % labelled"
