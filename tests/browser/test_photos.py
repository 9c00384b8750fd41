"""One's own photo in a real browser: framed, used, steered, sharpened, compared, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotations import AnnotationStore
from core.inversion.frame import Frame
from tests.browser.annotate_fixtures import Person, person_at
from tests.browser.control_fixtures import (
    WAIT,
    apart,
    asked,
    open_control,
    pixels,
    slider_file,
    slider_of,
    wait_for_whole,
)
from tests.browser.photo_fixtures import (
    IDLE,
    ONE,
    PAIR,
    SHAPE,
    drop,
    frame,
    near,
    pick,
    press,
    upload,
    use,
)
from tests.browser.studio_fixtures import Studio

__all__ = ["person_at"]  # a fixture


@pytest.fixture
def page(studio: Studio, photos: dict[str, Path], person_at: Callable[..., Person]) -> Any:
    slider_file(studio.workspace)
    person = person_at(studio, expected=("Failed to load resource",))  # what is refused
    open_control(person.page, studio.address)
    return person.page


def test_a_photo_becomes_a_face_that_sliders_and_links_work_from(
    page: Any, studio: Studio, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    assert near(frame(page), ONE) and abs(frame(page).angle - ONE.angle) < 5
    photo = use(page)
    assert asked(page) == f"#control=photo:{photo};psi:1;of:mobilestylegan-ffhq-1024"
    plain = pixels(page)
    slider_of(page, "tried").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    wait_for_whole(page, "tried=2")
    moved = pixels(page)
    assert apart(plain, moved) > 2
    page.reload()
    wait_for_whole(page, "tried=2")
    assert f"photo:{photo}" in asked(page) and apart(moved, pixels(page)) < 1
    assert page.locator(".fl-co-photo-top strong").inner_text() != ""


def test_the_frame_is_corrected_by_mouse_and_keys(
    page: Any, studio: Studio, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    first = frame(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+.")
    page.keyboard.press("+")
    by_keys = frame(page)
    assert by_keys.side == pytest.approx(first.side / 1.02)
    assert by_keys.angle == pytest.approx(first.angle + 5)
    box = page.locator(".fl-co-framer").bounding_box()
    scale = min(box["width"] * 0.8 / SHAPE[1], box["height"] * 0.8 / SHAPE[0])
    left = box["x"] + (box["width"] - SHAPE[1] * scale) / 2
    top = box["y"] + (box["height"] - SHAPE[0] * scale) / 2
    x, y = left + by_keys.centre_x * scale, top + by_keys.centre_y * scale
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 50 * scale, y + 30 * scale, steps=4)
    page.mouse.up()
    dragged = frame(page)
    assert dragged.centre_x == pytest.approx(by_keys.centre_x - 50, abs=3)
    assert dragged.centre_y == pytest.approx(by_keys.centre_y + 30, abs=3)
    photo = use(page)
    stored = json.loads((studio.workspace / "photos" / photo / "photo.json").read_text())
    assert Frame(**stored["frame"]) == dragged
    page.keyboard.press("p")
    page.wait_for_function(IDLE, timeout=WAIT)
    press(page, "As found")
    assert frame(page) == first


def test_of_several_faces_the_person_picks_one(page: Any, photos: dict[str, Path]) -> None:
    upload(page, photos["two"])
    assert "Click the one you mean" in page.inner_text(".fl-co-photo-hint")
    assert page.get_by_role("button", name="Use this face").is_disabled()
    pick(page, PAIR[1])
    assert near(frame(page), PAIR[1])
    press(page, "Another face")
    pick(page, PAIR[0])
    assert near(frame(page), PAIR[0])
    page.keyboard.press("Escape")


def test_without_a_face_the_frame_is_put_by_hand(page: Any, photos: dict[str, Path]) -> None:
    upload(page, photos["none"])
    assert "No face was found" in page.inner_text(".fl-co-photo-hint")
    assert frame(page) == Frame(SHAPE[1] / 2, SHAPE[0] / 2, SHAPE[0], 0)
    use(page)


def test_a_photo_sharpens_while_it_is_watched_and_stops_with_the_best(
    page: Any, studio: Studio, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    photo = use(page)
    before = pixels(page)
    press(page, "Sharpen")
    how = studio.workspace / "photos" / photo / "latents" / "mobilestylegan-ffhq-1024.json"
    page.wait_for_function(
        "/Step \\d+ of \\d+, .* left/.test(document.querySelector('.fl-co-making').textContent)"
        " && document.querySelector('.fl-control').dataset.final === 'false'",
        timeout=WAIT,
    )
    page.wait_for_timeout(3000)
    assert apart(before, pixels(page)) > 1  # seen before it is finished
    press(page, "Stop, keep the best")
    page.wait_for_selector(".fl-co-photo .fl-co-making", state="hidden", timeout=WAIT)
    wait_for_whole(page, photo)
    told = json.loads(how.read_text())
    assert told["by"] == "optimisation" and 0 < told["step"] < told["total"]
    assert page.inner_text(".fl-co-photo-top strong") == "Sharpened"
    assert apart(before, pixels(page)) > 1


def test_the_photo_is_compared_with_its_face(page: Any, photos: dict[str, Path]) -> None:
    compare = page.get_by_role("button", name="Compare", exact=True)
    assert not compare.is_visible()  # of a drawn face
    upload(page, photos["one"])
    use(page)
    page.keyboard.press("c")
    page.wait_for_selector(".fl-co-compare-photo")
    page.wait_for_function("document.querySelector('.fl-co-compare-photo').naturalWidth === 1024")
    page.keyboard.press("End")
    style = "getComputedStyle(document.querySelector('.fl-co-compare-photo')).clipPath"
    assert "0%" in page.evaluate(style) or page.evaluate(style) == "inset(0px)"
    compare.click()
    assert page.locator(".fl-co-compare").is_hidden()


def test_a_photos_face_goes_into_a_project_with_its_latents(
    page: Any, studio: Studio, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    photo = use(page)
    press(page, "Add to project")
    page.locator(".fl-an-dialog select[name=project]").select_option(label="New project …")
    page.locator(".fl-an-dialog input[name=name]").fill("of photos")
    press(page, "Add")
    page.get_by_role("button", name="Annotate it").wait_for(timeout=WAIT)
    with AnnotationStore.open(studio.workspace) as store:
        project = store.projects.named("of photos")
        (face,) = store.faces.page(project.id).faces
        latents = store.faces.latent(face.id)
    folder = studio.workspace / "photos" / photo / "latents"
    with np.load(folder / "mobilestylegan-ffhq-1024.npz") as kept:
        assert face.seed is None and np.allclose(kept["ws"][0], latents, atol=1e-3)


def test_variants_of_the_person_go_to_the_export_tab(page: Any, photos: dict[str, Path]) -> None:
    upload(page, photos["one"])
    photo = use(page)
    press(page, "Variants")
    page.wait_for_selector(".fl-ex-part[data-key=base]:visible", timeout=WAIT)
    recipe = page.evaluate("document.querySelector('.fl-export').app.store.recipe")
    assert recipe["base"]["name"] == f"photo:{photo}"
    assert recipe["count"] == recipe["variants"]["count"] == 8


def test_a_deleted_photo_is_gone_and_faces_are_drawn_again(
    page: Any, studio: Studio, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    photo = use(page)
    page.keyboard.press("p")
    page.wait_for_function(IDLE, timeout=WAIT)
    page.locator(".fl-co-photo-one[aria-pressed=true] + .fl-co-photo-delete").click()
    press(page, "Delete")
    page.wait_for_function("location.hash.includes('seed:')", timeout=WAIT)
    assert not (studio.workspace / "photos" / photo).exists()
    page.keyboard.press("Escape")
    wait_for_whole(page, "seed:")


def test_a_file_that_is_dropped_on_the_tab_is_uploaded(page: Any, photos: dict[str, Path]) -> None:
    drop(page, ".fl-co-stage", photos["one"].read_bytes(), "me.jpg")
    page.wait_for_function(IDLE, timeout=WAIT)
    assert near(frame(page), ONE)
    page.keyboard.press("Escape")


def test_what_is_no_photo_is_said_in_the_panel_and_nothing_else_happens(
    page: Any, tmp_path: Path, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    before = frame(page)
    listed = page.locator(".fl-co-photo-list li").count()
    for name, content, said in [
        ("song.mp3", b"ID3 no picture", "Choose a JPEG"),
        ("cut.jpg", photos["one"].read_bytes()[:5000], "damaged or incomplete"),
    ]:
        (tmp_path / name).write_bytes(content)
        page.locator(".fl-co-photos input[type=file]").set_input_files(tmp_path / name)
        page.wait_for_function(
            "(said) => document.querySelector('.fl-co-photos .fl-an-complaint')"
            ".textContent.includes(said)",
            arg=said,
        )
        assert frame(page) == before
    assert page.locator(".fl-co-photo-list li").count() == listed
    page.keyboard.press("Escape")
