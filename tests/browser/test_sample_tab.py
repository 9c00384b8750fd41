"""The Sample tab in a real browser: what a person does there, from seeds to a mixing grid."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.weights import WeightStore
from tests.browser.studio_fixtures import Studio


def write_seeds(page: Any, text: str) -> None:
    page.fill("#seeds textarea", text)


def sample(page: Any, seeds: str, count: int) -> None:
    write_seeds(page, seeds)
    page.click("#sample-button")
    wait_for_tiles(page, count)
    page.wait_for_selector("#sample-button", state="visible")


def wait_for_tiles(page: Any, count: int) -> None:
    page.wait_for_function(
        "(n) => document.querySelectorAll('.fl-tile').length === n"
        " && [...document.querySelectorAll('.fl-tile img')].every((i) => i.naturalWidth > 0)",
        arg=count,
    )


def tile(seed: int) -> str:
    return f'.fl-tile[data-seed="{seed}"]'


def picked(page: Any) -> list[int]:
    return page.evaluate(  # type: ignore[no-any-return]
        "() => [...document.querySelectorAll('.fl-tile[aria-selected=true]')]"
        ".map((tile) => [Number(tile.querySelector('.fl-order').textContent),"
        " Number(tile.dataset.seed)]).sort((a, b) => a[0] - b[0]).map((pair) => pair[1])"
    )


def test_sampled_faces_show_seed_and_quality_and_their_latents_download(
    sample_page: Any, tmp_path: Path
) -> None:
    sample(sample_page, "3-6", 4)
    assert re.fullmatch(r"4quality \d+", sample_page.inner_text(tile(4)).replace("\n", "").strip())
    sample_page.click(tile(5))
    sample_page.click(tile(3))
    assert picked(sample_page) == [5, 3]
    with sample_page.expect_download() as download:
        sample_page.click("text=Download 2 latents")
    download.value.save_as(tmp_path / "latents.npz")
    with np.load(tmp_path / "latents.npz") as latents:
        assert latents["seeds"].tolist() == [5, 3] and latents["ws"].shape == (2, 16, 512)
        assert str(latents["generator"]) == WeightStore().default("generator")
        assert float(latents["psi"]) == 0.7 and str(latents["noise"]) == "off"


def test_bad_seeds_are_explained_beside_the_field_and_nothing_is_lost(sample_page: Any) -> None:
    sample(sample_page, "0-1", 2)
    sample_page.click(tile(1))
    write_seeds(sample_page, "5-1")
    sample_page.click("#sample-button")
    message = sample_page.wait_for_selector("#sample-settings .fl-message")
    assert "5-1 runs backwards. Write '1-5'" in message.inner_text()
    assert picked(sample_page) == [1] and sample_page.input_value("#seeds textarea") == "5-1"
    sample(sample_page, "1-5", 5)
    sample_page.wait_for_selector("#sample-settings .fl-message", state="detached")


def test_a_quality_that_no_face_reaches_leaves_the_faces_on_the_screen(sample_page: Any) -> None:
    sample(sample_page, "11", 1)
    sample_page.fill("#min-quality input[type=number]", "99")
    sample_page.keyboard.press("Tab")
    sample_page.click("#sample-button")
    message = sample_page.wait_for_selector("#sample-status .fl-message")
    assert "None of the 1 faces reaches quality 99" in message.inner_text()
    wait_for_tiles(sample_page, 1)


def test_cancel_stops_and_keeps_what_is_there(sample_page: Any, studio: Studio) -> None:
    write_seeds(sample_page, "20000-20399")
    sample_page.keyboard.press("Control+Enter")
    sample_page.wait_for_selector(tile(20001))
    sample_page.click("#sample-cancel")
    sample_page.wait_for_selector("text=/Stopped after \\d+ of 400/")
    shown = sample_page.locator(".fl-tile").count()
    made = sorted((studio.workspace / "cache" / "faces").rglob("20???-*.jpg"))
    sample_page.wait_for_timeout(700)
    assert 2 <= shown < 200
    assert sorted((studio.workspace / "cache" / "faces").rglob("20???-*.jpg")) == made
    assert len(made) - shown in (0, 1)  # the one that was on its way


def test_a_face_opens_at_full_size_with_its_facts_and_its_file(
    sample_page: Any, tmp_path: Path
) -> None:
    sample(sample_page, "7-8", 2)
    sample_page.dblclick(tile(7))
    sample_page.wait_for_selector(".fl-viewer dd >> text=off")
    sample_page.wait_for_function("document.querySelector('.fl-viewer img').naturalWidth === 1024")
    assert picked(sample_page) == []
    with sample_page.expect_download() as download:
        sample_page.click("text=Download PNG")
    download.value.save_as(tmp_path / "face.png")
    with Image.open(tmp_path / "face.png") as image:
        assert image.size == (1024, 1024) and image.info["faceloom:seed"] == "7"
    sample_page.keyboard.press("ArrowRight")
    sample_page.wait_for_selector(".fl-viewer h2 >> text=Seed 8")
    sample_page.keyboard.press("Escape")
    assert not sample_page.is_visible(".fl-viewer")


def test_faces_are_picked_with_keys_alone(sample_page: Any) -> None:
    sample(sample_page, "0-7", 8)
    sample_page.focus(".fl-tiles")
    for key in ("ArrowRight", "Space", "ArrowRight", "ArrowRight", "Space"):
        sample_page.keyboard.press(key)
    assert picked(sample_page) == [1, 3]
    sample_page.keyboard.press("Shift+ArrowRight")
    assert picked(sample_page) == [1, 3, 4]
    sample_page.keyboard.press("Control+a")
    assert len(picked(sample_page)) == 8
    sample_page.keyboard.press("Escape")
    assert picked(sample_page) == []
    sample_page.keyboard.press("Enter")
    sample_page.wait_for_selector(".fl-viewer h2 >> text=Seed 4")


def test_shift_click_picks_a_range_and_the_bar_picks_all_or_none(sample_page: Any) -> None:
    sample(sample_page, "0-7", 8)
    sample_page.click(tile(5))
    sample_page.click(tile(2), modifiers=["Shift"])
    assert sorted(picked(sample_page)) == [2, 3, 4, 5] and picked(sample_page)[0] == 5
    sample_page.click("text=Pick all")
    assert sample_page.inner_text(".fl-count") == "8 of 8 picked"
    sample_page.click("text=Pick none")
    assert picked(sample_page) == []


def test_drawn_seeds_are_new_each_time(sample_page: Any) -> None:
    sample_page.fill("#sample-settings .fl-draw input", "3")
    texts = []
    for before in ("0-15", None):
        before = before or texts[-1]
        sample_page.click("#draw-seeds")
        sample_page.wait_for_function(
            "(old) => document.querySelector('#seeds textarea').value !== old", arg=before
        )
        texts.append(sample_page.input_value("#seeds textarea"))
    assert all(len(set(text.split(","))) == 3 for text in texts) and texts[0] != texts[1]


def test_a_walk_between_picked_faces_plays_in_the_page(sample_page: Any) -> None:
    sample(sample_page, "0-3", 4)
    sample_page.click(tile(2))
    sample_page.click(tile(0))
    sample_page.click("#walk-view-button")
    sample_page.wait_for_function("document.querySelector('#walk-seeds textarea').value === '2,0'")
    assert sample_page.locator("#walk-view .fl-strip-row img").count() == 2
    sample_page.fill("#walk-steps input", "4")
    sample_page.click("#walk-button")
    sample_page.wait_for_selector("#walk-video video", timeout=60_000)
    sample_page.wait_for_function("document.querySelector('#walk-video video').currentTime > 0")
    assert sample_page.evaluate("document.querySelector('#walk-video video').videoWidth") == 512
    sample_page.click("#faces-view-button")
    assert picked(sample_page) == [2, 0]


def test_a_mixing_grid_has_the_sources_at_its_edges(sample_page: Any) -> None:
    sample(sample_page, "0-4", 5)
    for seed in (0, 1, 2, 3, 4):
        sample_page.click(tile(seed))
    sample_page.click("#mixing-view-button")
    sample_page.wait_for_function("document.querySelector('#mix-columns textarea').value === '3,4'")
    sample_page.click("#mix-button")
    sample_page.wait_for_function(
        "document.querySelectorAll('#mix-grid img').length === 11"
        " && [...document.querySelectorAll('#mix-grid img')].every((i) => i.naturalWidth > 0)"
    )
    assert sample_page.locator("#mix-grid tbody tr").count() == 3
    assert sample_page.locator("#mix-grid thead th").all_inner_texts() == ["3", "4"]
    sample_page.fill("#mix-layers textarea", "3-99")
    sample_page.click("#mix-button")
    message = sample_page.wait_for_selector("#mix-status .fl-message")
    assert "0..15" in message.inner_text()
    assert sample_page.locator("#mix-grid img").count() == 11


def test_a_walk_of_one_face_says_what_it_needs(sample_page: Any) -> None:
    sample_page.click("#walk-view-button")
    sample_page.fill("#walk-seeds textarea", "3")
    sample_page.click("#walk-button")
    message = sample_page.wait_for_selector("#walk-status .fl-message")
    assert "A walk needs two or more seeds" in message.inner_text()


def test_faces_below_the_least_quality_are_left_out_and_counted(sample_page: Any) -> None:
    sample_page.fill("#min-quality input[type=number]", "90")
    sample_page.keyboard.press("Tab")
    sample(sample_page, "8-11", 2)
    sample_page.wait_for_selector("#sample-status >> text=2 below the least quality left out")
    assert sample_page.locator(tile(11)).count() == 0


def test_nothing_is_shown_that_asks_to_be_found_out(sample_page: Any) -> None:
    assert "Press Sample for the faces of seeds 0 to 15" in sample_page.inner_text(".fl-empty")
    assert sample_page.locator("#studio-tabs > .tab-wrapper [role=tab]").all_inner_texts() == [
        "Sample",
        "Control",
        "Annotate",
        "Train",
        "Export",
    ]
    sample_page.click("#walk-view-button")
    assert "Pick two or more under Faces" in sample_page.inner_text("#walk-view .fl-strip-none")
    sample_page.click("#walk-button")
    message = sample_page.wait_for_selector("#walk-status .fl-message")
    assert "Expected a seed" in message.inner_text()


def test_many_faces_scroll_and_keep_their_shape(sample_page: Any) -> None:
    sample_page.set_viewport_size({"width": 1024, "height": 500})
    sample(sample_page, "0-29", 30)
    width, height, hidden = sample_page.evaluate(
        "() => { const tiles = document.querySelector('.fl-tiles');"
        " const boxes = [...tiles.children].map((tile) => tile.getBoundingClientRect());"
        " return [boxes[0].width, boxes[0].height,"
        " boxes.at(-1).bottom - tiles.getBoundingClientRect().bottom]; }"
    )
    assert abs(width - height) < 1 and hidden > 100
    tops = sample_page.evaluate(
        "() => [...new Set([...document.querySelectorAll('.fl-tile')].map((t) => t.offsetTop))]"
    )
    assert all(after - before >= height for before, after in itertools.pairwise(tops))
    assert sample_page.is_visible("#sample-button")
