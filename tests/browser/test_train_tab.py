"""The Train tab of a real studio, on trainings of a generator of 32 px."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio_client
import pytest
from gradio_client.exceptions import AppError

from annotations import AnnotationStore
from core.segmentation.segmenter_files import load_segmenter
from core.weights import WeightStore
from studio.workflows.run_folders import RunFolder, find_run
from studio.workflows.segmenter_choice import promoted
from tests.browser.profiles import Profiles
from tests.browser.studio_fixtures import Studio, is_home, running_studio
from tests.rule_painted import painted_project
from tests.unit.small_models import small_store

__all__ = ["small_store"]  # fixture
PROJECT = "small faces (8 painted)"


@pytest.fixture(scope="module")
def small_studio(
    small_store: WeightStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    """With the generator 'small' and a project of eight painted faces, no. 1."""
    workspace = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))
        with AnnotationStore.open(workspace) as store:
            painted_project(store, small_store, workspace / "cache", 8, "small faces")
        with running_studio(workspace, 0, "--generator", "small") as running:
            yield running


@pytest.fixture
def visit(profiles: Profiles) -> Iterator[Callable[[Studio], Any]]:
    """Opens the Train tab. Complaints in the console and requests to others fail the test."""
    complaints: list[str] = []
    pages = []

    def go(studio: Studio) -> Any:
        page = profiles.open(studio.address, (1280, 800))
        pages.append(page)
        page.set_default_timeout(60_000)
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in ("error", "warning") else 0,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: None if is_home(asked.url, studio) else complaints.append(asked.url),
        )
        page.goto(studio.address)
        return open_tab(page)

    yield go
    for page in pages:
        profiles.close(page)
    assert complaints == []


def open_tab(page: Any) -> Any:
    page.wait_for_selector("#sample-button")
    page.click("#tab-train-button")
    page.wait_for_selector(".fl-none, .fl-table")
    return page


def fill_in(page: Any, epochs: int, name: str, size: int = 32) -> None:
    if not page.is_visible("#train-size input"):  # what is in there is made when it opens,
        page.click("text=More settings")  # and takes its first values a moment later
        page.wait_for_selector("#train-size input")
    page.click("#train-project input")
    page.click(f"text={PROJECT}")
    page.wait_for_function(
        "(name) => document.querySelector('#train-project input').value === name", arg=PROJECT
    )
    page.fill("#train-epochs input", str(epochs))
    page.fill("#train-name input, #train-name textarea", name)
    page.fill("#train-size input", str(size))
    page.keyboard.press("Tab")
    assert page.input_value("#train-size input") == str(size)
    assert not page.is_checked("label:has-text('Starter pack') input")  # of another generator


def start(page: Any, epochs: int, name: str) -> str:
    """Returns the selector of the run's row."""
    fill_in(page, epochs, name)
    page.click("#train-button")
    row = f'tr.fl-chosen[data-run$="-{name}"]'
    page.wait_for_selector(row)
    return row.replace(".fl-chosen", "")


def run_of(studio: Studio, page: Any, row: str) -> RunFolder:
    return find_run(studio.workspace, page.get_attribute(row, "data-run"))


def test_a_training_is_watched_judged_and_put_to_use(
    small_studio: Studio, visit: Callable[[Studio], Any], tmp_path: Path
) -> None:
    page = visit(small_studio)
    row = start(page, 6, "watched")
    page.wait_for_selector(f"{row} .fl-state-running")
    page.wait_for_selector(f"{row} .fl-state-done")
    run = run_of(small_studio, page, row)
    page.wait_for_function("document.querySelector('.fl-samples img').naturalWidth > 400")
    assert page.locator(".fl-chart polyline").count() == 3  # loss, mean F1, mean IoU
    best = max(entry["mean_f1"] or 0 for entry in run.history())
    assert f"{100 * best:.2f} %" in page.inner_text(row)
    assert "No training face shows cloth" in page.inner_text(".fl-warning")
    page.click("text=Show report")
    report = page.frame_locator(".fl-report iframe")
    report.locator("h1 >> text=Segmenter report").wait_for()
    page.wait_for_function(
        "document.querySelector('.fl-report iframe').contentDocument"
        ".querySelector('img[alt=\"confusion matrix\"]').naturalWidth > 100"
    )
    page.click(".fl-report >> text=Close")
    page.click("text=Use as the segmenter")
    page.wait_for_selector(f"{row} .fl-tag")
    choice = promoted(small_studio.workspace)
    assert choice and choice.run == run.name
    with page.expect_download() as download:
        page.click("text=Download weights")
    download.value.save_as(tmp_path / "weights.safetensors")
    assert load_segmenter(tmp_path / "weights.safetensors").model == "weave"
    page.click("text=Use the one that ships instead")
    page.wait_for_selector(".fl-tag", state="detached")


