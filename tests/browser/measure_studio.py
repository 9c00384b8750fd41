"""How fast the Annotate tab of the real studio is here, with 10,000 faces in one project.

`python -m tests.browser.measure_studio`. Not a test: figures depend on the machine. Prints one
JSON object, in milliseconds. The first faces are real ones of 1024 px, the others small and
flat, which saves disk and changes nothing in what is measured: lists and queries do not read
pictures. Each picture that is waited for is a real one.
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

from annotations import AnnotationStore, NewFace
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows import SampleRequest, sample_to_folder
from tests.browser.annotate_fixtures import NAMED, OPENED, picture
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.measure_painter import painted_face, summary
from tests.browser.studio_fixtures import Studio, running_studio

NUM_FACES, NUM_REAL = 10_000, 40
SAVE = """async (ids) => {
  const { session } = painter.studio;
  const times = [];
  for (let k = 0; k < 30; k++) {
    const spans = [40 + 20 * k, 100, 900];
    painter.studio.desk.paintOnce(spans, k % 18);
    const start = performance.now();
    await painter.studio.save();
    if (session.saver.state.phase !== 'safe') throw new Error(session.saver.state.message);
    times.push(performance.now() - start);
  }
  return times;
}"""


def filled(workspace: Path) -> tuple[int, list[int]]:
    """A project's id and its faces; the first NUM_REAL have the default generator's pictures."""
    request = SampleRequest(tuple(range(NUM_REAL)))
    sample_to_folder(request, workspace / "made", ModelCache(WeightStore()))
    with (
        np.load(workspace / "made" / "latents.npz") as made,
        AnnotationStore.open(workspace) as store,
    ):
        real = [
            NewFace(
                (workspace / "made" / "images" / f"{seed}.png").read_bytes(),
                made["ws"][seed],
                str(made["generator"]),
                str(made["generator_sha256"]),
                seed=seed,
                psi=0.7,
            )
            for seed in range(NUM_REAL)
        ]
        project = store.projects.create("many")
        ids = list(store.faces.add(project.id, real).face_ids)
        flat, ws = picture(0), np.zeros((2, 4), np.float32)
        for first in range(NUM_REAL, NUM_FACES, 500):
            others = [
                NewFace(flat, ws, "elsewhere", "ab" * 32, seed=seed)
                for seed in range(first, min(first + 500, NUM_FACES))
            ]
            ids += store.faces.add(project.id, others).face_ids
        mask = painted_face().mask
        assert mask is not None
        store.masks.save(ids[0], mask, "Ann", parent_id=None)
    return project.id, ids


def timed(page: Page, act: Any, face: int) -> float:
    """From an action to the face being open and drawn, in ms."""
    start = time.perf_counter()
    act()
    page.wait_for_function(OPENED, arg=face)
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    return 1000 * (time.perf_counter() - start)


def tab_openings(page: Page, studio: Studio, face: int) -> list[float]:
    """Clicks on the Annotate tab, each on a page just loaded."""
    times = []
    for _ in range(11):
        page.goto("about:blank")
        page.goto(studio.address)
        page.wait_for_selector("#sample-button")
        page.wait_for_timeout(1500)  # as long as anybody looks at the first tab
        tab = page.locator("#tab-annotate-button")
        times.append(timed(page, tab.click, face))
    return times


def main() -> None:
    figures: dict[str, Any] = {"faces": NUM_FACES}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder)
        _, ids = filled(workspace)
        with running_studio(workspace) as studio:
            time.sleep(10)  # its generator is compiled by then
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.add_init_script(f"({NAMED})('Ann')")
            page.goto(f"{studio.address}/#face={ids[0]}")
            page.wait_for_function(OPENED, arg=ids[0])
            figures["save to safe, 1024 px, 18 classes"] = summary(page.evaluate(SAVE))
            figures["opening the tab"] = summary(tab_openings(page, studio, ids[0]))
            times = []
            for face in ids[1 : NUM_REAL - 1]:
                times.append(timed(page, lambda: page.keyboard.press("PageDown"), face))
                page.wait_for_timeout(700)  # a glance; the face after it is got ready meanwhile
            figures["next face, after a glance"] = summary(times)
            times = [
                timed(page, lambda: page.keyboard.press("PageUp"), face)
                for face in reversed(ids[1 : NUM_REAL - 2])
            ]
            figures["previous face, at once after another"] = summary(times)
            browser.close()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
