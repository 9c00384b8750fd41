"""How fast the review is here, at 1024 px with 18 classes.

`python -m tests.browser.measure_review`. Not a test: figures depend on the machine. Prints one
JSON object, in milliseconds: from a key, or a notch of the wheel, to the pixels of both canvases
(one of each is read back, because Chromium otherwise only notes the drawing down). 'open' is a face
with its picture and two masks over the real routes.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from annotations import NewFace, Status
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.measure_painter import SIDE, painted_face, summary
from tests.browser.review_server import ReviewServer

REVISIONS = 12
INSTRUMENT = """() => {
  const [left, right] = ['chosen', 'force'].map((side) =>
    document.querySelector(`[data-side=${side}] canvas`));
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => {
    for (const canvas of [left, right]) canvas.getContext('2d').getImageData(0, 0, 1, 1);
    resolve();
  }));
  window.pressed = async (key) => {
    const caption = document.querySelector('[data-side=chosen] .fl-compare-caption');
    const start = performance.now();
    const changed = new Promise((resolve) => {
      const watcher = new MutationObserver(() => (watcher.disconnect(), resolve()));
      watcher.observe(caption, { childList: true });
    });
    document.dispatchEvent(new KeyboardEvent('keydown', { key }));
    await changed;
    await drawn();
    return performance.now() - start;
  };
  window.turned = async (deltaY, x, y) => {
    const { left: cornerX, top: cornerY } = right.getBoundingClientRect();
    const where = { clientX: cornerX + x, clientY: cornerY + y };
    const start = performance.now();
    right.dispatchEvent(new WheelEvent('wheel', { deltaY, ...where, cancelable: true }));
    await drawn();
    return performance.now() - start;
  };
}"""


def add_face(server: ReviewServer) -> int:
    """A face with REVISIONS masks of 18 classes in waves, each shifted by some pixels."""
    painted = painted_face()
    assert painted.mask is not None
    file = io.BytesIO()
    Image.fromarray(painted.image).save(file, "PNG", compress_level=1)
    project = server.store.projects.create("measured")
    face = NewFace(file.getvalue(), np.zeros((3, 4), np.float32), "noise", "ab" * 32, seed=0)
    face_id = server.store.faces.add(project.id, [face]).face_ids[0]
    parent_id = None
    for shift in range(REVISIONS):
        labels = np.roll(painted.mask, shift, axis=1)
        saved = server.store.masks.save(
            face_id, labels, "Ann", parent_id=parent_id, status=Status.DONE
        )
        parent_id = saved.revision.id
    return face_id


def measure(page: Page, face_id: int) -> dict[str, object]:
    opening = "async (id) => { const start = performance.now(); await open(id); "
    opened = page.evaluate(opening + "return performance.now() - start; }", face_id)
    page.evaluate(INSTRUMENT)

    def press(key: str, count: int) -> list[float]:
        times = []
        for _ in range(count):
            page.wait_for_timeout(400)  # the neighbours are fetched meanwhile
            times.append(page.evaluate("(key) => pressed(key)", key))
        return times

    figures: dict[str, object] = {"open": round(opened, 1)}
    steps = REVISIONS - 2
    figures["next to the last, fetched ahead"] = summary(press("ArrowDown", steps))
    figures["known"] = summary(press("ArrowUp", steps))
    page.keyboard.press("c")
    figures["changes only"] = summary(press("ArrowDown", steps))
    page.keyboard.press("c")
    page.keyboard.press("v")
    figures["outlines"] = summary(press("ArrowUp", steps))
    page.keyboard.press("v")
    turns = [page.evaluate("([d]) => turned(d, 250, 250)", [d]) for d in [-100] * 20 + [100] * 20]
    figures["a notch of the wheel"] = summary(turns)
    return figures


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = ReviewServer(Path(folder))
        face_id = add_face(server)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{server.address}/review_harness.html")
        page.wait_for_function("window.isReady")
        figures = {"side": SIDE} | measure(page, face_id)
        browser.close()
        server.close()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
