"""Photos for tests in the browser, and what is done with them there.

They are generated faces in a grey room; no real person's picture is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import WeightsError
from core.generators import Noise, Outputs, RenderPass, open_runtime
from core.inversion.faces import open_photo_faces
from core.inversion.frame import Frame
from core.inversion.resampling import put_back
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from tests.browser.control_fixtures import WAIT, wait_for_whole

SHAPE = (900, 1300, 3)
IDLE = """document.querySelector('.fl-co-photos form')?.getAttribute('aria-busy') === 'false'
  && !document.querySelector('.fl-co-framer').hidden"""
FRAME = "JSON.parse(document.querySelector('.fl-co-framer').dataset.frame)"
ONE = Frame(560, 440, 600, 10)
PAIR = Frame(380, 460, 480, -8), Frame(950, 430, 520, 6)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """JPEGs of one face, of two, and of none."""
    store = WeightStore()
    try:
        open_photo_faces(store)  # fetched once, for the studio, too
    except WeightsError as error:
        pytest.skip(str(error))
    generator = store.open_generator(store.default("generator"))
    latents = latents_from_seeds(generator, (301, 305), psi=0.8, noise=Noise())
    runtime = open_runtime(RenderPass(generator, Outputs(image_size=512)), device="cpu")
    one, other = (made["image"] for made in runtime.stream(latents.ws, Noise()))
    room = np.full(SHAPE, 120, np.uint8)
    made = {
        "one": put_back(room, one, ONE),
        "two": put_back(put_back(room, one, PAIR[0]), other, PAIR[1]),
        "none": room,
    }
    folder = tmp_path_factory.mktemp("photos")
    for name, picture in made.items():
        Image.fromarray(picture).save(folder / f"{name}.jpg", quality=93)
    return {name: folder / f"{name}.jpg" for name in made}


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def upload(page: Any, path: Path) -> None:
    if not page.locator(".fl-co-photos").count():
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("p")
    page.locator(".fl-co-photos input[type=file]").set_input_files(path)
    page.wait_for_function(IDLE, timeout=WAIT)


def frame(page: Any) -> Frame:
    """On screen."""
    return Frame(**page.evaluate(FRAME))


def use(page: Any) -> str:
    """The face in the frame; returns the photo's id."""
    press(page, "Use this face")
    page.wait_for_selector(".fl-co-photos", state="detached", timeout=WAIT)
    wait_for_whole(page, "photo:")
    return str(page.evaluate("document.querySelector('.fl-control').control.store.recipe.photo"))


def pick(page: Any, face: Frame) -> None:
    """Of several in a photo of that shape."""
    box = page.locator(".fl-co-framer").bounding_box()
    scale = min(box["width"] * 0.8 / SHAPE[1], box["height"] * 0.8 / SHAPE[0])
    left = box["x"] + (box["width"] - SHAPE[1] * scale) / 2
    top = box["y"] + (box["height"] - SHAPE[0] * scale) / 2
    page.mouse.click(left + face.centre_x * scale, top + face.centre_y * scale)


def drop(page: Any, place: str, content: bytes, name: str) -> None:
    """A file on an element."""
    page.evaluate(
        """([place, content, name]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], name));
        const how = { bubbles: true, cancelable: true, dataTransfer: data };
        const element = document.querySelector(place);
        element.dispatchEvent(new DragEvent('dragover', how));
        element.dispatchEvent(new DragEvent('drop', how)); }""",
        [place, list(content), name],
    )


def near(found: Frame, truth: Frame) -> bool:
    apart = np.hypot(found.centre_x - truth.centre_x, found.centre_y - truth.centre_y)
    return bool(apart < 0.06 * truth.side and abs(found.side / truth.side - 1) < 0.12)
