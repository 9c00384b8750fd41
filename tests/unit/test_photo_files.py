"""Photos in every form that people have, and what is no photo."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from core.inversion import photo_files
from core.inversion.photo_files import PhotoError, read_photo

RED, GREEN = (200, 40, 30), (20, 160, 60)


def picture(width: int = 96, height: int = 80) -> Image.Image:
    """Smooth, red above and green below, with more and more blue to the right."""
    rows = np.linspace(0, 1, height)[:, None, None]
    colours = np.tile((1 - rows) * np.array(RED) + rows * np.array(GREEN), (1, width, 1))
    colours[..., 2] += np.linspace(0, 150, width)
    return Image.fromarray(colours.round().astype(np.uint8))


def stored(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, kind: int, rows: bytes = b"") -> bytes:
    """A PNG with that header, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_plain_picture_keeps_every_pixel_and_needs_no_note(kind):
    photo = read_photo(stored(picture(), kind))
    assert np.array_equal(photo.pixels, np.asarray(picture())) and photo.notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_lossy_picture_is_near(kind):
    photo = read_photo(stored(picture(), kind, quality=95))
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture())).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_photo_stands_upright_whatever_its_exif_says(kind, orientation):
    upright = picture()
    pixels = np.asarray(upright)
    how_stored = {  # what a camera writes for that tag [EXIF 2.32, 4.6.5]
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels),
        7: np.rot90(pixels, 2).transpose(1, 0, 2),
        8: np.rot90(pixels, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    image = Image.fromarray(np.ascontiguousarray(how_stored))
    photo = read_photo(stored(image, kind, exif=exif, **lossless))
    assert photo.pixels.shape == pixels.shape
    assert np.abs(photo.pixels.astype(int) - pixels).max() <= 12


def test_broken_exif_is_passed_over():
    photo = read_photo(stored(picture(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert photo.pixels.shape == (80, 96, 3)


def test_grey_palette_and_bits_become_colours():
    grey = read_photo(stored(picture().convert("L")))
    assert grey.notes == ("It is grey.",)
    assert np.array_equal(grey.pixels[..., 1], np.asarray(picture().convert("L")))
    palette = picture().quantize(200)
    assert np.array_equal(read_photo(stored(palette)).pixels, np.asarray(palette.convert("RGB")))
    bits = read_photo(stored(picture().convert("1")))
    assert set(np.unique(bits.pixels)) == {0, 255}


def test_sixteen_bits_become_eight():
    levels = np.linspace(0, 65535, 80 * 96).astype(np.uint16).reshape(80, 96)
    photo = read_photo(stored(Image.fromarray(levels)))
    assert np.abs(photo.pixels[..., 0] - levels / 257).max() <= 0.5
    assert "16 bits" in photo.notes[0]
    rows = np.repeat(levels[..., None], 3, 2).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    colour = read_photo(png(96, 80, 16, 2, lines))
    assert np.abs(colour.pixels - rows / 257).max() <= 1


def test_numbers_that_are_no_colours_are_refused():
    for values in (np.full((80, 80), 0.5, np.float32), np.full((80, 80), 70000, np.int32)):
        with pytest.raises(PhotoError, match=r"beyond 16 bits.*Save it with 8 or 16"):
            read_photo(stored(Image.fromarray(values), "TIFF"))


def test_cmyk_becomes_rgb():
    photo = read_photo(stored(picture().convert("CMYK"), "JPEG", quality=95))
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture())).max() <= 8
    assert "CMYK" in photo.notes[0]


def test_transparent_parts_are_shown_on_white():
    image = picture().convert("RGBA")
    alpha = np.full((80, 96), 255, np.uint8)
    alpha[:40], alpha[40:50] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    photo = read_photo(stored(image))
    half = (np.asarray(picture())[45].astype(int) + 255) // 2
    assert (photo.pixels[:40] == 255).all()
    assert np.abs(photo.pixels[45] - half).max() <= 1
    assert np.array_equal(photo.pixels[50:], np.asarray(picture())[50:])
    assert photo.notes == ("Its transparent parts are shown on white.",)
    keyed = read_photo(stored(picture().quantize(8), transparency=0))
    assert (keyed.pixels == 255).all(-1).any()
    image.putalpha(255)
    assert read_photo(stored(image)).notes == ()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_pictures_the_first_is_taken_and_that_is_told(kind):
    second = Image.new("RGB", (96, 80), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    content = stored(picture(), kind, save_all=True, append_images=[second], **options)
    photo = read_photo(content)
    assert np.abs(photo.pixels.astype(int) - np.asarray(picture())).mean() < 8
    assert "first" in photo.notes[0]


def test_a_colour_profile_is_followed_and_a_broken_one_passed_over():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = read_photo(stored(picture(), icc_profile=own))
    assert np.abs(same.pixels.astype(int) - np.asarray(picture())).max() <= 1
    broken = read_photo(stored(picture(), icc_profile=b"no profile"))
    assert np.array_equal(broken.pixels, np.asarray(picture()))


def test_a_huge_photo_is_reduced_to_the_limit_and_that_is_told(monkeypatch):
    monkeypatch.setattr(photo_files, "LARGEST_SIDE", 128)
    for kind in ("PNG", "JPEG"):
        photo = read_photo(stored(picture(600, 500), kind))
        assert photo.pixels.shape == (107, 128, 3)
        assert photo.notes == ("It was reduced from 600 x 500 px.",)
        assert np.abs(photo.pixels[0, 0].astype(int) - RED).max() < 8


@pytest.mark.parametrize(("width", "height"), [(64, 63), (1, 1), (63, 5000), (6000, 80)])
def test_a_tiny_or_narrow_one_is_refused_with_the_least_size(width, height):
    with pytest.raises(PhotoError, match=rf"{width} x {height} px; .* at least 64 px"):
        read_photo(stored(Image.new("L", (width, height))))
    assert read_photo(stored(Image.new("L", (64, 64)))).pixels.shape == (64, 64, 3)


@pytest.mark.parametrize("side", [9000, 10_000, 30_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side):
    with pytest.raises(PhotoError, match=r"px; at most 80 million can be read"):
        read_photo(png(side, side, 8, 2))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.4, 0.8])
def test_a_truncated_file_is_refused(kind, part):
    noise = np.random.default_rng(0).integers(0, 256, (80, 96, 3), np.uint8)
    content = stored(Image.fromarray(noise), kind)
    with pytest.raises(PhotoError, match=r"it photo is (damaged|not a picture)"):
        read_photo(content[: int(len(content) * part)], "it photo")


@pytest.mark.parametrize(
    "content", [b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"\0" * 999, b"PK\3\4"]
)
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(PhotoError, match=r"not a picture that can be read here. Choose a JPEG"):
        read_photo(content)


def test_iphones_own_format_is_called_by_its_name():
    with pytest.raises(PhotoError, match=r"HEIC file.*export it as JPEG"):
        read_photo(b"\0\0\0\x18ftypheic" + b"\0" * 99)


def test_paths_that_hold_no_photo_are_refused(tmp_path: Path, monkeypatch):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(PhotoError, match=r"empty.jpg is empty. Choose"):
        read_photo(tmp_path / "empty.jpg")
    with pytest.raises(PhotoError, match=r"is a folder. Choose"):
        read_photo(tmp_path)
    with pytest.raises(PhotoError, match=r"is missing or no plain file"):
        read_photo(tmp_path / "none.jpg")
    (tmp_path / "mine.png").write_bytes(stored(picture()))
    assert read_photo(tmp_path / "mine.png").pixels.shape == (80, 96, 3)
    monkeypatch.setattr(photo_files, "MOST_BYTES", 100)
    with pytest.raises(PhotoError, match=r"mine.png has 0 MB, more than 0"):
        read_photo(tmp_path / "mine.png")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(photo_files.FORMATS), st.data())
def test_a_file_with_changed_bytes_is_read_or_refused_in_words(kind, data):
    if kind in ("MPO", "AVIF"):
        kind = "JPEG"
    content = bytearray(stored(picture(), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = read_photo(bytes(content)).pixels
    except PhotoError as error:
        assert len(str(error)) > 30
    else:
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and min(pixels.shape[:2]) >= 64
