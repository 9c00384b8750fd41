"""A slider of one's own in a real browser: faces marked, made, used, renamed, deleted, missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from annotations import AnnotationStore, NewFace
from core.generators import Noise
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from tests.browser.annotate_fixtures import Person, person_at, picture
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
from tests.browser.studio_fixtures import Studio

__all__ = ["person_at"]  # a fixture

MARKS = "[...document.querySelectorAll('.fl-co-pick')].map((pick) => pick.dataset.mark)"


@pytest.fixture(scope="module")
def project(studio: Studio) -> str:
    """Eight faces of the studio's generator, and one of another."""
    store = WeightStore()
    generator = store.open_generator(store.default("generator"))
    latents = latents_from_seeds(generator, range(8), psi=0.7, noise=Noise())
    name, sha256 = generator.identity.name, generator.identity.sha256
    faces = [NewFace(picture(i), ws, name, sha256, i, 0.7) for i, ws in enumerate(latents.ws)]
    faces.append(NewFace(picture(9), np.zeros((2, 4), np.float32), "elsewhere", "ab" * 32, 9, 0.7))
    with AnnotationStore.open(studio.workspace) as annotations:
        annotations.faces.add(annotations.projects.create("for sliders").id, faces)
    return "for sliders (9)"


@pytest.fixture
def page(studio: Studio, project: str, person_at: Callable[..., Person]) -> Any:
    person = person_at(studio)
    open_control(person.page, studio.address)
    return person.page


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def open_panel(page: Any, project: str) -> None:
    press(page, "Make a slider …")
    page.locator(".fl-co-picker select[name=project]").select_option(label=project)
    page.wait_for_function("document.querySelectorAll('.fl-co-pick').length === 9")


def mark_by_mouse(page: Any) -> None:
    """Three with; the others without."""
    for i in range(3):
        page.locator(".fl-co-pick").nth(i).click()
    press(page, "Mark rest as without")


def files(studio: Studio) -> list[str]:
    return sorted(path.name for path in (studio.workspace / "directions").glob("*"))


def choose(page: Any, title: str, item: str) -> None:
    page.get_by_label(f"More about {title}").click()
    page.locator(".fl-co-own-menu[open]").get_by_role("button", name=item).click()


def test_faces_are_marked_by_mouse_and_by_keys(page: Any, project: str) -> None:
    open_panel(page, project)
    picks = page.locator(".fl-co-pick")
    picks.nth(0).click()
    picks.nth(1).click(modifiers=["Shift"])
    assert page.evaluate(MARKS)[:2] == ["with", "without"]
    picks.nth(0).click()
    assert page.evaluate(MARKS)[0] == "without"
    picks.nth(0).click()
    assert page.evaluate(MARKS)[0] == ""
    for key in (
        "w",
        "ArrowRight",
        "ArrowRight",
        "o",
        "ArrowRight",
        "Space",
        "ArrowRight",
        "w",
        "w",
    ):
        page.keyboard.press(key)
    assert page.evaluate(MARKS) == ["with", "without", "without", "with", "", "", "", "", ""]
    picks.nth(8).click(force=True)  # another generator's
    assert picks.nth(8).get_attribute("aria-disabled") == "true"
    assert page.evaluate(MARKS)[8] == "" and "elsewhere" in picks.nth(8).get_attribute("title")
    assert page.get_by_role("button", name="Make slider", exact=True).is_disabled()
    assert "2 with, 2 without. At least 3" in page.inner_text(".fl-co-picked")
    press(page, "Mark rest as without")
    assert page.evaluate(MARKS).count("without") == 6
    press(page, "Cancel")
    open_panel(page, project)  # what was marked is still so
    assert page.evaluate(MARKS).count("with") == 2


def test_a_slider_is_made_used_renamed_undone_and_deleted(
    page: Any, studio: Studio, project: str
) -> None:
    open_panel(page, project)
    mark_by_mouse(page)
    page.fill(".fl-co-picker input[name=title]", "Première")
    press(page, "Make slider")
    page.wait_for_selector(".fl-co-making:visible", timeout=WAIT)
    page.wait_for_selector('.fl-co-marked >> .fl-co-range[name="premiere"]', timeout=WAIT)
    assert "One step changes" in page.inner_text('.fl-an-strip[data-subject="own"]')
    before = pixels(page)
    number = page.locator('.fl-co-slider[data-slider="premiere"] input[type=number]')
    number.fill("2.5")
    number.press("Enter")
    wait_for_whole(page, "premiere=2.5")
    assert apart(before, pixels(page)) > 2
    choose(page, "Première", "Rename")
    page.fill("dialog input[name=title]", "Second")
    press(page, "Rename")
    page.get_by_label("More about Second").wait_for()
    assert "premiere=2.5" in asked(page)
    page.keyboard.press("Control+z")
    page.wait_for_function("!location.hash.includes('premiere')")
    page.keyboard.press("Control+Shift+z")
    wait_for_whole(page, "premiere=2.5")
    choose(page, "Second", "Delete")
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("There are no sliders premiere here; they are left out.").wait_for()
    assert "premiere.safetensors" not in files(studio)
    wait_for_whole(page)
    assert slider_of(page, "premiere").count() == 0 and "premiere" not in asked(page)
    assert apart(before, pixels(page)) < 0.5


def test_a_slider_that_is_given_up_is_not_made_and_the_marks_stay(
    page: Any, studio: Studio, project: str
) -> None:
    open_panel(page, project)
    mark_by_mouse(page)
    page.fill(".fl-co-picker input[name=title]", "Given up")
    press(page, "Make slider")
    page.locator(".fl-co-making").get_by_role("button", name="Cancel").click(timeout=WAIT)
    page.get_by_text("“Given up” was given up; the marks are kept.").wait_for(timeout=WAIT)
    assert "given-up.safetensors" not in files(studio)
    open_panel(page, project)
    assert page.evaluate(MARKS).count("with") == 3
    assert page.input_value(".fl-co-picker input[name=title]") == "Given up"


def test_what_the_studio_refuses_is_said_in_the_panel(
    studio: Studio, project: str, person_at: Callable[..., Person]
) -> None:
    slider_file(studio.workspace)
    page = person_at(studio, expected=("400",)).page
    open_control(page, studio.address)
    open_panel(page, project)
    mark_by_mouse(page)
    page.fill(".fl-co-picker input[name=title]", "TRIED")
    press(page, "Make slider")
    complaint = page.locator(".fl-co-picker .fl-an-complaint:visible").inner_text()
    assert complaint == "There is a slider “Tried” already. Choose another name."
    assert page.evaluate(MARKS).count("with") == 3


def test_a_link_to_a_slider_that_is_gone_says_so_and_shows_the_rest(page: Any) -> None:
    page.evaluate("location.hash = '#control=seed:7;psi:0.5;do:vanished=2'")
    page.get_by_text("There are no sliders vanished here; they are left out.").wait_for()
    wait_for_whole(page, "seed:7;psi:0.5")
    assert "vanished" not in asked(page)
