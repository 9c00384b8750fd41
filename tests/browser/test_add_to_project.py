"""From the grid of the Sample tab into a project: the dialog, what it tells, what is kept."""

from __future__ import annotations

import io
import re
from typing import Any

from PIL import Image

from annotations import AnnotationStore
from tests.browser.studio_fixtures import Studio
from tests.browser.test_sample_tab import picked, sample, tile

BUTTON, DIALOG, LINE = ".fl-bar [data-do=keep]", "#keep-faces dialog", "#keep-faces .fl-keep-line"


def ask(page: Any, project: str) -> None:
    """Open the dialog and fill in a new project's name, or choose the one of that name."""
    page.click(BUTTON)
    page.wait_for_selector(f"{DIALOG} select:enabled")
    options = page.locator(f"{DIALOG} option").all_inner_texts()
    if found := [text for text in options if text.startswith(f"{project} (")]:
        page.select_option(f"{DIALOG} select", label=found[0])
    else:
        page.select_option(f"{DIALOG} select", label="New project ...")
        page.fill(f"{DIALOG} input", project)


def add(page: Any, project: str) -> str:
    """Add what the grid offers, and wait for the outcome."""
    ask(page, project)
    page.click(f"{DIALOG} [type=submit]")
    page.wait_for_selector(f"{LINE} [data-do=dismiss]")
    text: str = page.inner_text(f"{LINE} .fl-keep-told")
    return text


def seeds_in(studio: Studio, name: str) -> list[int | None]:
    with AnnotationStore.open(studio.workspace) as store:
        return [face.seed for face in store.faces.page(store.projects.named(name).id).faces]


def test_picked_faces_go_into_a_project_in_the_order_of_picking(
    sample_page: Any, studio: Studio
) -> None:
    assert not sample_page.is_visible(BUTTON)
    sample(sample_page, "0-3", 4)
    assert sample_page.inner_text(BUTTON) == "Add all to project"
    sample_page.click(tile(2))
    sample_page.click(tile(0))
    assert sample_page.inner_text(BUTTON) == "Add 2 to project"
    assert add(sample_page, "picked") == '2 faces added to "picked".'
    assert seeds_in(studio, "picked") == [2, 0] and picked(sample_page) == [2, 0]
    with AnnotationStore.open(studio.workspace) as store:
        face = store.faces.page(store.projects.named("picked").id).faces[0]
        with Image.open(io.BytesIO(store.faces.picture(face.id))) as image:
            assert image.size == (1024, 1024) and image.info["faceloom:seed"] == "2"
        assert store.faces.latent(face.id).shape == (16, 512)
    sample_page.click("text=Pick none")
    assert add(sample_page, "picked") == '2 faces added to "picked" (2 were there already).'
    assert add(sample_page, "picked") == 'All 4 faces were in "picked" already.'
    assert seeds_in(studio, "picked") == [2, 0, 1, 3]
    sample_page.click(f"{LINE} [data-do=dismiss]")
    assert not sample_page.is_visible(LINE)


def test_the_first_project_has_a_name_already(sample_page: Any) -> None:
    sample_page.route(
        "**/annotate/projects", lambda route: route.fulfill(json={"projects": []}, status=200)
    )
    sample(sample_page, "0-1", 2)
    sample_page.click(BUTTON)
    sample_page.wait_for_selector(f"{DIALOG} select:enabled")
    assert sample_page.inner_text(f"{DIALOG} h2") == "Add 2 faces to a project"
    assert sample_page.input_value(f"{DIALOG} input") == "faces"
    sample_page.keyboard.press("Escape")
    assert not sample_page.is_visible(DIALOG) and not sample_page.is_visible(LINE)


def test_the_project_used_last_is_offered_first(sample_page: Any, studio: Studio) -> None:
    sample(sample_page, "0", 1)
    for name in ("used", "newer"):
        add(sample_page, name)
    add(sample_page, "used")
    sample_page.reload()
    sample(sample_page, "0", 1)
    sample_page.click(BUTTON)
    sample_page.wait_for_selector(f"{DIALOG} select:enabled")
    chosen = f"{DIALOG} select"
    assert sample_page.locator(chosen).evaluate("(s) => s.selectedOptions[0].text") == (
        "used (1 face)"
    )
    assert not sample_page.is_visible(f"{DIALOG} input")


def test_a_new_project_needs_a_name(sample_page: Any, studio: Studio) -> None:
    sample(sample_page, "0", 1)
    ask(sample_page, "")
    sample_page.click(f"{DIALOG} [type=submit]")
    assert sample_page.is_visible(DIALOG)
    sample_page.fill(f"{DIALOG} input", "  ")
    sample_page.click(f"{DIALOG} [type=submit]")
    message = sample_page.wait_for_selector(f"{LINE} .fl-message")
    assert "name of a project must be 1 to 100 printable characters" in message.inner_text()


def test_cancel_keeps_what_was_added(sample_page: Any, studio: Studio) -> None:
    sample_page.set_default_timeout(60_000)  # many faces, so that there is time to cancel
    sample(sample_page, "300-329", 30)
    ask(sample_page, "cut off")
    sample_page.click(f"{DIALOG} [type=submit]")
    sample_page.wait_for_selector(f"{LINE} >> text=/[1-9]\\d* of 30 · .* faces\\/s/")
    sample_page.click(BUTTON)
    sample_page.wait_for_selector(f"{DIALOG} >> text=Other faces are being added")
    assert sample_page.is_disabled(f"{DIALOG} [type=submit]")
    sample_page.keyboard.press("Escape")
    sample_page.click(f"{LINE} [data-do=stop]")
    sample_page.wait_for_selector(f"{LINE} [data-do=dismiss]")
    text = sample_page.inner_text(f"{LINE} .fl-keep-told")
    match = re.fullmatch(r'Stopped after (\d+) of 30: \1 faces? added to "cut off"\.', text)
    assert match and 1 <= int(match[1]) < 30
    assert seeds_in(studio, "cut off") == list(range(300, 300 + int(match[1])))


def test_a_project_deleted_meanwhile_is_said_and_nothing_is_lost(
    sample_page: Any, studio: Studio
) -> None:
    sample(sample_page, "0-1", 2)
    sample_page.click(tile(1))
    add(sample_page, "short lived")
    ask(sample_page, "short lived")
    with AnnotationStore.open(studio.workspace) as store:
        store.projects.remove(store.projects.named("short lived").id)
    sample_page.click(f"{DIALOG} [type=submit]")
    message = sample_page.wait_for_selector(f"{LINE} .fl-message")
    assert re.match(r"There is no project \d+ here", message.inner_text())
    assert picked(sample_page) == [1]
    assert add(sample_page, "another") == '1 face added to "another".'


def test_annotate_them_opens_their_project(sample_page: Any, studio: Studio) -> None:
    sample_page.evaluate("localStorage.setItem('faceloom.person', 'Ann')")
    sample(sample_page, "0-1", 2)
    for name in ("to paint", "to paint later"):
        add(sample_page, name)
        sample_page.click(f"{LINE} >> text=Annotate them")
        sample_page.wait_for_function(
            "(name) => document.querySelector('.fl-an-project select')?.selectedOptions[0]?.text"
            " === name",
            arg=name,
        )
        assert not sample_page.is_visible(BUTTON)
        sample_page.click("#tab-sample-button")


def test_the_bar_keeps_to_one_line(sample_page: Any) -> None:
    sample(sample_page, "0-15", 16)
    sample_page.click("text=Pick all")
    bar = sample_page.locator(".fl-bar").bounding_box()
    assert bar["height"] < 40 and bar["x"] + bar["width"] <= 1280
