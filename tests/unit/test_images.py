"""Float images, uint8 pictures, and PNG files that say how they were made."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from core.errors import InvalidRequestError, OutputError
from core.images import downsample, psnr, read_png_facts, to_float, to_uint8, write_png

FACTS = {"generator": "tiny", "seed": "7", "psi": "0.7", "noise": "off", "note": "süß, 顔\n"}


@given(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=9).map(lambda s: (*s, 3))))
def test_a_picture_survives_the_way_to_float_and_back(picture: np.ndarray) -> None:
    tensor = torch.from_numpy(picture)
    image = to_float(tensor)
    assert image.dtype == torch.float32 and image.abs().max() <= 1
    assert torch.equal(to_uint8(image), tensor)


def test_to_uint8_rounds_to_the_nearest_level_and_clamps() -> None:
    levels = torch.tensor([-80.0, 0.0, 0.4, 0.6, 127.5, 254.4, 254.6, 255.0, 300.0])
    image = (levels.double() / 127.5 - 1).reshape(1, 1, 1, 9).expand(1, 3, 1, 9)
    picture = to_uint8(image)
    assert picture.shape == (1, 1, 9, 3) and picture.is_contiguous()
    assert picture[0, 0, :, 1].tolist() == [0, 0, 0, 1, 128, 254, 255, 255, 255]


def test_to_uint8_gives_the_same_when_exported_in_a_graph() -> None:
    image = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    exported = torch.export.export(_ToPicture(), (image,)).module()
    assert torch.equal(exported(image), to_uint8(image))


@pytest.mark.parametrize("size", [1, 4, 5, 12])
def test_downsample_keeps_a_plain_colour_and_the_size_asked(size: int) -> None:
    small = downsample(torch.full((2, 3, 12, 12), 0.25), size)
    assert small.shape == (2, 3, size, size)
    assert torch.allclose(small, torch.tensor(0.25), atol=1e-6)


def test_downsample_takes_the_mean_of_each_area() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert downsample(image, 2).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


@pytest.mark.parametrize("size", [0, -1, 13])
def test_downsample_refuses_sizes_it_cannot_make(size: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"12 px to {size} px. Sizes 1 to 12"):
        downsample(torch.zeros(1, 3, 12, 12), size)


def test_psnr_is_infinite_for_equal_images_and_20_db_for_a_tenth() -> None:
    image = torch.zeros(1, 3, 4, 4)
    assert psnr(image, image) == math.inf
    assert psnr(image, image + 0.2) == pytest.approx(20)
    with pytest.raises(InvalidRequestError, match="second image for PSNR must have shape"):
        psnr(image, image[..., :2])


def test_a_png_keeps_pixels_and_facts(tmp_path: Path) -> None:
    picture, path = _picture(), tmp_path / "0007.png"
    write_png(path, picture, FACTS)
    with Image.open(path) as image:
        assert image.info["Software"] == "Faceloom"
        assert np.array_equal(np.asarray(image), picture)
    assert read_png_facts(path) == FACTS


def test_equal_pictures_make_equal_files(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_png(tmp_path / name, _picture(), FACTS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_survives_as_a_fact(value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        write_png(path, np.zeros((1, 1, 3), np.uint8), {"note": value})
        assert read_png_facts(path) == {"note": value}


@pytest.mark.parametrize("name", ["", "größe", " seed", "x" * 71, "a\nb"])
def test_an_unfit_name_of_a_fact_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError, match="A fact's name must be 1 to 70 printable"):
        write_png(tmp_path / "a.png", _picture(), {name: "1"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_write_png_refuses_what_is_no_picture(tmp_path: Path, picture: np.ndarray) -> None:
    with pytest.raises(InvalidRequestError, match=r"A picture must be uint8 \[H, W, 3\], is"):
        write_png(tmp_path / "a.png", picture, {})


def test_a_foreign_file_is_refused_and_a_foreign_png_has_no_facts(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not a picture")
    Image.new("RGB", (2, 2)).save(tmp_path / "b.png")
    with pytest.raises(InvalidRequestError, match=r"a\.png cannot be read as a PNG"):
        read_png_facts(tmp_path / "a.png")
    assert read_png_facts(tmp_path / "b.png") == {}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="file is a file, not a folder"):
        write_png(tmp_path / "file" / "a.png", _picture(), {})


def _picture() -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (5, 7, 3), np.uint8)


class _ToPicture(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return to_uint8(image)
