"""How long live learning takes in the real studio, from a stroke to the prediction on screen.

`python -m tests.browser.measure_live [FOLDER]`. Not a test: figures depend on the machine.
Prints one JSON object, in milliseconds; with a folder, screenshots are put there. The project
has 10 painted faces of the starter pack, and faces of 512 px to paint.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.browser.annotate_fixtures import NAMED, OPENED
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.live_fixtures import PaintedProject, painted_project
from tests.browser.measure_painter import summary
from tests.browser.studio_fixtures import running_studio

NUM_PAINTED, NUM_STROKES = 10, 30
READY = "document.querySelector('.fl-annotate').annotate.assist.state === 'ready'"
# Paints, and answers when the prediction that follows is on screen: two frames after it is set.
STROKE = """([spans, classId]) => new Promise((resolve) => {
  const { studio } = painter;
  const start = performance.now();
  let isDone = false;
  studio.prediction.listen(() => {
    if (isDone || !studio.prediction.ids) return;
    isDone = true;
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
  });
  studio.desk.paintOnce(spans, classId);
})"""


def stroke(truth: np.ndarray, random: np.random.Generator) -> tuple[list[int], int]:
    """Rows of a disc of 9 px around some pixel, as far as they are of its class."""
    labelled = np.argwhere(truth != 255)
    y, x = labelled[random.integers(len(labelled))]
    rows, columns = np.ogrid[: truth.shape[0], : truth.shape[1]]
    disc = (rows - y) ** 2 + (columns - x) ** 2 <= 20
    spans: list[int] = []
    for row, column in np.argwhere(disc & (truth == truth[y, x])):
        spans += [int(row), int(column), int(column) + 1]
    return spans, int(truth[y, x])


def measured(page: Page, address: str, project: PaintedProject, folder: Path | None) -> Any:
    face, random = project.open[0], np.random.default_rng(0)
    page.goto(f"{address}/#face={face}")
    page.wait_for_function(OPENED, arg=face)
    start = time.perf_counter()
    page.keyboard.press("7")
    page.wait_for_function(READY, timeout=120_000)
    first = 1000 * (time.perf_counter() - start)
    page.wait_for_function("document.body.innerText.includes('10 painted faces')", timeout=120_000)
    shoot(page, folder, "1-first")
    times = []
    for _ in range(NUM_STROKES):
        spans, class_id = stroke(project.truth[face], random)
        times.append(page.evaluate(STROKE, [spans, class_id]))
    shoot(page, folder, "2-strokes")
    page.keyboard.press("8")
    shoot(page, folder, "3-uncertainty")
    page.keyboard.press("y")
    shoot(page, folder, "4-accepted")
    start = time.perf_counter()
    page.keyboard.press("9")
    moved = "(id) => document.querySelector('.fl-annotate').annotate.work.face.id !== id"
    page.wait_for_function(moved, arg=face, timeout=60_000)
    suggested = 1000 * (time.perf_counter() - start)
    return {
        "first_prediction_ms": round(first),
        "stroke_to_prediction_ms": summary(times),
        "suggestion_ms": round(suggested),
    }


def shoot(page: Page, folder: Path | None, name: str) -> None:
    if folder is not None:
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"{name}.png")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        workspace = Path(made)
        project = painted_project(workspace, NUM_PAINTED, 5)
        with running_studio(workspace) as studio:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.add_init_script(f"({NAMED})('Ann')")
            figures = measured(page, studio.address, project, folder)
            sys.stdout.write(json.dumps(figures, indent=1) + "\n")
            browser.close()


if __name__ == "__main__":
    main()
