"""The Control tab in a real browser: the latest wish wins, and nothing that was set is lost."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio_client
import numpy as np
import pytest
import yaml
from PIL import Image

from annotations import AnnotationStore
from core.weights import WeightStore
from tests.browser.annotate_fixtures import Person, person_at
from tests.browser.control_fixtures import (
    CONTROL,
    WAIT,
    apart,
    asked,
    drag,
    open_control,
    pixels,
    shown,
    slider_file,
    slider_of,
    wait_for_picture,
    wait_for_whole,
)
from tests.browser.studio_fixtures import Studio, running_studio
from tests.unit.small_models import small_store

__all__ = ["person_at", "small_store"]  # fixtures

SEQUENCES = """() => { const root = document.querySelector('.fl-control'); window.seen = [];
new MutationObserver(() => seen.push(Number(root.dataset.sequence)))
  .observe(root, { attributeFilter: ['data-sequence'] }); }"""


@pytest.fixture
def page(studio: Studio, person_at: Callable[..., Person]) -> Iterator[Any]:
    """The tab with the face of seed 42 and a slider of one's own, 'Tried'."""
    slider_file(studio.workspace)
    person = person_at(studio)
    open_control(person.page, studio.address)
    yield person.page


def number_of(page: Any, name: str) -> Any:
    return page.locator(f'.fl-co-slider[data-slider="{name}"] input[type=number]')


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_link_shows_the_tab_the_face_its_mask_and_what_is_said_of_it(page: Any) -> None:
    assert page.locator("#tab-control-button").get_attribute("aria-selected") == "true"
    assert "psi:0.7" in shown(page)
    assert re.match(r"Estimated: \d+\.\d years, (fe)?male", page.inner_text(".fl-co-says"))
    names = page.locator(".fl-co-legend li:visible").all_inner_texts()
    assert any("skin" in name for name in names) and any("hair" in name for name in names)


def test_after_ten_seconds_of_dragging_the_last_picture_is_the_last_position(page: Any) -> None:
    page.evaluate(SEQUENCES)
    moves = drag(page, "tried", lambda i: 0.5 + 0.4 * math.sin(i / 5), 10)
    last = slider_of(page, "tried").input_value()
    wait_for_whole(page, f"tried={last}")
    seen = page.evaluate("seen")
    assert moves > 50 and len(seen) > 1 and seen == sorted(seen)
    assert asked(page).count(f"tried={last}") == 1
    at_rest = pixels(page)
    page.reload()
    wait_for_whole(page, f"tried={last}")
    assert apart(at_rest, pixels(page)) < 0.5


def test_what_is_dragged_shows_before_it_is_let_go(page: Any) -> None:
    before = pixels(page)
    slider_of(page, "tried").evaluate(
        "(range) => { range.value = 3; range.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.wait_for_function(f"{CONTROL}.dataset.shown.includes('tried=3')", timeout=WAIT)
    assert page.evaluate(f"{CONTROL}.dataset.final") == "false"
    assert apart(before, pixels(page)) > 2
    assert "tried" not in asked(page)


def test_a_slider_moves_by_keys_and_number_and_resets_by_a_double_click(page: Any) -> None:
    slider_of(page, "tried").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_whole(page, "tried=0.3")
    number_of(page, "tried").fill("-4.25")
    page.keyboard.press("Enter")
    wait_for_whole(page, "tried=-4.25")
    assert page.locator('.fl-co-risky[data-slider="tried"]').count() == 1
    page.locator('.fl-co-slider[data-slider="tried"] .fl-co-name').dblclick()
    page.wait_for_function("!location.hash.includes('tried')")


def test_steps_are_undone_and_done_again_from_the_address_on(page: Any) -> None:
    start = asked(page)
    page.keyboard.press("n")
    second = asked(page)
    page.locator(".fl-co-genders input[value=female]").check()
    third = asked(page)
    assert len({start, second, third}) == 3 and "gender:female" in third
    page.keyboard.press("Control+z")
    assert asked(page) == second
    page.keyboard.press("Control+z")
    assert asked(page) == start
    wait_for_whole(page, "seed:42;")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Shift+z")
    assert asked(page) == third
    press(page, "Reset")
    assert "gender" not in asked(page)


def test_a_woman_of_62_is_asked_for_and_comes(page: Any) -> None:
    number_of(page, "age").fill("62")
    page.keyboard.press("Enter")
    page.locator(".fl-co-genders input[value=female]").check()
    wait_for_whole(page, "age:62;gender:female")
    says = page.inner_text(".fl-co-says")
    years = re.match(r"Estimated: (\d+\.\d) years, female", says)
    assert years and abs(float(years[1]) - 62) < 6, says
    if abs(float(years[1]) - 62) <= 1:
        assert page.inner_text(".fl-co-mark") == "✓ as asked"
    else:
        assert "instead of 62" in page.inner_text(".fl-co-notes")


def test_esc_stops_steering_and_go_on_goes_on(page: Any) -> None:
    number_of(page, "age").fill("77")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('.fl-co-says').textContent.startsWith('Steering')", timeout=WAIT
    )
    page.keyboard.press("Escape")
    page.wait_for_function(
        "document.querySelector('.fl-co-says').textContent.startsWith('Stopped')"
    )
    assert "age:77" in asked(page)
    press(page, "Go on")
    wait_for_whole(page, "age:77")


