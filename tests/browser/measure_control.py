"""How fast the Control tab of the real studio is here, from a slider to the picture on screen.

`python -m tests.browser.measure_control`. Not a test: figures depend on the machine. Prints one
JSON object, in milliseconds. A slider, and the age where it can be asked for, is dragged for 10
seconds each, and each face is whole before the next drag. A drag's input counts from its event to
the second frame after the picture of that very value is drawn; inputs that a later one overtakes
have no picture of their own, and are counted.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.annotate_fixtures import NAMED
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.control_fixtures import (
    CONTROL,
    drag,
    open_control,
    shown,
    slider_file,
    slider_of,
    wait_for_whole,
)
from tests.browser.measure_painter import summary
from tests.browser.studio_fixtures import Studio, running_studio

DRAG, RELEASES = 10.0, 10  # s; drags of a moment whose release is timed
# What the page sees: when each recipe was asked for, and when its picture was on screen.
WATCH = f"""() => {{
  const root = {CONTROL};
  window.asked = []; // the recipe's text and the time, in order; a drag may come back to one
  window.drawn = [];
  root.control.store.listen(() => {{
    asked.push([root.control.store.link.split('#control=')[1], performance.now()]);
  }});
  new MutationObserver(() => {{
    const entry = {{ recipe: root.dataset.shown, isFinal: root.dataset.final === 'true' }};
    const {{ width }} = root.control.stage.after.image;
    requestAnimationFrame(() => requestAnimationFrame(() => {{
      drawn.push({{ ...entry, width, at: performance.now() }});
    }}));
  }}).observe(root, {{ attributeFilter: ['data-sequence'] }});
}}"""
TAKE = """() => {
  const found = { asked, drawn };
  [asked, drawn] = [[], []];
  return found;
}"""


def part_of(name: str, value: str) -> str:
    """Of a link; a slider at 0 is not in it."""
    if name == "age":
        return f"age:{value}"
    return f"{name}={value}" if float(value) else ""


def dragged(page: Page, name: str) -> dict[str, Any]:
    """One long drag, from one end of the track to the other and back."""
    page.evaluate(TAKE)
    began = page.evaluate("performance.now()")
    moves = drag(page, name, lambda i: 0.5 + 0.4 * math.sin(i / 15), DRAG)
    ended = page.evaluate("performance.now()")
    last = slider_of(page, name).input_value()
    wait_for_whole(page, part_of(name, last))
    page.wait_for_timeout(100)
    found = page.evaluate(TAKE)
    asked = found["asked"]
    previews = [each for each in found["drawn"] if not each["isFinal"] and each["at"] < ended]
    times = [
        each["at"] - max(before)
        for each in previews
        if (before := [at for text, at in asked if text == each["recipe"] and at < each["at"]])
    ]
    gaps = [b["at"] - a["at"] for a, b in itertools.pairwise(previews)]
    widths = [each["width"] for each in previews]
    return {
        "moves": moves,
        "positions": len(asked),
        "previews_drawn": len(previews),
        "positions_overtaken": len(asked) - len(previews),
        "previews_a_second": round(1000 * len(previews) / (ended - began), 1),
        "previews_by_px": {str(px): widths.count(px) for px in sorted(set(widths))},
        "input_to_picture": summary(times),
        "between_pictures": summary(gaps),
        "last_picture_is_last_position": part_of(name, last) in shown(page),
    }


def released(page: Page, name: str) -> dict[str, float]:
    """From letting go to the whole face."""
    times = []
    for number in range(RELEASES):
        page.evaluate(TAKE)
        drag(page, name, lambda i, n=number: 0.6 + 0.03 * n + 0.005 * (i % 3), 0.4)
        let_go = page.evaluate("performance.now()")
        last = slider_of(page, name).input_value()
        wait_for_whole(page, part_of(name, last))
        page.wait_for_timeout(100)
        whole = [each["at"] for each in page.evaluate(TAKE)["drawn"] if each["isFinal"]]
        times += [max(0.0, at - let_go) for at in whole[:1]]
    return summary(times)


def measured(page: Page, studio: Studio) -> dict[str, Any]:
    open_control(page, studio.address)
    page.wait_for_timeout(20_000)  # until the passes of all previews are compiled
    page.evaluate(WATCH)
    figures: dict[str, Any] = {
        "slider dragged for 10 s": dragged(page, "tried"),
        "release to the whole face": released(page, "tried"),
    }
    if not slider_of(page, "age").is_disabled():
        figures["age dragged for 10 s"] = dragged(page, "age")
    return figures


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder)
        slider_file(workspace)
        with running_studio(workspace) as studio:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_default_timeout(120_000)
            page.add_init_script(f"({NAMED})('Ann')")
            figures = measured(page, studio)
            browser.close()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
