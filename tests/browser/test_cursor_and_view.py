"""The cursor shows what a click paints; zoom, pan and keys do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser import rules
from tests.browser.conftest import Screen
from tests.browser.fake_server import Face, FakeServer

SHAPE = (72, 96)
HAT = 5
OUTLINE = """async () => {
  const { outlineOf } = await import('/painter/outline.js');
  return outlineOf(painter.studio.tool.preview(painter.studio.pointer.last).spans);
}"""
DRAWN_BOX = """() => {
  const { width, height } = painter.frame.sketch;
  const { data } = painter.display.sketch.context.getImageData(0, 0, width, height);
  const drawn = [...Array(width * height).keys()].filter((i) => data[4 * i + 3] > 0);
  const [xs, ys] = [drawn.map((i) => i % width), drawn.map((i) => Math.floor(i / width))];
  const least = (values) => values.reduce((a, b) => Math.min(a, b));
  const most = (values) => values.reduce((a, b) => Math.max(a, b));
  return [least(xs), least(ys), most(xs), most(ys)];
}"""
STAGE_COLOUR = """([x, y]) => {
  const at = painter.studio.view.toScreen(x + 0.5, y + 0.5);
  const [left, top] = [Math.round(at.x), Math.round(at.y)];
  const { data } = painter.display.stage.context.getImageData(left, top, 1, 1);
  return [...data.slice(0, 3)];
}"""
LABELS = """async () => {
  const { COMMANDS } = await import('/painter/commands.js');
  return Object.values(COMMANDS).map((each) => each.label);
}"""
BAD_CONTROLS = """() => {
  const hidden = 'details:not([open]) > div, dialog';
  const isBad = (each) => {
    const box = each.getBoundingClientRect();
    const name = each.getAttribute('aria-label') || each.textContent || each.labels?.length;
    const isBelow = !each.closest('.fl-classes') && box.bottom > innerHeight;
    return !name || box.right > innerWidth || isBelow || box.width < 10;
  };
  return [...document.querySelectorAll('button, summary, input, select')]
    .filter((each) => each.offsetParent && !each.closest(hidden) && isBad(each))
    .map((each) => each.outerHTML.slice(0, 90));
}"""


def inside(segments: list[float]) -> np.ndarray:
    """The pixels inside an outline: an odd number of vertical edges lies to the left of them."""
    edges = np.zeros((SHAPE[0], SHAPE[1] + 1), int)
    for x0, y0, x1, y1 in np.array(segments).reshape(-1, 4).astype(int):
        if x0 == x1:
            edges[min(y0, y1) : max(y0, y1), x0] += 1
    return (edges.cumsum(axis=1) % 2).astype(bool)[:, :-1]


@pytest.mark.parametrize("scale", [0.7, 3, 16])
@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_the_cursor_outlines_exactly_the_pixels_that_a_click_paints(
    painter: Screen, face: Face, size: int, scale: float
) -> None:
    painter.zoom(scale, -20.3, 11.8)
    painter.take("brush", HAT, size)
    painter.hover(30.3, 20.4)
    cursor = inside(painter.js(OUTLINE))
    painter.click(30.3, 20.4)
    painted = painter.map() == HAT
    assert painted.any() and np.array_equal(cursor, painted)


def test_the_outline_is_drawn_where_the_pixels_are(painter: Screen) -> None:
    painter.zoom(16, -200, -100)
    painter.take("brush", HAT, 5)
    x, y = painter.hover(30.3, 20.4)
    painter.page.wait_for_timeout(50)
    x0, y0, x1, y1 = painter.js(DRAWN_BOX)
    pixels = np.argwhere(rules.capsule(SHAPE, (x, y), (x, y), 5))
    top, left = pixels.min(0) * 16 - [100, 200]
    bottom, right = (pixels.max(0) + 1) * 16 - [100, 200]
    assert (x0, y0, x1, y1) == pytest.approx((left, top, right, bottom), abs=2)


def test_the_wheel_zooms_at_the_pointer_up_to_16(painter: Screen) -> None:
    before = painter.hover(40.3, 30.7)
    painter.page.mouse.wheel(0, -100)
    painter.page.mouse.wheel(0, -100)
    last = painter.js("() => painter.studio.pointer.last")
    assert (last["x"], last["y"]) == pytest.approx(before, abs=1e-9)
    for _ in range(20):
        painter.page.mouse.wheel(0, -100)
    painter.page.wait_for_function("painter.studio.view.scale === 16")
    last = painter.js("() => painter.studio.pointer.last")
    assert (last["x"], last["y"]) == pytest.approx(before, abs=1e-9)


def test_zooming_out_goes_below_fit_and_f_comes_back(painter: Screen) -> None:
    fitted = painter.js("() => painter.studio.view.scale")
    painter.hover(40.3, 30.7)
    for _ in range(6):
        painter.page.mouse.wheel(0, 100)
    painter.page.wait_for_function("(fitted) => painter.studio.view.scale < fitted / 2", arg=fitted)
    painter.press("f")
    assert painter.js("() => painter.studio.view.scale") == fitted
    painter.press("f")
    assert painter.js("() => painter.studio.view.scale") == 1


@pytest.mark.parametrize("way", ["space", "middle"])
def test_dragging_with_space_or_the_middle_button_moves_the_image(
    painter: Screen, face: Face, way: str
) -> None:
    before = painter.js("() => ({ ...painter.studio.view })")
    start, _ = painter.place(40, 30)
    painter.page.mouse.move(*start)
    if way == "space":
        painter.page.keyboard.down(" ")
    painter.page.mouse.down(button="left" if way == "space" else "middle")
    painter.page.mouse.move(start[0] + 37, start[1] - 21)
    painter.page.mouse.up(button="left" if way == "space" else "middle")
    if way == "space":
        painter.page.keyboard.up(" ")
    after = painter.js("() => ({ ...painter.studio.view })")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (37, -21)
    assert np.array_equal(painter.map(), face.mask)


def test_sizes_change_by_key_and_wheel_and_are_remembered_per_tool(painter: Screen) -> None:
    size = "() => painter.settings.size"
    painter.take("brush", size=20)
    painter.hover(40, 30)
    painter.press("]", "Shift+]")
    assert painter.js(size) == 31
    painter.page.keyboard.down("Control")
    painter.page.mouse.wheel(0, 100)
    painter.page.keyboard.up("Control")
    painter.page.wait_for_function("painter.settings.size === 28")
    painter.press("e", "[")
    eraser = painter.js(size)
    painter.reload()
    assert painter.js("() => painter.settings.get('sizes')") == {
        "brush": 28,
        "eraser": eraser,
        "accept": 40,
    }
    painter.take("brush", size=500)
    assert painter.js(size) == 200


def test_every_class_key_of_the_scheme_chooses_its_class(
    painter: Screen, server: FakeServer
) -> None:
    for entry in server.scheme["classes"]:
        painter.press(entry["key"])
        assert painter.js("() => painter.settings.get('classId')") == entry["id"]


def test_every_tool_has_a_key_that_no_class_has(painter: Screen, server: FakeServer) -> None:
    taken = {entry["key"] for entry in server.scheme["classes"]}
    tools = painter.js("() => Object.keys(painter.studio.tools)")
    for tool in tools:
        key = painter.page.locator(f"[data-tool={tool}]").get_attribute("aria-keyshortcuts")
        assert key and key not in taken
        painter.press(key)
        assert painter.js("() => painter.settings.get('tool')") == tool


def test_a_scheme_that_takes_a_tool_key_wins_and_shift_reaches_the_tool(
    screen: Screen, server: FakeServer, face: Face
) -> None:
    server.scheme = server.scheme | {
        "classes": [
            *server.scheme["classes"],
            {"id": 40, "name": "beard", "color": "#123456", "key": "e"},
        ]
    }
    server.add("face", face)
    screen.visit().press("e")
    assert screen.js("() => [painter.settings.get('classId'), painter.settings.get('tool')]") == [
        40,
        "brush",
    ]
    screen.press("Shift+E")
    assert screen.js("() => painter.settings.get('tool')") == "eraser"


def test_x_swaps_with_the_background_and_back(painter: Screen) -> None:
    painter.press("h", "x")
    assert painter.js("() => painter.settings.get('classId')") == 0
    painter.press("x")
    assert painter.js("() => painter.settings.get('classId')") == 4


def stage_colour(screen: Screen, x: float, y: float) -> list[int]:
    """What the stage shows at the middle of a pixel."""
    screen.page.wait_for_timeout(40)
    return screen.js(STAGE_COLOUR, [x, y])


def test_opacity_visibility_outline_and_peeking_change_only_what_is_seen(
    painter: Screen, face: Face, expected_errors: list[str]
) -> None:
    expected_errors.append("Multiple readback operations")
    painter.set(opacity=1)
    assert stage_colour(painter, 30, 50) == [0xF2, 0xC9, 0xA1]
    painter.page.get_by_label("Hide skin").click()
    assert stage_colour(painter, 30, 50) == [128, 128, 128]
    painter.page.get_by_label("Show skin").click()
    painter.page.keyboard.down("d")
    assert stage_colour(painter, 30, 50) == [128, 128, 128]
    painter.page.keyboard.up("d")
    painter.press("v")
    assert stage_colour(painter, 30, 50) == [128, 128, 128]
    assert stage_colour(painter, 20, 50) == [0xF2, 0xC9, 0xA1]
    painter.press("v")
    painter.set(opacity=0, brightness=50, contrast=0)
    assert stage_colour(painter, 30, 50) == [192, 192, 192]
    assert np.array_equal(painter.map(), face.mask)


def test_only_the_changed_box_is_drawn_and_nothing_is_left_out(
    screen: Screen, server: FakeServer
) -> None:
    rng = np.random.default_rng(4)
    server.add(
        "face", Face(rng.integers(0, 256, (64, 64, 3), np.uint8), np.full((64, 64), 16, np.uint8))
    )
    screen.visit().zoom(5.3, 12.7, 30.1)
    screen.take("brush", HAT, 7)
    screen.drag([(5.2, 6.1), (50.3, 40.2), (20.1, 60.7)])
    screen.page.mouse.move(5, 400)
    screen.page.wait_for_timeout(50)
    picture = "() => document.querySelector('.fl-stage').toDataURL()"
    partial = screen.js(picture)
    screen.js("() => painter.display.stage.draw()")
    assert screen.js(picture) == partial


def test_the_help_lists_every_command_and_class(painter: Screen, server: FakeServer) -> None:
    painter.press("?")
    text = painter.page.locator("dialog").inner_text()
    for entry in server.scheme["classes"]:
        assert entry["name"] in text
    for label in painter.js(LABELS):
        assert label in text
    painter.press("Escape")
    assert not painter.page.locator("dialog").is_visible()


def test_keys_typed_into_a_field_are_not_commands(painter: Screen) -> None:
    field = painter.page.get_by_role("spinbutton", name="Brush size in image pixels")
    field.fill("6")
    field.press("Enter")
    field.press("e")
    assert painter.js("() => [painter.settings.get('tool'), painter.settings.size]") == ["brush", 6]


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 600), (1280, 720), (1920, 1080), (2560, 1440)]
)
def test_everything_has_a_name_and_fits_on_the_screen(
    painter: Screen, width: int, height: int
) -> None:
    painter.page.set_viewport_size({"width": width, "height": height})
    for tool in ["brush", "smart", "polygon"]:
        painter.set(tool=tool)
        assert painter.js(BAD_CONTROLS) == []
