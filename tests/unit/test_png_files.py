"""PNG files of our own making are what Pillow reads, with all that was put into them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.png_files import encode_png

SHAPES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
)


@settings(deadline=None)
@given(hnp.arrays(np.uint8, SHAPES))
def test_any_picture_comes_back(picture: np.ndarray) -> None:
    png = encode_png(picture)
    with Image.open(io.BytesIO(png)) as image:
        image.verify()  # every checksum
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == ("RGB" if picture.ndim == 3 else "L")
        assert np.array_equal(np.asarray(image), picture)
    assert png == encode_png(picture)


@pytest.mark.parametrize("view", [np.s_[::2, ::2], np.s_[::-1], np.s_[:, 3:]])
def test_pictures_need_not_lie_in_one_piece(view: tuple[slice, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)[view]
    with Image.open(io.BytesIO(encode_png(picture))) as image:
        assert np.array_equal(np.asarray(image), picture)


def test_text_and_exif_are_kept() -> None:
    chunks, exif = PngInfo(), Image.Exif()
    chunks.add_text("Software", "Faceloom")
    chunks.add_itxt("Title", "Gesicht \u00e4")
    exif[0x0131] = "Faceloom"
    picture = np.zeros((5, 7, 3), np.uint8)
    with Image.open(io.BytesIO(encode_png(picture, chunks, exif.tobytes()))) as image:
        assert image.size == (7, 5) and image.getexif()[0x0131] == "Faceloom"
        assert image.text == {"Software": "Faceloom", "Title": "Gesicht \u00e4"}


def test_smooth_pictures_and_masks_are_packed_small() -> None:
    mask = np.repeat(np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4), 64, 0), 64, 1)
    assert len(encode_png(mask)) < 4_000
    slope = np.add.outer(np.arange(256), np.arange(256)) // 2
    smooth = np.repeat(slope.astype(np.uint8)[..., None], 3, 2)
    assert len(encode_png(smooth)) < smooth.nbytes / 4
