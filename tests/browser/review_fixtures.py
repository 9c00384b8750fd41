"""A page with review and dialogs on the studio's real routes; it must behave."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotations import AnnotationStore, LabelMap, NewFace, Status
from annotations.records import Revision
from tests.browser.conftest import watch
from tests.browser.review_server import ReviewServer

SIZE_HW = (72, 96)


@pytest.fixture(scope="session")
def review_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    server = ReviewServer(tmp_path_factory.mktemp("workspace"))
    yield server
    server.close()


@dataclass
class Desk:
    """The page, and what is in the store behind it: a project of its own for each test."""

    page: Any  # playwright.sync_api.Page
    server: ReviewServer
    project_id: int

    @property
    def store(self) -> AnnotationStore:
        return self.server.store

    def js(self, expression: str, argument: object = None) -> Any:
        return self.page.evaluate(expression, argument)

    def add_face(self, seed: int = 0, size_hw: tuple[int, int] = SIZE_HW) -> int:
        """A face of noise; its id."""
        pixels = np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
        ws = np.full((3, 4), seed, np.float32)
        face = NewFace(file.getvalue(), ws, "tiny", "ab" * 32, seed=seed, psi=0.7)
        return self.store.faces.add(self.project_id, [face]).face_ids[0]

    def save(
        self,
        face_id: int,
        labels: LabelMap,
        author: str = "Ann",
        parent: Revision | None = None,
        status: Status = Status.DONE,
        **more: Any,
    ) -> Revision:
        parent_id = parent.id if parent else None
        saved = self.store.masks.save(
            face_id, labels, author, parent_id=parent_id, status=status, **more
        )
        return saved.revision

    def open(self, face_id: int) -> None:
        """Shows the review of a face and waits until its masks are drawn."""
        self.js("(id) => window.open(id)", face_id)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def history(self) -> list[str]:
        """What each row of the history says, newest first, in one line."""
        rows = self.page.locator(".fl-review-list li").all_inner_texts()
        return [" ".join(row.split()) for row in rows]

    def said(self) -> str:
        return self.page.locator(".fl-review-said").inner_text()

    def table(self) -> list[list[str]]:
        """The rows of the legend."""
        rows = self.page.locator(".fl-review-legend tbody tr").all()
        return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]

    def colour(self, side: str, across: float, down: float) -> list[int]:
        """What is on the screen at a place (0 to 1) of a picture: [r, g, b]."""
        box = self.page.locator(f"[data-side={side}] canvas").bounding_box()
        x, y = int(box["x"] + box["width"] * across), int(box["y"] + box["height"] * down)
        shot = self.page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
        return list(Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0)))

    def wait_for(self, expression: str) -> None:
        self.page.wait_for_function(expression, timeout=30_000)


@pytest.fixture(scope="session")
def review_problems() -> list[str]:
    return []


@pytest.fixture(scope="session")
def review_page(
    browser: Any, review_server: ReviewServer, review_problems: list[str]
) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(30_000)
    watch(context, review_server, review_problems)
    yield context.new_page()
    context.close()


@pytest.fixture
def desk(
    review_page: Any,
    review_server: ReviewServer,
    review_problems: list[str],
    expected_errors: list[str],
    request: pytest.FixtureRequest,
) -> Iterator[Desk]:
    """A fresh visit and an empty project named after the test."""
    review_server.mood = "well"
    project = review_server.store.projects.create(request.node.name[:90])
    review_page.goto("about:blank")
    review_problems.clear()  # what the test before left under way
    review_page.goto(f"{review_server.address}/review_harness.html")
    review_page.evaluate("() => localStorage.clear()")
    review_page.reload()
    review_page.wait_for_function("window.isReady")
    yield Desk(review_page, review_server, project.id)
    left = [text for text in review_problems if not any(part in text for part in expected_errors)]
    assert left == []