def test_an_age_that_the_estimator_cannot_tell_is_refused_beside_the_field(page: Any) -> None:
    before = asked(page)
    number_of(page, "age").fill("120")
    page.keyboard.press("Enter")
    assert page.locator(".fl-co-complaint:visible").inner_text() == "Age: 1 to 80 years."
    assert asked(page) == before


def test_the_mask_is_over_beside_or_off_and_before_is_shown_while_held(page: Any) -> None:
    canvas = {name: page.locator(f".fl-co-{name}") for name in ("over", "beside")}
    assert canvas["over"].is_visible() and canvas["beside"].is_hidden()
    press(page, "Beside")
    assert canvas["over"].is_hidden() and canvas["beside"].is_visible()
    page.keyboard.press("m")
    assert canvas["beside"].is_hidden() and page.locator(".fl-co-legend").is_hidden()
    page.keyboard.press("m")
    assert canvas["beside"].is_visible()
    plain = pixels(page)
    number_of(page, "tried").fill("3")
    page.keyboard.press("Enter")
    wait_for_whole(page, "tried=3")
    page.locator(".fl-co-says").click()
    changed = pixels(page)
    page.keyboard.down("b")
    assert (
        page.locator(".fl-co-badge", has_text="Before").is_visible()
        and apart(pixels(page), plain) < 0.5
    )
    page.keyboard.up("b")
    assert (
        page.locator(".fl-co-badge", has_text="Before").is_hidden()
        and apart(pixels(page), changed) < 0.5
    )


def test_kept_faces_come_back_by_a_click_and_survive_a_reload(page: Any) -> None:
    page.keyboard.press("k")
    page.keyboard.press("n")
    wait_for_whole(page)
    page.keyboard.press("k")
    page.reload()
    wait_for_whole(page)
    faces = page.locator(".fl-co-kept-face")
    assert faces.count() == 2
    faces.nth(1).click()
    wait_for_whole(page, "seed:42;")
    assert faces.nth(1).get_attribute("aria-pressed") == "true"
    faces.nth(1).press("Delete")
    assert page.locator(".fl-co-kept-face").count() == 1


def test_locks_go_into_the_link_and_are_sent(page: Any) -> None:
    page.get_by_role("region", name="Keep").get_by_role("button", name="Hair").click()
    assert asked(page).endswith("keep:hair;of:mobilestylegan-ffhq-1024")
    number_of(page, "tried").fill("2")
    with page.expect_request("**/control/face?*") as sent:
        page.keyboard.press("Enter")
    assert sent.value.post_data_json["keep"] == ["hair"]
    assert sent.value.post_data_json["directions"] == {"tried": 2}


