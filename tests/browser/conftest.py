"""A real Chromium with a painter in it. What the page should not do fails the test."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser.fake_server import Face, FakeServer
from tests.browser.photo_fixtures import photos
from tests.browser.profiles import Profiles
from tests.browser.studio_fixtures import sample_page, studio

__all__ = ["photos", "sample_page", "studio"]  # fixtures; studio and photos are one for all files

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Screen:
    """One page with a painter, driven with mouse and keys in image coordinates."""

    page: Any  # playwright.sync_api.Page
    server: FakeServer

    def visit(self) -> Screen:
        """Starts a painter on the page, which is loaded only if it is not there yet."""
        address = f"{self.server.address}/harness.html"
        if self.page.url != address:
            self.page.goto(address)
            self.page.wait_for_function("window.isReady")
        self.page.evaluate("() => window.start()")
        return self

    def leave(self) -> None:
        """As in a crash: nothing is asked, nothing is waited for."""
        self.page.once("dialog", lambda dialog: dialog.accept())
        self.page.goto("about:blank")

    def reload(self) -> Screen:
        """Loads the page anew after a crash."""
        self.leave()
        return self.visit()

    def js(self, expression: str, argument: object = None) -> Any:
        return self.page.evaluate(expression, argument)

    def map(self) -> np.ndarray:
        """The map in the browser, uint8 [H, W]."""
        text = self.js(
            """() => { const { ids } = painter.studio.session.map; let text = '';
            for (let i = 0; i < ids.length; i += 32768)
              text += String.fromCharCode(...ids.subarray(i, i + 32768));
            return btoa(text); }"""
        )
        height, width = self.js(
            "() => [painter.studio.desk.map.height, painter.studio.desk.map.width]"
        )
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width)

    def place(self, x: float, y: float) -> tuple[tuple[int, int], tuple[float, float]]:
        """The whole screen pixel nearest to an image point, and the image point it really is."""
        left, top, vx, vy, scale = self.js(
            """() => { const { left, top } = painter.frame.surface.getBoundingClientRect();
            const { x, y, scale } = painter.studio.view; return [left, top, x, y, scale]; }"""
        )
        screen = round(left + vx + x * scale), round(top + vy + y * scale)
        return screen, ((screen[0] - left - vx) / scale, (screen[1] - top - vy) / scale)

    def hover(self, x: float, y: float) -> tuple[float, float]:
        screen, point = self.place(x, y)
        self.page.mouse.move(*screen)
        return point

    def click(self, x: float, y: float, button: str = "left") -> tuple[float, float]:
        point = self.hover(x, y)
        self.page.mouse.down(button=button)
        self.page.mouse.up(button=button)
        return point

    def drag(
        self, points: Sequence[tuple[float, float]], button: str = "left", held: str = ""
    ) -> list[tuple[float, float]]:
        """Presses at the first point, releases at the last; returns the points really visited."""
        visited = [self.hover(*points[0])]
        if held:
            self.page.keyboard.down(held)
        self.page.mouse.down(button=button)
        visited += [self.hover(*point) for point in points[1:]]
        self.page.mouse.up(button=button)
        if held:
            self.page.keyboard.up(held)
        return visited

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def set(self, **settings: object) -> None:
        self.js(
            "(values) => { for (const name in values) painter.settings.set(name, values[name]); }",
            settings,
        )

    def take(self, tool: str, class_id: int | None = None, size: int | None = None) -> None:
        self.set(tool=tool)
        if class_id is not None:
            self.set(classId=class_id)
        if size is not None:
            self.js("(size) => { painter.settings.size = size; }", size)

    def zoom(self, scale: float, x: float = 0, y: float = 0) -> None:
        """Sets the view: image scale and the position of the image's corner on the stage."""
        self.js(
            "(view) => { Object.assign(painter.studio.view, view); painter.studio.viewChanged(); }",
            {"scale": scale, "x": x, "y": y},
        )

    def wait_for_phase(self, phase: str, timeout: int = 30_000) -> None:
        self.page.wait_for_function(
            "(phase) => painter.studio.session.saver.state.phase === phase",
            arg=phase,
            timeout=timeout,
        )


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    problem = None
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        problem = "playwright is not installed: pip install -e '.[test]'"
    executable = shutil.which("chromium") or CHROMIUM
    if not problem and not Path(executable).exists():
        problem = "no Chromium: apt-get install chromium"
    if problem:
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def profiles(browser: Any) -> Iterator[Profiles]:
    opened = Profiles(browser)
    yield opened
    opened.end()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture
def server(shared_server: FakeServer, request: pytest.FixtureRequest) -> FakeServer:
    """No face yet. Saving is quick, so that tests need not wait; each test has its own drafts."""
    shared_server.reset()
    timing = {"pause": 30, "longest": 200, "retryFirst": 30, "retryLongest": 100}
    shared_server.options = {"timing": timing, "database": request.node.nodeid}
    return shared_server


@pytest.fixture(scope="session")
def problems() -> list[str]:
    """What the page did and should not have done since the test began."""
    return []


@pytest.fixture(scope="session")
def page(browser: Any, shared_server: FakeServer, problems: list[str]) -> Iterator[Any]:
    """One page for all tests: loading forty modules anew for each would take minutes."""
    context = browser.new_context()
    watch(context, shared_server, problems)
    yield context.new_page()
    context.close()


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of console errors that a test provokes on purpose."""
    return []


@pytest.fixture
def screen(
    page: Any, server: FakeServer, problems: list[str], expected_errors: list[str]
) -> Iterator[Screen]:
    """A page without a painter: add a face to the server, then `visit`."""
    problems.clear()
    page.set_viewport_size({"width": 1280, "height": 720})
    page.mouse.move(0, 0)
    if page.url.startswith(server.address):
        page.evaluate("() => localStorage.clear()")
    yield Screen(page, server)
    if page.url.startswith(server.address):
        page.evaluate("() => window.endPainter()")
    left = [text for text in problems if not any(part in text for part in expected_errors)]
    assert left == []


def watch(context: Any, server: FakeServer, problems: list[str]) -> None:
    """Notes console errors, exceptions and requests to any other host."""

    def on_request(request: Any) -> None:
        if not request.url.startswith((server.address, "data:", "blob:")):
            problems.append(f"request to {request.url}")

    def on_console(message: Any) -> None:
        if message.type in ("error", "warning"):
            problems.append(f"console: {message.text}")

    context.on("request", on_request)
    context.on("console", on_console)
    context.on("weberror", lambda error: problems.append(f"exception: {error.error}"))


def grey(height: int, width: int) -> np.ndarray:
    """A plain image [H, W, 3] uint8."""
    return np.full((height, width, 3), 128, np.uint8)


@pytest.fixture
def face() -> Face:
    """72 x 96 pixels with four classes, an unlabelled rest and two levels of regions."""
    mask = np.full((72, 96), 255, np.uint8)
    mask[:24] = 4
    mask[24:60, 20:70] = 16
    mask[36:44, 40:48] = 12
    mask[60:, 30:60] = 11
    coarse = (
        np.add.outer(np.arange(72) // 24, 3 * (np.arange(96) // 32)) + np.zeros((72, 96), int)
    ).astype(np.uint16)
    fine = np.random.default_rng(7).permutation(72 * 96 // 16).astype(np.uint32).reshape(18, 24)
    return Face(grey(72, 96), mask, [coarse, np.kron(fine, np.ones((4, 4), np.uint32))])


@pytest.fixture
def painter(screen: Screen, server: FakeServer, face: Face) -> Screen:
    """The painter with `face` opened."""
    server.add("face", face)
    return screen.visit()
