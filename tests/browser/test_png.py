"""Maps become PNG files and come back without a single changed value."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import Screen

ENCODE = """async ([text, width, height, colours]) => {
  const { encodePng } = await import('/painter/png.js');
  const ids = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return btoa(String.fromCharCode(...await encodePng(ids, width, height, colours)));
}"""
DECODE = """async (text) => {
  const { decodePng } = await import('/painter/png.js');
  const file = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const { ids, width, height } = await decodePng(file);
  return { ids: btoa(String.fromCharCode(...ids)), width, height };
}"""


def random_ids(seed: int) -> np.ndarray:
    """Uint8 [H, W] with all values and some plain areas."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 256, (61, 47), np.uint8)
    ids[10:40, 5:30] = 16
    return ids


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("mode", ["L", "P"])
def test_pillow_reads_the_exact_ids_of_an_encoded_map(painter: Screen, mode: str) -> None:
    ids = random_ids(1)
    colours = [f"#{k:02x}{255 - k:02x}{k // 2:02x}" for k in range(256)] if mode == "P" else None
    file = base64.b64decode(painter.js(ENCODE, [encoded(ids.tobytes()), 47, 61, colours]))
    image = Image.open(io.BytesIO(file))
    assert image.mode == mode and np.array_equal(np.asarray(image), ids)
    if mode == "P":
        assert image.getpalette()[30:33] == [10, 245, 5]


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_png_of_pillow_comes_back_exactly(painter: Screen, mode: str) -> None:
    ids = random_ids(2)
    image = Image.fromarray(ids)
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    answer = painter.js(DECODE, encoded(buffer.getvalue()))
    assert (answer["width"], answer["height"]) == (47, 61)
    assert base64.b64decode(answer["ids"]) == ids.tobytes()


def test_a_file_that_is_no_index_mask_is_refused(painter: Screen) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    for data, message in [
        (buffer.getvalue(), "8 bits, colour type 2"),
        (b"GIF89a......", "not a PNG file"),
        (buffer.getvalue()[:20], "no header"),
    ]:
        with pytest.raises(Exception, match=message):
            painter.js(DECODE, encoded(data))
