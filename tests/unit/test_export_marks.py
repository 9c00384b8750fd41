"""Pictures say that they are synthetic, and their pixels know nothing of it."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.export.marks import DIGITAL_SOURCE_TYPE, Mark, jpeg_file, png_file
from core.export.pictures import image_file, mark_of, mask_file
from tests.export_samples import facts, fresh

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc"]), max_size=40)


def told(xmp: bytes | str) -> tuple[str | None, str | None]:
    """Source type and description in an XMP packet."""
    root = ElementTree.fromstring(xmp)
    about = next(root.iter(f"{RDF}Description"))
    return about.get(f"{EXTENSION}DigitalSourceType"), next(root.iter(f"{RDF}li")).text


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_every_image_carries_the_mark_in_all_three_places(suffix: str) -> None:
    sample = fresh()[0]
    with Image.open(io.BytesIO(image_file(sample, facts(), suffix))) as image:
        exif, xmp = image.getexif(), image.info["xmp"]
        source, description = told(xmp)
    assert exif[0x0131] == "Faceloom" and exif[0x010E].startswith("Synthetic face")
    assert source == DIGITAL_SOURCE_TYPE and description == exif[0x010E]
    assert f"seed {sample.record['seed']}" in description and "generator tiny" in description
    if suffix == ".png":
        with Image.open(io.BytesIO(image_file(sample, facts(), suffix))) as image:
            assert image.text["Software"] == "Faceloom"
            assert image.text["faceloom:generator_sha256"] == "a" * 64


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_mark_changes_no_pixel_and_goes_only_by_the_flag(suffix: str) -> None:
    marked, bare = fresh()[1], fresh()[1]
    with Image.open(io.BytesIO(image_file(marked, facts(), suffix))) as image:
        seen = np.asarray(image)
    with Image.open(io.BytesIO(image_file(bare, facts(is_marked=False), suffix))) as image:
        assert np.array_equal(np.asarray(image), seen)
        assert not image.getexif() and not {"xmp", "exif", "Software"} & set(image.info)
    if suffix == ".png":
        assert np.array_equal(seen, marked.image)


def test_files_are_encoded_once_for_all_formats() -> None:
    sample = fresh()[2]
    assert image_file(sample, facts(), ".png") is image_file(sample, facts(), ".png")
    assert mask_file(sample) is mask_file(sample)
    with Image.open(io.BytesIO(mask_file(sample))) as mask:
        assert mask.mode == "L" and np.array_equal(np.asarray(mask), sample.mask)


def test_a_record_without_seed_is_marked_all_the_same() -> None:
    assert mark_of(facts(weights=()), {}).facts == {"dataset": "tiny-faces"}


@settings(max_examples=30, deadline=None)
@given(value=TEXT, wide=st.integers(1, 9), tall=st.integers(1, 9))
def test_any_text_survives_and_bytes_are_the_same_each_time(
    value: str, wide: int, tall: int
) -> None:
    picture = np.arange(wide * tall * 3, dtype=np.uint8).reshape(tall, wide, 3)
    mark = Mark({"generator": value})
    png = png_file(picture, mark)
    assert png == png_file(picture, mark) and jpeg_file(picture, mark) == jpeg_file(picture, mark)
    with Image.open(io.BytesIO(png)) as image:
        assert np.array_equal(np.asarray(image), picture)
        assert image.text["Description"] == mark.description
        assert told(image.info["xmp"]) == (DIGITAL_SOURCE_TYPE, mark.description)
