"""*Tune* in a real browser: a copy of the default generator learns a photo and is chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.weights import WeightStore
from tests.browser.annotate_fixtures import Person, person_at
from tests.browser.control_fixtures import (
    WAIT,
    apart,
    asked,
    open_control,
    pixels,
    wait_for_whole,
)
from tests.browser.photo_fixtures import press, upload, use
from tests.browser.studio_fixtures import Studio, running_studio
from tests.own_weights import linked_weights

__all__ = ["person_at"]  # a fixture

BASE = "mobilestylegan-ffhq-1024"
STATE, WORK = ".fl-co-photo-top strong", ".fl-co-photo > .fl-co-making"
LINE = f"document.querySelector('{WORK} span')"
SAYS = f"{LINE}.textContent"
WATCHED = "document.querySelector('.fl-co-photo-watched')"


@pytest.fixture(scope="module")
def weights(photos: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> WeightStore:
    """photos: with the networks that they need, fetched."""
    return WeightStore(linked_weights(tmp_path_factory.mktemp("tuning") / "weights"))


@pytest.fixture(scope="module")
def tuning_studio(
    weights: WeightStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACELOOM_WEIGHTS", str(weights.folder))
        with running_studio(tmp_path_factory.mktemp("workspace")) as running:
            yield running


@pytest.fixture
def page(tuning_studio: Studio, person_at: Callable[..., Person]) -> Any:
    person = person_at(tuning_studio)
    open_control(person.page, tuning_studio.address)
    return person.page


def test_a_generator_learns_a_photo_while_it_is_watched_and_is_chosen(
    page: Any, weights: WeightStore, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    photo = use(page)
    before = pixels(page)
    switch = page.get_by_role("button", name="Tuned", exact=True)
    assert switch.is_hidden()  # there is none yet

    press(page, "Tune")
    page.wait_for_function(
        f"/^Step (?!1 )\\d+ of 300, \\d+.(s|min) left/.test({SAYS})", timeout=WAIT
    )
    page.wait_for_function(f"{WATCHED}.naturalWidth === 512")
    assert page.inner_text(STATE) == "Generator being tuned"
    assert page.get_by_role("button", name="Tune", exact=True).is_disabled()
    assert switch.is_hidden() and tuned(weights) == []
    page.set_viewport_size({"width": 900, "height": 720})
    assert page.evaluate(f"{LINE}.scrollWidth <= {LINE}.clientWidth")  # all of it is read
    page.set_viewport_size({"width": 1280, "height": 720})

    press(page, "Stop, keep the best")
    wait_for_whole(page, f"of:photo-{photo}-")
    (name,) = tuned(weights)
    assert asked(page).endswith(f";of:{name}") and page.inner_text(STATE) == "Tuned generator"
    assert re.match(r"\d+ of 300 steps, \d+ s", page.inner_text(".fl-co-photo-top small"))
    assert switch.get_attribute("aria-pressed") == "true"
    assert page.locator(WORK).is_hidden() and page.locator(".fl-co-photo-watched").is_hidden()
    after = pixels(page)
    assert apart(before, after) > 0.3

    switch.click()
    wait_for_whole(page, f"of:{BASE}")
    assert switch.get_attribute("aria-pressed") == "false"
    assert apart(before, pixels(page)) < 0.1  # the base draws as it did

    press(page, "Tune")
    press(page, "Stop, keep the best")  # before its first step
    page.wait_for_selector(WORK, state="hidden", timeout=WAIT)
    page.wait_for_function(f"document.querySelector('{STATE}').textContent === 'First answer'")
    assert tuned(weights) == [name] and f"of:{BASE}" in asked(page)
    switch.click()  # the first one is still there
    wait_for_whole(page, f"of:{name}")
    assert apart(after, pixels(page)) < 0.1


def test_a_tuning_that_fails_says_why_and_leaves_all_as_it_was(
    page: Any, tuning_studio: Studio, weights: WeightStore, photos: dict[str, Path]
) -> None:
    upload(page, photos["one"])
    photo = use(page)
    before, known = pixels(page), tuned(weights)
    (aligned,) = tuning_studio.workspace.rglob(f"{photo}/aligned.png")
    aligned.write_bytes(aligned.read_bytes()[:1000])

    press(page, "Tune")
    told = page.get_by_text(f"aligned.png of photo {photo} is missing or damaged")
    told.wait_for(timeout=WAIT)
    assert page.inner_text(STATE) == "First answer" and page.locator(WORK).is_hidden()
    assert page.get_by_role("button", name="Tuned", exact=True).is_hidden()
    assert tuned(weights) == known and apart(before, pixels(page)) < 0.1

    upload(page, photos["one"])  # as the message asks
    assert use(page) != photo and apart(before, pixels(page)) < 0.1
    assert page.get_by_role("button", name="Tune", exact=True).is_enabled()


def tuned(weights: WeightStore) -> list[str]:
    return [name for name, known in weights.entries().items() if known.base]
