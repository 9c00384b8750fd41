"""Whole trainings of a tiny generator: by a real worker, killed, cancelled, gone on with."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from annotations.records import Job, JobState
from core.errors import InvalidRequestError
from core.segmentation.segmenter_files import load_segmenter
from core.weights import WeightStore
from studio.services import Services, open_services
from studio.workflows.run_folders import RunFolder, find_run
from studio.workflows.run_views import see_runs
from studio.workflows.training import (
    TrainingRequest,
    cancel_training,
    parse_shares,
    resume_training,
    start_training,
)
from studio.workflows.training_work import CHECKPOINT, train_in_run
from tests.rule_painted import painted_project
from tests.unit.small_models import small_store

__all__ = ["small_store"]  # fixture


@pytest.fixture
def services(small_store: WeightStore, tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path / "workspace", "small", "cpu", weights=small_store)
    yield opened
    opened.close()


@pytest.fixture
def project(services: Services) -> int:
    return painted_project(services.store, services.models.weights, services.cache)


def start(services: Services, project: int | None, **config: Any) -> tuple[RunFolder, Job]:
    settings = {"size": 32, "epochs": 3, "validate_every": 1, **config}
    request = TrainingRequest(settings, False, project, name="small")
    weights, jobs = services.models.weights, services.jobs
    job = start_training(request, services.workspace, services.store, weights, jobs, "Ann")
    return find_run(services.workspace, job.payload["run"]), job


def here(services: Services, run: RunFolder) -> dict[str, Any]:
    """As a worker does it, in this process."""
    weights = services.models.weights
    return train_in_run(run, services.store, weights, "cpu", lambda step: None)


def wait_until(is_so: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def state(services: Services, job: Job) -> JobState:
    return services.store.jobs.get(job.id).state


def without_time(run: RunFolder) -> list[dict[str, Any]]:
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in run.history()]


def test_a_run_leaves_everything_that_is_needed_to_judge_and_repeat_it(
    services: Services, project: int
) -> None:
    run, _ = start(services, project)
    figures = here(services, run)
    facts = run.facts()
    assert facts["state"] == "done" and facts["person"] == "Ann" and facts["versions"]["torch"]
    chosen = facts["data"]["faces"]
    assert {face["split"] for face in chosen} == {"train", "validation", "test"}
    assert all(face["revision_id"] and len(face["sha256"]) == 64 for face in chosen)
    assert facts["generator_sha256"] == services.models.weights.entry("small").sha256
    config = yaml.safe_load((run.path / "config.yaml").read_text())
    assert config["model"] == "weave" and config["epochs"] == 3 and config["dataset"] == "faces"
    assert [entry["epoch"] for entry in run.history()] == [1, 2, 3]
    segmenter = load_segmenter(run.best)
    assert segmenter.facts["metrics"] == figures["metrics"] == facts["metrics"]
    with Image.open(run.samples()[-1]) as picture:
        assert picture.width > 400
    reported = json.loads((run.path / "report" / "report.json").read_text())
    assert reported["mean_f1"] == figures["metrics"]["validation"]["mean_f1"]
    assert (run.path / "report" / "test" / "index.html").is_file()
    assert len(list(run.path.glob("events.out.tfevents.*"))) == 1
    assert "cloth" in facts["warnings"][0]  # no face shows it; the training went on


def test_the_same_request_makes_the_same_segmenter(services: Services, project: int) -> None:
    runs = [start(services, project)[0] for _ in range(2)]
    for run in runs:
        here(services, run)
    assert without_time(runs[0]) == without_time(runs[1])
    heads = [load_segmenter(run.best).head.state_dict() for run in runs]
    assert all((heads[0][name] == heads[1][name]).all() for name in heads[0])


def test_a_killed_training_goes_on_by_itself_and_ends_as_if_nothing_had_been(
    services: Services, project: int
) -> None:
    epochs = 25
    run, job = start(services, project, epochs=epochs)
    services.jobs.start()
    wait_until(lambda: len(run.history()) >= 3)
    first = services.store.jobs.get(job.id)
    assert first.pid is not None and first.state == JobState.RUNNING
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: state(services, job) == JobState.DONE)
    second = services.store.jobs.get(job.id)
    assert second.pid != first.pid and second.result and second.result["epochs"] == epochs
    other, _ = start(services, project, epochs=epochs)
    cancel_training(services.workspace, services.jobs, other.name)
    here(services, other)
    assert without_time(run) == without_time(other)
    assert "Job" in run.log_end() and len(list(run.path.glob("events*"))) == 2


def test_a_cancelled_training_keeps_what_it_reached_and_can_be_resumed(
    services: Services, project: int
) -> None:
    run, job = start(services, project, epochs=40)
    services.jobs.start()
    wait_until(lambda: len(run.history()) >= 2)
    with pytest.raises(InvalidRequestError, match="1-small is running; only failed and cancelled"):
        resume_training(services.workspace, services.jobs, run.name)
    cancel_training(services.workspace, services.jobs, run.name)
    wait_until(lambda: state(services, job) == JobState.CANCELLED)
    reached = len(run.history())
    (view,) = see_runs(services.workspace, services.jobs).views
    assert 2 <= reached < 40 and run.best.is_file() and view.can_resume
    assert run.facts()["state"] == "cancelled"
    again = resume_training(services.workspace, services.jobs, run.name, "Bob")
    wait_until(lambda: state(services, again) == JobState.DONE)
    assert [entry["epoch"] for entry in run.history()] == list(range(1, 41))


def test_a_damaged_checkpoint_is_told_and_the_training_begins_anew(
    services: Services, project: int
) -> None:
    run, _ = start(services, project)
    (run.path / CHECKPOINT).write_bytes(b"half a fil")
    here(services, run)
    (view,) = see_runs(services.workspace, services.jobs).views
    assert view.warnings[-1] == "The checkpoint was damaged, so the training began anew."
    assert view.epoch == 3 and view.best


def test_a_full_disk_fails_the_run_in_plain_words(
    services: Services, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = start(services, project)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.segmentation.checkpoints.save_file", full)
    with pytest.raises(Exception, match=r"The disk is full while writing .*checkpoint") as caught:
        here(services, run)
    assert run.facts()["state"] == "failed" and run.facts()["error"] == str(caught.value)
    monkeypatch.undo()
    assert here(services, run)["epochs"] == 3


def test_a_request_that_cannot_be_leaves_no_run(services: Services, project: int) -> None:
    for wanted, config, said in (
        (None, {}, "Choose the starter pack, a project, or both"),
        (project, {"modell": "weave"}, "The training: unknown modell. Known: dataset"),
        (project, {"model": "unet"}, "model must be one of weave, .* is 'unet'"),
        (project, {"epochs": 0}, r"epochs must be in 1\.\."),
        (project, {"size": 512}, "face 1, seed 0 is 32 px .* no multiple .* of 512 px. Choose 32"),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            start(services, wanted, **config)
    assert list((services.workspace / "runs").iterdir()) == [] and services.jobs.list() == ()
    with pytest.raises(InvalidRequestError, match=r"three whole numbers.* got '60/forty'"):
        parse_shares("60/forty")
    assert parse_shares("60 / 20 / 20") == (60, 20, 20)


def test_a_generator_that_changed_after_the_start_is_named(
    services: Services, project: int
) -> None:
    run, _ = start(services, project)
    run.note(data={**run.facts()["data"], "generator_sha256": "0" * 64})
    with pytest.raises(InvalidRequestError, match="'small' has changed since this training"):
        here(services, run)
    (run.path / "run.json").write_text("{")
    with pytest.raises(InvalidRequestError, match=r"run\.json is missing or damaged"):
        here(services, run)