def test_picture_and_latents_download_and_the_recipe_says_the_same(
    page: Any, tmp_path: Path
) -> None:
    number_of(page, "tried").fill("2")
    page.keyboard.press("Enter")
    wait_for_whole(page, "tried=2")
    for label, name in (("Picture (PNG)", "face.png"), ("Latents (.npy)", "face.npy")):
        page.locator('.fl-co-menu summary:text("Download")').click()
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        download.value.save_as(tmp_path / name)
    with Image.open(tmp_path / "face.png") as image:
        assert image.size == (1024, 1024)
        assert json.loads(image.info["faceloom:recipe"])["directions"] == {"tried": 2.0}
    assert np.load(tmp_path / "face.npy").shape == (16, 512)
    press(page, "Recipe")
    page.wait_for_function("document.querySelector('.fl-co-yaml')?.value.includes('faces:')")
    (face,) = yaml.safe_load(page.input_value(".fl-co-yaml"))["faces"]
    assert (face["seed"], face["directions"]) == (42, {"tried": 2.0})
    press(page, "Export people like this")
    page.wait_for_selector("#tab-export-button[aria-selected=true]")
    page.wait_for_function("document.querySelector('.fl-export')?.app?.store.recipe?.traits")
    traits = page.evaluate("document.querySelector('.fl-export').app.store.recipe.traits")
    assert traits == {"tried": {"share": 1, "amount": 2}}


def test_a_face_is_added_to_a_project_and_opens_in_the_annotate_tab(
    page: Any, studio: Studio
) -> None:
    press(page, "Add to project")
    dialog = page.get_by_role("dialog", name="Add this face to a project")
    dialog.locator("select").select_option("")
    dialog.locator("input[name=name]").fill("from control")
    dialog.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Annotate it").click()
    page.wait_for_selector("#tab-annotate-button[aria-selected=true]")
    page.wait_for_function("location.hash.startsWith('#face=')")
    with AnnotationStore.open(studio.workspace) as store:
        project = store.projects.named("from control")
        (face,) = store.faces.page(project.id).faces
    assert (face.seed, face.width) == (42, 1024)
    page.locator("#tab-control-button").click()
    page.wait_for_function("location.hash.startsWith('#control=')")


def test_sliders_of_another_generator_are_said_and_the_others_work(
    studio: Studio, person_at: Callable[..., Person]
) -> None:
    foreign = slider_file(studio.workspace, "foreign", generator="elsewhere")
    try:
        page = person_at(studio).page
        open_control(page, studio.address)
        text = page.locator(".fl-an-strip[data-tone=bad]").inner_text()
        assert "made for generator 'elsewhere'" in text and "mobilestylegan" in text
        assert slider_of(page, "tried").count() == 1 and slider_of(page, "foreign").count() == 0
    finally:
        foreign.unlink()


def test_a_studio_that_goes_away_is_told_and_nothing_that_was_set_is_lost(
    small_store: WeightStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    person_at: Callable[..., Person],
) -> None:
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))
    small = ("--generator", "small")  # ready at once; what it draws is no face to the estimator
    with running_studio(tmp_path, 0, *small) as first:
        person = person_at(first, expected=("ERR_", "Connection", "sse", "504", "Failed to"))
        page = person.page
        page.goto(f"{first.address}/#control=seed:42;psi:0.7")
        wait_for_picture(page, "psi:0.7")
        first.kill()
        number_of(page, "psi").fill("0.4")
        page.keyboard.press("Enter")
        page.get_by_text("The studio cannot be reached; what you set is kept").wait_for()
        assert "psi:0.4" in asked(page) and "psi:0.7" in shown(page)
    with running_studio(tmp_path, first.port, *small):
        wait_for_picture(page, "psi:0.4")


def test_gradio_client_gets_picture_mask_and_estimates(studio: Studio, tmp_path: Path) -> None:
    slider_file(studio.workspace)
    client = gradio_client.Client(studio.address, download_files=str(tmp_path), verbose=False)
    picture, mask, figures = client.predict(
        seed=42, directions='{"tried": 1.5}', size=256, mask=True, api_name="/preview"
    )
    with Image.open(picture) as image, Image.open(mask) as labels:
        assert image.size == labels.size == (256, 256) and labels.mode == "P"
    assert figures["directions"] == {"tried": 1.5} and figures["estimates"]["age"] > 0
    with pytest.raises(Exception, match="directions must be amounts by name"):
        client.predict(directions="[1]", api_name="/preview")
