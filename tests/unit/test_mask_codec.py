"""Masks as PNG files: back and forth without loss, and files that are wrong in every way."""

from __future__ import annotations

import hashlib
import io
import resource
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from annotations import LabelMap, LabelScheme, decode_mask, default_scheme, encode_mask
from annotations.errors import BadMaskError
from annotations.mask_codec import decode_values, prepare_mask
from tests.label_schemes import scheme_of_34

FACE18 = default_scheme()
SCHEMES = (FACE18, scheme_of_34())
MEBIBYTE = 2**20


@st.composite
def masks(draw: st.DrawFn) -> tuple[LabelScheme, LabelMap]:
    scheme = draw(st.sampled_from(SCHEMES))
    values = st.sampled_from(sorted(scheme.ids | {255}))
    shape = hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)
    return scheme, draw(hnp.arrays(np.uint8, shape, elements=values))


def png_of(pixels: object, mode: str | None = None) -> bytes:
    image = Image.fromarray(np.asarray(pixels))
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, "PNG")
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png_claiming(width: int, height: int, data: bytes = b"\0\0") -> bytes:
    """A PNG of any claimed size, with that compressed data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@settings(deadline=None)
@given(masks(), st.booleans())
def test_a_mask_survives_its_file(case: tuple[LabelScheme, LabelMap], with_colors: bool) -> None:
    scheme, labels = case
    png = encode_mask(labels, palette_of=scheme if with_colors else None)
    again = decode_mask(png, scheme, labels.shape)
    assert np.array_equal(again, labels) and again.dtype == np.uint8
    assert encode_mask(labels, palette_of=scheme if with_colors else None) == png


@settings(deadline=None)
@given(masks())
def test_what_is_stored_is_the_same_whatever_file_it_came_in(
    case: tuple[LabelScheme, LabelMap],
) -> None:
    scheme, labels = case
    stored = prepare_mask(labels, scheme)
    assert prepare_mask(encode_mask(labels, palette_of=scheme), scheme) == stored
    assert stored.sha256 == hashlib.sha256(stored.png).hexdigest()
    assert sum(stored.pixel_counts.values()) == labels.size
    assert all(stored.pixel_counts[v] == (labels == v).sum() for v in np.unique(labels))


def test_a_file_has_the_mode_and_colours_that_other_programs_show() -> None:
    labels = np.array([[0, 16], [4, 255]], np.uint8)
    with Image.open(io.BytesIO(encode_mask(labels))) as grey:
        assert grey.mode == "L"
    with Image.open(io.BytesIO(encode_mask(labels, palette_of=FACE18))) as colored:
        assert colored.mode == "P"
        assert colored.convert("RGB").getpixel((1, 0)) == FACE18.by_id[16].rgb


def test_a_transposed_map_is_stored_as_it_looks() -> None:
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3).T
    assert np.array_equal(decode_mask(encode_mask(labels), FACE18), labels)


def test_values_outside_the_scheme_are_named() -> None:
    labels = np.array([[0, 18, 18], [200, 255, 17]], np.uint8)
    message = r"outside the scheme 'face18': 18 \(2 px\), 200 \(1 px\)\. Allowed are 0-17 and 255"
    for mask in (labels, encode_mask(labels)):
        with pytest.raises(BadMaskError, match=message):
            prepare_mask(mask, FACE18)
    with pytest.raises(BadMaskError, match=r"Allowed are 0, 1, 2, .* 112, 254 and 255"):
        prepare_mask(np.full((1, 1), 99, np.uint8), SCHEMES[1])


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2, 3), np.uint8),
        np.zeros((0, 2), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_an_array_that_is_no_label_map_is_refused(mask: LabelMap) -> None:
    with pytest.raises(BadMaskError, match=r"must be uint8 \[H, W\], is "):
        prepare_mask(mask, FACE18)


def test_a_mask_of_another_size_is_refused() -> None:
    labels = np.zeros((4, 6), np.uint8)
    for mask in (labels, encode_mask(labels)):
        with pytest.raises(BadMaskError, match=r"is 6 x 4 px, must be 4 x 6 px"):
            prepare_mask(mask, FACE18, (6, 4))
    with pytest.raises(BadMaskError, match="at most 4096 px"):
        prepare_mask(np.zeros((1, 4097), np.uint8), FACE18)


@pytest.mark.parametrize(
    ("png", "what"),
    [
        (png_of(np.zeros((2, 2, 3), np.uint8)), "colour type 2 and 8 bits"),
        (png_of(np.zeros((2, 2, 4), np.uint8)), "colour type 6 and 8 bits"),
        (png_of(np.zeros((2, 2), np.uint16)), "colour type 0 and 16 bits"),
        (png_of(np.zeros((2, 2), np.uint8), "1"), "colour type 0 and 1 bits"),
        (png_of(np.zeros((2, 2), np.uint8), "LA"), "colour type 4 and 8 bits"),
    ],
)
def test_a_file_of_another_mode_is_refused(png: bytes, what: str) -> None:
    with pytest.raises(BadMaskError, match=f"{what}.*Blended colours cannot be undone"):
        decode_mask(png, FACE18)


def test_a_palette_with_other_colours_is_refused() -> None:
    labels = np.array([[0, 3]], np.uint8)
    image = Image.fromarray(labels)
    image.putpalette(bytes(range(256)) * 3)
    file = io.BytesIO()
    image.save(file, "PNG")
    with pytest.raises(BadMaskError, match=r"value 0 another colour.* background \(#1b1f24\)"):
        decode_mask(file.getvalue(), FACE18)
    assert np.array_equal(decode_values(file.getvalue()), labels)


def test_a_short_palette_of_the_right_colours_is_read() -> None:
    image = Image.fromarray(np.array([[0, 1, 1]], np.uint8))
    image.putpalette(FACE18.palette()[:2].tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    assert decode_mask(file.getvalue(), FACE18).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("with_colors", [False, True])
def test_a_truncated_file_is_refused_wherever_it_ends(with_colors: bool) -> None:
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    png = encode_mask(labels, palette_of=FACE18 if with_colors else None)
    for end in range(len(png)):
        with pytest.raises(BadMaskError, match="The mask cannot be read"):
            decode_mask(png[:end], FACE18)


def test_a_flipped_bit_is_refused_or_harmless() -> None:
    labels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    png = encode_mask(labels)
    for place in range(len(png) - 12):  # what follows is the end mark
        for bit in (1, 16, 128):
            with pytest.raises(BadMaskError, match="The mask"):
                decode_mask(png[:place] + bytes([png[place] ^ bit]) + png[place + 1 :], FACE18)


@settings(deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused_politely(junk: bytes, with_signature: bool) -> None:
    with pytest.raises(BadMaskError, match="The mask"):
        decode_mask(b"\x89PNG\r\n\x1a\n" * with_signature + junk, FACE18)


@pytest.mark.parametrize("data", [b"", b"\0\1", b"\0" * 10, b"\7\0\0\0\0\0\0"])
def test_pixel_data_that_do_not_fit_the_header_never_pass_for_a_mask(data: bytes) -> None:
    try:
        labels = decode_mask(png_claiming(2, 2, data), FACE18)
    except BadMaskError:
        return
    assert labels.shape == (2, 2) and set(labels.ravel().tolist()) <= FACE18.ids


def test_a_file_that_claims_to_be_huge_is_refused_before_memory_is_taken() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bombs = [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (4097, 1), (0, 5)]
    for width, height in bombs:
        with pytest.raises(BadMaskError, match=f"it is {width} x {height} px; 1 to 4096"):
            decode_mask(png_claiming(width, height, bytes(64 * MEBIBYTE)), FACE18)
    with pytest.raises(BadMaskError, match="bytes; at most 67108864 are allowed"):
        decode_mask(bytes(65 * MEBIBYTE), FACE18)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 300 * 1024


def test_data_beyond_the_picture_are_not_decompressed() -> None:
    bomb = png_claiming(2, 2, bytes(256 * MEBIBYTE))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode_mask(bomb, FACE18).tolist() == [[0, 0], [0, 0]]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
