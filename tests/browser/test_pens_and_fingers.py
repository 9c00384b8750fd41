"""Pen and touch: one finger paints, two move the view, pressure scales the brush if asked."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import rules
from tests.browser.conftest import Screen
from tests.browser.fake_server import Face

SHAPE = (72, 96)
HAT = 5
SEND = """([events]) => {
  const frame = painter.frame.surface.getBoundingClientRect();
  for (const { type, x, y, ...rest } of events) {
    const place = { clientX: frame.left + x, clientY: frame.top + y };
    const event = new PointerEvent(type, { bubbles: true, cancelable: true, ...place, ...rest });
    painter.frame.surface.dispatchEvent(event);
  }
}"""


def send(screen: Screen, *events: dict[str, object]) -> None:
    """Pointer events at stage coordinates, in order."""
    screen.js(SEND, [list(events)])


def finger(kind: str, number: int, x: float, y: float) -> dict[str, object]:
    return {"type": f"pointer{kind}", "pointerType": "touch", "pointerId": number, "x": x, "y": y}


def pen(kind: str, x: float, y: float, **more: object) -> dict[str, object]:
    return {"type": f"pointer{kind}", "pointerType": "pen", "pointerId": 9, "x": x, "y": y} | more


def at(screen: Screen, x: float, y: float) -> tuple[float, float]:
    point = screen.js("([x, y]) => painter.studio.view.toImage(x, y)", [x, y])
    return point["x"], point["y"]


def test_one_finger_paints(painter: Screen, face: Face) -> None:
    painter.take("brush", HAT, 8)
    points = [(300, 200), (420, 260), (500, 410)]
    kinds = ["down", "move", "move"]
    send(
        painter,
        *[finger(kind, 5, *point) for kind, point in zip(kinds, points, strict=True)],
        finger("up", 5, *points[-1]),
    )
    covered = rules.stroke(SHAPE, [at(painter, *point) for point in points], 8)
    assert np.array_equal(painter.map(), rules.painted(face.mask, covered, HAT))


def test_two_fingers_zoom_and_move_and_paint_nothing(painter: Screen, face: Face) -> None:
    painter.take("brush", HAT, 8)
    before = painter.js("() => ({ ...painter.studio.view })")
    left, right = at(painter, 400, 300), at(painter, 500, 300)
    send(
        painter,
        finger("down", 5, 400, 300),
        finger("down", 6, 500, 300),
        finger("move", 5, 380, 320),
        finger("move", 6, 530, 320),
        finger("up", 5, 380, 320),
        finger("up", 6, 530, 320),
    )
    assert painter.js("() => painter.studio.view.scale") == pytest.approx(
        before["scale"] * 1.5, 0.02
    )
    assert at(painter, 380, 320) == pytest.approx(left, abs=2)
    assert at(painter, 530, 320) == pytest.approx(right, abs=2)
    assert np.array_equal(painter.map(), face.mask)
    assert painter.js("() => painter.studio.desk.history.undoCount") == 0


@pytest.mark.parametrize(("uses_pressure", "size"), [(False, 40), (True, 10)])
def test_pressure_scales_the_brush_only_if_asked(
    painter: Screen, face: Face, uses_pressure: bool, size: int
) -> None:
    painter.take("brush", HAT, 40)
    painter.set(usesPressure=uses_pressure)
    send(painter, pen("down", 480, 300, pressure=0.25), pen("up", 480, 300))
    place = at(painter, 480, 300)
    expected = rules.painted(face.mask, rules.capsule(SHAPE, place, place, size), HAT)
    assert np.array_equal(painter.map(), expected)


def test_the_eraser_end_of_a_pen_erases_with_the_brush_in_hand(painter: Screen) -> None:
    painter.take("brush", HAT, 30)
    send(painter, pen("down", 480, 100, button=5, buttons=32), pen("up", 480, 100, button=5))
    place = at(painter, 480, 100)
    covered = rules.capsule(SHAPE, place, place, 30)
    assert covered.any() and (painter.map()[covered] == 255).all()


def test_after_a_pen_a_hand_on_the_screen_paints_nothing(painter: Screen) -> None:
    painter.take("brush", HAT, 8)
    send(painter, pen("down", 480, 300, pressure=0.5), pen("up", 480, 300))
    after_pen = painter.map()
    send(
        painter, finger("down", 5, 300, 200), finger("move", 5, 360, 260), finger("up", 5, 360, 260)
    )
    assert np.array_equal(painter.map(), after_pen)


def test_a_stroke_cut_off_by_the_system_or_another_tool_is_kept(
    painter: Screen, face: Face
) -> None:
    painter.take("brush", HAT, 8)
    send(painter, finger("down", 5, 300, 200), finger("cancel", 5, 300, 200))
    place = at(painter, 300, 200)
    first = rules.painted(face.mask, rules.capsule(SHAPE, place, place, 8), HAT)
    assert np.array_equal(painter.map(), first)
    painter.hover(60.1, 40.2)
    painter.page.mouse.down()
    painter.press("e")
    painter.page.mouse.up()
    assert painter.js("() => painter.studio.desk.history.undoCount") == 2
