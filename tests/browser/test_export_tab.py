"""The Export tab of a real studio: a recipe put right, sampled, exported, stopped, deleted."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio_client
import pytest
import yaml

from core.export.written import read_written
from tests.browser.profiles import Profiles
from tests.browser.studio_fixtures import Studio, visited

APP = "document.querySelector('.fl-export').app"
WAIT = 60_000  # ms; everything may be compiled first


@pytest.fixture(scope="module")
def page(studio: Studio, profiles: Profiles) -> Iterator[Any]:
    """One visit for all tests. Complaints and requests to other hosts fail the last of them."""
    with visited(studio, profiles, (1280, 800)) as page:
        page.set_default_timeout(WAIT)
        page.wait_for_selector("#sample-button")
        page.click("#tab-export-button")
        page.wait_for_function("document.querySelector('.fl-export')?.app?.store.recipe")
        yield page


def field(page: Any, key: str) -> Any:
    return page.locator(f'.fl-export [data-key="{key}"]').locator("input, select").first


def looked_at(page: Any) -> dict[str, Any]:
    """The recipe once the server has answered to the last change."""
    page.wait_for_function(f"!{APP}.store.isLooking")
    return dict(page.evaluate(f"{APP}.store.recipe"))


def press(page: Any, name: str) -> None:
    page.locator(".fl-export").get_by_role("button", name=name).click()


def item(page: Any, name: str, state: str) -> Any:
    """The line of an export, once it is in that state."""
    found = page.locator(f'.fl-ex-item[data-name="{name}"][data-state="{state}"]')
    found.wait_for()
    return found


def test_what_is_wrong_is_said_at_its_field(page: Any) -> None:
    field(page, "count").fill("4")
    page.locator('.fl-export [data-key="balance"] input').check()
    page.wait_for_selector('[data-key="count"].fl-ex-wrong')
    assert "4 people cannot be balanced over 6 groups" in page.inner_text(".fl-ex-wrong")
    assert field(page, "count").get_attribute("aria-invalid") == "true"
    press(page, "Export 4 faces")
    assert page.evaluate("document.activeElement.closest('[data-key]').dataset.key") == "count"
    assert page.locator(".fl-ex-item").count() == 0
    press(page, "Reset")
    assert "ages" not in looked_at(page) and page.locator(".fl-ex-wrong").count() == 0


def test_form_and_text_are_one_recipe(page: Any, tmp_path: Path) -> None:
    page.locator('.fl-export [data-key="ages"] select').select_option("three")
    assert set(looked_at(page)["ages"]) == {"18-30", "31-50", "51-70"}
    press(page, "YAML")
    text = page.get_by_label("Recipe as YAML")
    assert yaml.safe_load(text.input_value())["ages"]["18-30"] == pytest.approx(1 / 3)
    text.fill("count: 12\nagez: 18-30\n")
    page.wait_for_selector(".fl-ex-foot [role=alert]:visible")
    assert "Did you mean ages?" in page.inner_text(".fl-ex-foot [role=alert]")
    text.fill("count: 12\nsize: 256\nname: small\n")
    page.wait_for_function(f"{APP}.store.recipe.count === 12")
    with page.expect_download() as download:
        press(page, "Save")
    assert yaml.safe_load(Path(download.value.path()).read_text())["name"] == "small"
    press(page, "Form")
    assert field(page, "count").input_value() == "12" and field(page, "size").input_value() == "256"


def test_one_click_makes_a_dataset_as_the_sample_showed(page: Any, studio: Studio) -> None:
    page.wait_for_selector(".fl-export[data-sample=made]")
    assert page.locator(".fl-ex-grid li").count() == 12
    assert "from 12 faces made just now" in page.inner_text(".fl-ex-estimate")
    sampled = page.locator(".fl-ex-grid li").first.get_attribute("title")
    page.keyboard.press("m")
    page.locator('.fl-export [data-key="count"] input').press("Control+Enter")
    done = item(page, "1-small", "done")
    assert "12 faces · 256 px · huggingface" in done.inner_text()
    written = read_written(studio.workspace / "exports" / "1-small")
    assert written.is_finished and sum(written.faces.values()) == 12
    done.get_by_role("button", name="1-small", exact=True).click()
    page.wait_for_function("document.querySelector('.fl-ex-contact img')?.naturalWidth > 1000")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        lines = archive.read("1-small/metadata.jsonl").decode().splitlines()
    seed = yaml.safe_load(lines[0])["seed"]
    assert f"seed {seed}\n" in sampled and len(lines) == 12


def test_an_export_of_a_program_is_paused_and_deleted_by_hand(page: Any, studio: Studio) -> None:
    client = gradio_client.Client(studio.address, verbose=False)
    job = client.predict("name: long\ncount: 5000\nsize: 256\n", api_name="/export")
    assert job["export"] == "2-long" and Path(job["out"]).is_dir()
    running = item(page, "2-long", "running")
    assert client.predict(job["id"], api_name="/job")["state"] == "running"
    running.get_by_role("button", name="Pause").click()
    paused = item(page, "2-long", "paused")
    assert client.predict(job["id"], api_name="/job")["state"] == "cancelled"
    assert paused.get_by_role("button", name="Resume").is_visible()
    paused.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_selector('.fl-ex-item[data-name="2-long"]', state="detached")
    assert not Path(job["out"]).exists()
