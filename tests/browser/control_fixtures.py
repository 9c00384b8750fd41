"""Sliders for the Control tab of a real studio, and a person at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.directions import Direction, save_directions
from core.weights import WeightStore

CONTROL = "document.querySelector('.fl-control')"
IS_DRAWN = (
    f"{CONTROL}?.dataset.final === 'true' && {CONTROL}.dataset.shown.includes(part)"
    f" && {CONTROL}.control.asker.isBusy === false"
)
LATENT_LAYERS, WIDTH = 16, 512
WAIT = 120_000  # ms; everything may be compiled first


def slider_file(workspace: Path, name: str = "tried", generator: str | None = None) -> Path:
    """A slider of one's own that visibly does something: a step along a fixed w."""
    identity = WeightStore().identity(WeightStore().default("generator"))
    vector = np.zeros((LATENT_LAYERS, WIDTH), np.float32)
    vector[:7] = 0.12 * np.random.default_rng(5).standard_normal(WIDTH).astype(np.float32)
    sha256 = identity.sha256 if generator is None else "ab" * 32
    made = Direction(
        name, name.capitalize(), "", vector, generator or identity.name, sha256, (-2.0, 3.0)
    )
    folder = workspace / "directions"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_directions(path, [made])
    return path


def open_control(page: Any, address: str, recipe: str = "seed:42;psi:0.7") -> None:
    """By its link, and until the whole face is there and told of."""
    page.goto("about:blank")
    page.goto(f"{address}/#control={recipe}")
    wait_for_whole(page)


def wait_for_whole(page: Any, part: str = "") -> None:
    """part: of the recipe whose face must be on screen, as its link says it."""
    page.wait_for_function(
        f"(part) => {IS_DRAWN}"
        " && document.querySelector('.fl-co-says').textContent.startsWith('Estimated')",
        arg=part,
        timeout=WAIT,
    )


def wait_for_picture(page: Any, part: str = "") -> None:
    """As `wait_for_whole`, whatever is said of the face."""
    page.wait_for_function(f"(part) => {IS_DRAWN}", arg=part, timeout=WAIT)


def shown(page: Any) -> str:
    """The recipe of the face on screen."""
    return str(page.evaluate(f"{CONTROL}.dataset.shown"))


def asked(page: Any) -> str:
    return str(page.evaluate("location.hash"))


def pixels(page: Any) -> list[int]:
    """Of the picture on screen: a few rows, to compare."""
    return page.evaluate(  # type: ignore[no-any-return]
        "() => { const canvas = document.querySelector('.fl-co-picture');"
        " const small = new OffscreenCanvas(32, 32).getContext('2d');"
        " small.drawImage(canvas, 0, 0, 32, 32);"
        " return [...small.getImageData(0, 0, 32, 32).data]; }"
    )


def apart(first: list[int], second: list[int]) -> float:
    """Mean difference of two pictures in grey levels."""
    return float(np.abs(np.array(first) - np.array(second)).mean())


def slider_of(page: Any, name: str) -> Any:
    return page.locator(f'.fl-co-slider[data-slider="{name}"] input[type=range]')


def drag(page: Any, name: str, places: Callable[[int], float], seconds: float) -> int:
    """Moves a thumb between places 0 to 1 of its track, and lets go; returns how many moves."""
    track = slider_of(page, name)
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    moves = 0
    began = page.evaluate("performance.now()")
    while page.evaluate("performance.now()") - began < 1000 * seconds:
        moves += 1
        page.mouse.move(box["x"] + box["width"] * places(moves), y)
        page.wait_for_timeout(20)
    page.mouse.up()
    return moves
