"""How fast the painter is here, at 1024 px with 18 classes.

`python -m tests.browser.measure_painter`. Not a test: figures depend on the machine. Prints one
JSON object, in milliseconds. Every drawing is forced to real pixels (one pixel is read back),
because Chromium otherwise only notes it down. 'stroke' and 'undo' count from the time stamp of the
input event to the pixels on the canvas, with all waiting; 'work' is the part in which the page is
busy.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.fake_server import Face, FakeServer

SIDE = 1024
INSTRUMENT = """() => {
  const { stage, studio } = painter.display;
  window.figures = { stroke: [], work: [], undo: [] };
  let started = null; // the oldest event whose change is not drawn yet
  const note = (kind) => (event) => {
    started ??= { kind, at: event.timeStamp, busy: 0, hasChange: false };
    started.begun = performance.now();
  };
  const change = studio.desk.onChange;
  studio.desk.onChange = () => { if (started) started.hasChange = true; change(); };
  const handled = () => {
    if (started?.hasChange) started.busy += performance.now() - started.begun;
    else started = null; // a move without a button, or one that was painted before
  };
  const moves = { pointerdown: 'stroke', pointerrawupdate: 'stroke', pointermove: 'stroke' };
  const kinds = { ...moves, keydown: 'undo' };
  for (const [type, kind] of Object.entries(kinds)) {
    addEventListener(type, note(kind), true);
    addEventListener(type, handled);
  }
  const draw = stage.draw.bind(stage);
  stage.draw = (isAll) => { if (started) started.begun = performance.now(); draw(isAll); };
  stage.onDrawn = () => {
    stage.context.getImageData(0, 0, 1, 1);
    if (!started?.hasChange) return;
    const now = performance.now();
    window.figures[started.kind].push(now - started.at);
    if (started.kind === 'stroke') window.figures.work.push(started.busy + now - started.begun);
    started = null;
  };
}"""
ENCODE = """async () => {
  const { encodePng } = await import('/painter/png.js');
  const { ids, width, height } = painter.studio.session.map;
  const times = { png: [], draft: [] };
  const timed = async (name, run) => {
    const start = performance.now();
    const result = await run();
    times[name].push(performance.now() - start);
    return result;
  };
  let png;
  for (let k = 0; k < 20; k++) {
    png = await timed('png', () => encodePng(ids, width, height));
    const draft = { faceId: 'bench', width, height, ids, baseRevision: null };
    await timed('draft', () => painter.drafts.keep(draft));
  }
  return { ...times, pngBytes: png.length };
}"""


def painted_face() -> Face:
    """Noise as image; 18 classes in wavy stripes, so that borders are everywhere."""
    y, x = np.mgrid[:SIDE, :SIDE]
    mask = ((y + 40 * np.sin(x / 35)) // 38 + (x + 30 * np.sin(y / 28)) // 97 * 5) % 18
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return Face(image, mask.astype(np.uint8))


def summary(times: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(times, [50, 95])
    return {"p50": round(p50, 2), "p95": round(p95, 2), "count": len(times)}


def measure_strokes(page: Page, size: int, zoom: int | None) -> dict[str, object]:
    """Strokes over the stage with a brush of `size` px, then undo of each; zoom None: fitted."""
    page.evaluate("() => window.start()")
    page.evaluate("(size) => { painter.settings.size = size; }", size)
    if zoom:
        page.evaluate("(zoom) => { painter.studio.view.zoomAt(500, 300, zoom); }", zoom)
        page.evaluate("() => painter.studio.viewChanged()")
    page.evaluate(INSTRUMENT)
    rng = np.random.default_rng(size)
    for k in range(12):
        page.evaluate("(id) => painter.settings.set('classId', id)", k)
        points = rng.uniform((250, 80), (850, 650), (4, 2))
        page.mouse.move(*points[0])
        page.wait_for_timeout(30)
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=8)
        page.mouse.up()
    for key in ["Control+z"] * 12 + ["Control+y"] * 12 + ["Control+z"] * 12:
        page.wait_for_timeout(20)
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    figures = page.evaluate("() => window.figures")
    history = page.evaluate("() => painter.studio.desk.history.byteLength")
    return {name: summary(times) for name, times in figures.items()} | {"history_bytes": history}


def main() -> None:
    server = FakeServer()
    server.add("bench", painted_face())
    server.options = {"settings": {"outline": False}}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{server.address}/harness.html")
        page.wait_for_function("window.isReady")
        figures: dict[str, object] = {}
        for size, zoom in [(24, None), (200, None), (24, 1), (24, 16)]:
            name = f"brush {size} px, {f'{zoom}x' if zoom else 'fitted'}"
            figures[name] = measure_strokes(page, size, zoom)
        encoded = page.evaluate(ENCODE)
        figures["png_bytes"] = encoded.pop("pngBytes")
        figures["encode"] = {name: summary(times) for name, times in encoded.items()}
        browser.close()
    server.close()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
