"""The Export tab over HTTP: recipes and samples, exports followed, files and zips fetched."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient

from annotations.records import JobState
from core.export.journal import LOCK
from core.export.sample import DatasetFacts, MaskClass, Weights
from core.generators import Noise
from core.quality import QualityScale
from core.segmentation import ClassSet
from studio.routes import exports as export_routes
from studio.routes.export_recipe import SAMPLE, SHOWN
from studio.services import Services
from studio.workflows import export_recipes, export_sampling
from studio.workflows.export_painted import PaintedProject
from tests.export_fakes import recipe, run
from tests.unit.routed import client, refused, services
from tests.unit.small_models import small_store
from tests.unit.test_control_routes import frames
from tests.unit.test_export_painted import add

__all__ = ["client", "services", "small_store"]  # fixtures

SIZE = 256
CLASSES = ClassSet((0, 1), ("background", "skin"), ((0, 0, 0), (250, 200, 150)))


class FakeRuntime:
    """Grey pictures, the same for the same ws; waits for `gate` before each."""

    facts = "fake"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.made = 0

    def stream(self, ws: np.ndarray, noise: Noise) -> Iterator[dict[str, np.ndarray]]:
        for face in ws:
            self.gate.wait(10)
            self.made += 1
            yield self.render(face)

    def render(self, ws: np.ndarray) -> dict[str, np.ndarray]:
        level = int(abs(float(ws.sum())) * 100) % 256
        return {
            "image": np.full((SIZE, SIZE, 3), level, np.uint8),
            "labels": np.tri(SIZE, dtype=np.uint8),
        }


@pytest.fixture
def runtime(services: Services, monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """The generator 'small' has a segmenter, and pictures of 256 px."""
    fake = FakeRuntime()
    labelled = SimpleNamespace(classes=CLASSES), fake

    def facts(plan: Any, *known: object) -> DatasetFacts:
        classes = tuple(MaskClass(i, CLASSES.names[i], CLASSES.colours[i]) for i in CLASSES.ids)
        weights = (Weights("generator", "small", "0" * 64, ""),)
        return DatasetFacts("small", SIZE, plan.splits, "two", classes, weights)

    monkeypatch.setattr(export_sampling, "open_labelled", lambda *known: labelled)
    monkeypatch.setattr(export_sampling, "facts_of", facts)
    monkeypatch.setattr(export_recipes, "_check_segmenter", lambda *known: None)
    scale = QualityScale.of(services.models.generator("small"))
    monkeypatch.setattr(services.models, "quality_scale", lambda name: scale)
    return fake


def small(**more: object) -> dict[str, Any]:
    limits = {"one_face": False, "target": False}
    return {"recipe": {"count": 40, "size": SIZE, "measure": False, "filter": limits} | more}


def look(client: TestClient, **given: object) -> dict[str, Any]:
    answer = client.post("/export/recipe", json=given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_options_tell_what_can_be_asked_and_what_is_missing(client: TestClient) -> None:
    told = client.get("/export/options").json()
    assert {known["name"] for known in told["formats"]} >= {"huggingface", "celebamask", "rle"}
    assert told["recipe"]["generator"] == "small" and told["recipe"]["count"] == 100
    assert "python launch.py train attributes" in told["missing"]["control"]
    assert told["segmenters"] == [] and told["problem"]["key"] == "segmenter"


def test_values_and_text_mean_the_same_recipe(client: TestClient, runtime: FakeRuntime) -> None:
    by_values = look(client, recipe={"count": 30, "splits": "80/0/20", "seed": 7})
    assert by_values["problem"] is None
    assert by_values["promised"]["people"] == 30
    assert by_values["promised"]["splits"] == {"train": 24, "test": 6}
    assert yaml.safe_load(by_values["text"])["seed"] == 7
    by_text = look(client, text=by_values["text"])
    assert by_text["recipe"] == by_values["recipe"] and by_text["text"] == by_values["text"]


def test_what_is_wrong_is_said_with_its_key(client: TestClient, runtime: FakeRuntime) -> None:
    told = look(client, recipe={"count": 0})
    assert told["recipe"] is None and told["problem"]["key"] == "count"
    assert look(client, text="count: [")["problem"]["message"].startswith("This cannot be read")
    bomb = "a: &a [x]\nb: [*a, *a]\n"
    assert "no aliases" in look(client, text=bomb)["problem"]["message"]
    missing = look(client, recipe={"ages": "18-30"})
    assert missing["recipe"] and "train attributes" in missing["problem"]["message"]


def test_a_recipe_of_the_control_tab_becomes_one_for_an_export(
    client: TestClient, runtime: FakeRuntime
) -> None:
    face = {"generator": "small", "seed": 5, "psi": 0.4}
    told = look(client, text=yaml.safe_dump({"version": 1, "faces": [face]}))
    assert told["recipe"]["psi"] == 0.4 and told["notes"] and told["problem"] is None


def test_a_sample_shows_faces_of_the_export_and_estimates_it(
    client: TestClient, services: Services, runtime: FakeRuntime
) -> None:
    answer = client.post("/export/sample?sequence=3", json=small())
    found = [facts for facts, _ in frames(answer.content)]
    faces = [facts for facts in found if facts["kind"] == "face"]
    assert [face["identity"] for face in faces] == [place * 40 // 12 for place in range(12)]
    pictures = [picture for _, picture in frames(answer.content) if picture is not None]
    assert pictures[0].shape == (SHOWN, SHOWN, 3)
    last = found[-1]
    assert (last["kind"], last["faces"], last["is_busy"]) == ("estimate", 12, False)
    assert last["bytes_a_face"] > 1000 and last["bytes"] == pytest.approx(40 * last["bytes_a_face"])
    assert last["seconds"] > 0 and last["free_bytes"] > 0
    assert list(services.cache.glob(".unfinished-*")) == []


def test_the_latest_recipe_wins(
    client: TestClient, services: Services, runtime: FakeRuntime
) -> None:
    runtime.gate.clear()
    seen: list[Any] = []
    first = threading.Thread(
        target=lambda: seen.append(client.post("/export/sample", json=small()).content)
    )
    first.start()
    while ("tab 1", SAMPLE) not in services.stops._signs:
        time.sleep(0.01)
    second = threading.Thread(
        target=lambda: seen.append(client.post("/export/sample", json=small(seed=2)).content)
    )
    second.start()
    time.sleep(0.3)
    runtime.gate.set()
    first.join(20)
    second.join(20)
    kinds = [[facts["kind"] for facts, _ in frames(content)] for content in seen]
    assert sorted(each[-1] for each in kinds) == ["estimate", "stopped"]


def test_a_sample_that_cannot_be_is_refused_or_says_why(
    client: TestClient, services: Services
) -> None:
    status, code, message = refused(client.post("/export/sample", json=small(count=0)))
    assert (status, code) == (400, "bad_request") and message.startswith("count must be")
    answer = client.post("/export/sample", json=small())
    *_, (last, _) = frames(answer.content)
    assert last["kind"] == "error" and "no segmenter for generator 'small'" in last["error"]


def test_an_export_is_queued_paused_resumed_and_deleted(
    client: TestClient, services: Services, runtime: FakeRuntime
) -> None:
    made = client.post("/export/exports", json=small(name="mine")).json()
    assert (made["name"], made["state"], made["count"], made["person"]) == (
        "1-mine",
        "queued",
        40,
        "Ann",
    )
    job = services.store.jobs.get(made["job_id"])
    assert job.kind == "export" and job.payload["export"] == "1-mine"
    assert client.post("/export/exports/1-mine/pause").json()["state"] == "paused"
    assert client.post("/export/exports/1-mine/resume").json()["state"] == "queued"
    status, _, message = refused(client.delete("/export/exports/1-mine"))
    assert status == 400 and "is queued" in message
    assert client.post("/export/exports/1-mine/cancel").json()["state"] == "cancelled"
    assert client.delete("/export/exports/1-mine").status_code == 200
    assert client.get("/export/exports").json()["exports"] == []


def test_without_a_segmenter_nothing_is_queued(client: TestClient, services: Services) -> None:
    status, _, message = refused(client.post("/export/exports", json=small()))
    assert status == 400 and "Train one in the Train tab" in message
    assert services.jobs.list() == ()


def test_a_failed_export_says_why_and_shows_its_log(
    client: TestClient, services: Services, runtime: FakeRuntime
) -> None:
    made = client.post("/export/exports", json=small(name="mine")).json()
    services.store.jobs.claim(["export"], "here", 1)
    log = services.workspace / "runs" / f"job-{made['job_id']}.log"
    log.write_text("written by the worker")
    services.store.jobs.finish(
        made["job_id"], "here", 1, JobState.FAILED, error="The disk is full."
    )
    told = client.get("/export/exports/1-mine").json()
    assert (told["state"], told["error"]) == ("failed", "The disk is full.")
    assert told["can_resume"] and told["log"] == "written by the worker"


@pytest.fixture
def done(services: Services) -> Path:
    """A finished export, as the command leaves it."""
    folder = services.workspace / "exports" / "whole"
    run(folder, recipe(30))
    return folder


def test_a_finished_export_is_fetched_as_a_zip(client: TestClient, done: Path) -> None:
    told = client.get("/export/exports/whole").json()
    assert (told["state"], told["faces"], told["path"]) == ("done", 30, str(done))
    answer = client.get("/export/exports/whole/dataset.zip")
    assert 'filename="whole.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        held = {info.filename: archive.read(info) for info in archive.infolist()}
    files = [path for path in done.rglob("*") if path.is_file() and path.name != LOCK]
    assert held == {path.relative_to(done.parent).as_posix(): path.read_bytes() for path in files}


def test_a_large_or_unfinished_one_is_no_zip(
    client: TestClient, services: Services, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_routes, "MAX_ZIP", 10)
    status, code, message = refused(client.get("/export/exports/whole/dataset.zip"))
    assert (status, code) == (413, "too_large") and str(done) in message
    lines = (done / "journal.jsonl").read_text().splitlines(keepends=True)
    (done / "journal.jsonl").write_text("".join(lines[:-1]))
    assert refused(client.get("/export/exports/whole/dataset.zip"))[:2] == (409, "unfinished")


def test_only_what_the_page_shows_is_served(client: TestClient, done: Path) -> None:
    assert client.get("/export/exports/whole/recipe.yaml").status_code == 200
    hidden = ["journal.jsonl", "plain/names.json", "..%2Fwhole%2Fjournal.jsonl", "README.md"]
    assert {client.get(f"/export/exports/whole/{file}").status_code for file in hidden} == {404}
    assert client.get("/export/exports/..%2F..%2Fruns/recipe.yaml").status_code in (400, 404)
    assert refused(client.get("/export/exports/none"))[0] == 400


def test_the_list_tells_what_a_check_found(
    client: TestClient, services: Services, done: Path
) -> None:
    queued = client.post("/export/exports/whole/verify").json()["check"]
    assert queued["state"] == "queued"
    services.store.jobs.claim(["verify export"], "here", 1)
    result = {"is_whole": True, "files": 3, "faces": 0, "num_problems": 0, "problems": []}
    services.store.jobs.finish(queued["job_id"], "here", 1, JobState.DONE, result=result)
    (told,) = client.get("/export/exports").json()["exports"]
    assert told["check"]["result"] == result and json.dumps(told)


def test_painted_faces_of_a_project_alone_need_no_segmenter(
    client: TestClient, services: Services
) -> None:
    add(services.store, "mine")
    (project,) = client.get("/export/options").json()["projects"]
    assert project == {"name": "mine", "done": 10, "reviewed": 1}
    asked = {"count": 0, "project": "mine", "size": SIZE, "measure": False, "formats": ["index"]}
    told = look(client, recipe=asked)
    assert told["problem"] is None and told["promised"]["painted"] == 10
    assert told["promised"]["people"] == 5 and told["recipe"]["generator"] is None
    found = [
        facts for facts, _ in frames(client.post("/export/sample", json={"recipe": asked}).content)
    ]
    faces = [facts for facts in found if facts["kind"] == "face"]
    assert len(faces) == 10 and {face["painted_by"] for face in faces} == {"Ada"}
    assert found[-1]["kind"] == "estimate" and found[-1]["dropped"] == 0
    made = client.post("/export/exports", json={"recipe": asked}).json()
    assert made["state"] == "queued" and made["count"] == 10
    large = look(client, recipe=asked | {"size": 1024})
    assert large["problem"]["key"] == "size"


def test_painted_and_generated_faces_are_sampled_side_by_side(
    client: TestClient, services: Services, runtime: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PaintedProject, "check_with", lambda *known: None)
    monkeypatch.setattr(export_recipes, "_check_project", lambda *known: None)
    add(services.store, "mine")
    answer = client.post("/export/sample", json=small(count=20, project="mine"))
    found = [facts for facts, _ in frames(answer.content)]
    painters = [facts["painted_by"] for facts in found if facts["kind"] == "face"]
    assert painters == 8 * [None] + 4 * ["Ada"]
    assert found[-1]["bytes"] == pytest.approx(30 * found[-1]["bytes_a_face"])