def test_two_runs_queue_and_either_can_be_cancelled_and_gone_on_with(
    small_studio: Studio, visit: Callable[[Studio], Any]
) -> None:
    page = visit(small_studio)
    first, second = start(page, 400, "long"), start(page, 2, "short")
    page.wait_for_selector(f"{second} .fl-state-queued")
    page.click(first)
    page.wait_for_selector(f"{first}.fl-chosen .fl-state-running")
    page.wait_for_function(
        "(row) => /\\b[1-9]\\d* of 400/.test(document.querySelector(row).innerText)", arg=first
    )
    page.click(".fl-run-actions >> text=Cancel")
    page.wait_for_selector(f"{first} .fl-state-cancelled")
    page.wait_for_selector(f"{second} .fl-state-done")
    reached = len(run_of(small_studio, page, first).history())
    page.reload()
    open_tab(page)
    page.wait_for_selector(f"{first}.fl-chosen")  # what was chosen stays so
    page.click(".fl-run-actions >> text=Resume")
    page.wait_for_selector(f"{first} .fl-state-running")
    page.click(".fl-run-actions >> text=Cancel")
    page.wait_for_selector(f"{first} .fl-state-cancelled")
    history = run_of(small_studio, page, first).history()
    assert [entry["epoch"] for entry in history] == list(range(1, len(history) + 1))
    assert len(history) >= reached > 0


def test_what_cannot_be_is_said_beside_the_button(
    small_studio: Studio, visit: Callable[[Studio], Any]
) -> None:
    page = visit(small_studio)
    before = page.locator("tr[data-run]").count()
    page.click("#train-button")
    message = page.wait_for_selector("#train-status .fl-message")
    assert message.inner_text() == "Choose the starter pack, a project, or both."
    fill_in(page, 2, "odd", size=512)
    page.click("#train-button")
    page.wait_for_selector("#train-status >> text=no multiple of a mask size of 512 px. Choose 32")
    assert page.locator("tr[data-run]").count() == before


def test_a_client_starts_a_training_and_asks_for_it(small_studio: Studio) -> None:
    client = gradio_client.Client(small_studio.address, verbose=False)
    wanted = {"starter": False, "project": 1, "model": "weave", "epochs": 2, "batch_size": 4}
    names = {
        parameter["parameter_name"]
        for parameter in client.view_api(return_format="dict", print_info=False)["named_endpoints"][
            "/start_training"
        ]["parameters"]
    }
    assert names >= {*wanted, "size", "learning_rate", "loss", "mirror", "seed", "shares", "name"}
    job = client.predict(**wanted, size=32, name="by a program", api_name="/start_training")
    assert job["state"] == "queued" and job["run"].endswith("-by-a-program")
    end = time.monotonic() + 120
    while (job := client.predict(job["id"], api_name="/job"))["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.3)
    assert job["state"] == "done" and job["result"]["epochs"] == 2 and job["error"] == ""
    with pytest.raises(AppError, match="no job 999 here"):
        client.predict(999, api_name="/job")


def test_a_training_outlives_a_killed_studio_and_is_shown_by_the_next(
    small_store: WeightStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visit: Callable[[Studio], Any],
) -> None:
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(small_store.folder))
    with AnnotationStore.open(tmp_path) as store:
        painted_project(store, small_store, tmp_path / "cache", 8, "small faces")
        with running_studio(tmp_path, 0, "--generator", "small") as first:
            client = gradio_client.Client(first.address, verbose=False)
            job = client.predict(
                starter=False, project=1, epochs=60, size=32, api_name="/start_training"
            )
            run = find_run(tmp_path, job["run"])
            while len(run.history()) < 2:
                time.sleep(0.1)
            first.kill()
        worker = store.jobs.get(job["id"]).pid
        assert worker
        os.kill(worker, signal.SIGSTOP)  # so that it is still there when the next studio comes
        with running_studio(tmp_path, 0, "--generator", "small") as second:
            os.kill(worker, signal.SIGCONT)
            page = visit(second)
            page.wait_for_selector(f'tr[data-run="{run.name}"] .fl-state-running')
            os.kill(worker, signal.SIGKILL)
            page.wait_for_selector(f'tr[data-run="{run.name}"] .fl-state-done', timeout=120_000)
        assert store.jobs.get(job["id"]).pid != worker
    assert [entry["epoch"] for entry in run.history()] == list(range(1, 61))
    assert json.loads((run.path / "run.json").read_text())["state"] == "done"
