"""Parts of another face in the Control tab: blended into the whole face, in link and undo."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.browser.annotate_fixtures import Person, person_at
from tests.browser.control_fixtures import (
    CONTROL,
    WAIT,
    apart,
    asked,
    open_control,
    pixels,
    wait_for_whole,
)
from tests.browser.photo_fixtures import (
    IDLE,
    PAIR,
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
RECIPE = "seed:20;psi:0.7"


def take_from(page: Any, photo: Path) -> None:
    """By dropping it on the part of the panel."""
    drop(page, ".fl-co-taking h3", photo.read_bytes(), photo.name)
    page.wait_for_function(IDLE, timeout=WAIT)
    press(page, "Use this face")
    page.wait_for_function("location.hash.includes('from:photo:')", timeout=WAIT)


def test_hair_of_another_face_comes_and_goes_and_is_in_the_link_and_the_recipe(
    studio: Studio, person_at: Callable[..., Person]
) -> None:
    page = person_at(studio).page
    open_control(page, studio.address, f"{RECIPE};from:seed:7")
    plain = pixels(page)
    part = page.get_by_label("Take parts from")
    hair = part.get_by_role("button", name="Hair", exact=True)
    hair.click()
    wait_for_whole(page, "take:hair;from:seed:7")
    assert hair.get_attribute("aria-pressed") == "true"
    mixed = pixels(page)
    assert apart(mixed, plain) > 5
    face = [np.array(each).reshape(32, 32, 4)[14:22, 12:20] for each in (mixed, plain)]
    assert apart(face[0].ravel(), face[1].ravel()) < 5  # type: ignore[arg-type]  # the face stays
    assert "take:hair;from:seed:7" in asked(page)
    text = page.evaluate(f"{CONTROL}.control.api.recipeFile([{CONTROL}.control.store.recipe])")
    (told,) = yaml.safe_load(text)["faces"]
    assert told["take"] == {"hair": [1.0, 1.0]} and told["from"] == "seed:7"
    page.keyboard.press("Control+z")
    page.wait_for_function(f"!{CONTROL}.dataset.shown.includes('take')")
    wait_for_whole(page)
    assert apart(pixels(page), plain) < 1
    page.keyboard.press("Control+Shift+z")
    wait_for_whole(page, "take:hair")
    assert apart(pixels(page), mixed) < 1


def test_a_face_with_blended_parts_is_refused_by_projects_and_told_so(
    studio: Studio, person_at: Callable[..., Person]
) -> None:
    page = person_at(studio, expected=("Failed to load resource",)).page
    open_control(page, studio.address, f"{RECIPE};take:glasses;from:seed:26")
    told = page.evaluate(
        f"{CONTROL}.control.api.keep({CONTROL}.control.store.recipe, 'P').catch((e) => e.message)"
    )
    assert told.startswith("Parts of another face are blended into this one")


def test_a_part_that_neither_face_has_is_said_and_the_face_is_shown(
    studio: Studio, person_at: Callable[..., Person]
) -> None:
    page = person_at(studio).page
    open_control(page, studio.address, f"{RECIPE};take:hat;from:seed:3")
    notes = page.locator(".fl-co-notes")
    assert "Neither face has hat" in notes.inner_text()


def test_the_hair_of_one_person_in_a_photo_goes_to_the_other_and_both_stay(
    studio: Studio, person_at: Callable[..., Person], photos: dict[str, Path]
) -> None:
    page = person_at(studio).page
    open_control(page, studio.address, RECIPE)
    upload(page, photos["two"])
    pick(page, PAIR[0])
    own = use(page)
    plain = pixels(page)
    part = page.get_by_label("Take parts from", exact=True)
    part.get_by_role("button", name="A photo …").click()
    page.locator(".fl-co-photo-one").first.click()
    page.wait_for_function(IDLE, timeout=WAIT)
    press(page, "Another face")
    pick(page, PAIR[1])
    press(page, "Use this face")
    page.wait_for_selector(".fl-co-photos", state="detached", timeout=WAIT)
    part.get_by_role("button", name="Hair", exact=True).click()
    wait_for_whole(page, "take:hair;from:photo:")
    assert f"photo:{own};" in asked(page) and f"from:photo:{own}" not in asked(page)
    mixed = pixels(page)
    assert apart(mixed, plain) > 5
    text = page.evaluate(f"{CONTROL}.control.api.recipeFile([{CONTROL}.control.store.recipe])")
    assert len(yaml.safe_load(text)["bases"]) == 2  # whoever has the file can make it again
    page.reload()
    wait_for_whole(page, "take:hair;from:photo:")
    assert apart(pixels(page), mixed) < 1
    page.wait_for_function("document.querySelector('.fl-co-taking img').naturalWidth === 128")
    told = part.locator(".fl-co-taking-photo").inner_text()
    assert told.split("\n") == ["two.jpg", "First answer", "Sharpen"]
    press(page, "Photo …")
    page.wait_for_function(IDLE, timeout=WAIT)
    assert near(frame(page), PAIR[0])


def test_a_file_that_is_no_photo_is_refused_where_it_is_dropped_and_changes_nothing(
    studio: Studio, person_at: Callable[..., Person], photos: dict[str, Path]
) -> None:
    page = person_at(studio, expected=("Failed to load resource",)).page
    open_control(page, studio.address, RECIPE)
    take_from(page, photos["one"])
    before = asked(page)
    assert before.startswith(f"#control={RECIPE};from:")  # the face itself is the same
    drop(page, ".fl-co-taking h3", b"ID3 no picture", "song.mp3")
    page.locator(".fl-co-photos .fl-co-photo-one").first.wait_for()
    page.wait_for_timeout(500)  # whatever else is loaded leaves the complaint
    assert "Choose a JPEG" in page.locator(".fl-co-photos .fl-an-complaint").inner_text()
    page.keyboard.press("Escape")
    assert asked(page) == before and not page.locator(".fl-co-dropping").count()


def test_a_photo_that_parts_are_taken_from_is_sharpened_and_the_parts_follow(
    studio: Studio, person_at: Callable[..., Person], photos: dict[str, Path]
) -> None:
    page = person_at(studio).page
    open_control(page, studio.address, RECIPE)
    take_from(page, photos["one"])
    part = page.get_by_label("Take parts from", exact=True)
    part.get_by_role("button", name="Hair", exact=True).click()
    wait_for_whole(page, "take:hair;from:photo:")
    first = pixels(page)
    told = part.locator(".fl-co-taking-photo")
    assert told.inner_text().split("\n")[:2] == ["one.jpg", "First answer"]
    told.get_by_role("button", name="Sharpen").click()
    page.wait_for_function(
        "/Step \\d+ of \\d+, .* left/.test("
        "document.querySelector('.fl-co-taking-photo').textContent)",
        timeout=WAIT,
    )
    told.get_by_role("button", name="Stop").click()
    told.get_by_role("button", name="Sharpen more").wait_for(timeout=WAIT)
    wait_for_whole(page, "take:hair;from:photo:")
    assert apart(pixels(page), first) > 0.2
    assert "Sharpened" in told.inner_text()


def test_a_photo_that_the_generator_has_no_latents_of_gets_them_by_itself(
    studio: Studio, person_at: Callable[..., Person], photos: dict[str, Path]
) -> None:
    """As where a face is opened with another generator, or with the one that was tuned."""
    page = person_at(studio, expected=("Failed to load resource",)).page
    open_control(page, studio.address, RECIPE)
    take_from(page, photos["one"])
    page.get_by_label("Take parts from").get_by_role("button", name="Hair", exact=True).click()
    wait_for_whole(page, "take:hair;from:photo:")
    mixed = pixels(page)
    source = str(page.evaluate(f"{CONTROL}.control.store.recipe.source")).removeprefix("photo:")
    latents = studio.workspace / "photos" / source / "latents"
    shutil.rmtree(latents)
    page.reload()
    wait_for_whole(page, "take:hair;from:photo:")
    assert apart(pixels(page), mixed) < 1 and len(list(latents.glob("*.npz"))) == 1
