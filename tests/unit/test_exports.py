"""Exports in the background: queued, paused, gone on with, verified, deleted; recipes by key."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from annotations.records import JobState
from core.errors import Cancelled, InvalidRequestError
from core.export.journal import LOCK
from core.export.plan import Plan
from core.export.recipe import Recipe
from core.export.recipe_text import recipe_of
from core.progress import OnStep, Step, ignore
from studio.jobs import Site
from studio.jobs.site import log_path
from studio.services import Services
from studio.workflows import exports
from studio.workflows.export_folders import find_export, list_exports
from studio.workflows.export_recipes import Promised, key_of, look_at, promised
from studio.workflows.export_views import see_export, see_exports, start_seconds
from studio.workflows.exporting import ExportRequest
from studio.workflows.recipe_of_faces import recipe_of_faces
from tests.export_fakes import recipe, run
from tests.unit.routed import services
from tests.unit.small_models import small_store

__all__ = ["services", "small_store"]  # fixtures

HOST, PID = "here", 1


@pytest.fixture
def faked(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Everything can be exported, by a maker without networks."""

    def export(request: ExportRequest, folder: Path, *known: object) -> dict[str, object]:
        return run(folder, request.recipe, known[-1])  # type: ignore[arg-type]

    promised = Promised(15, {"train": 30})
    monkeypatch.setattr(exports, "check_possible", lambda *known: promised)
    monkeypatch.setattr(exports, "export_to_folder", export)
    return services


def start(services: Services, asked: Recipe | None = None) -> str:
    job = exports.start_export(
        asked or recipe(30), services.workspace, services.models, services.jobs, "Ann"
    )
    return str(job.payload["export"])


def work(services: Services, on_step: OnStep = ignore) -> JobState:
    """As the worker does with the oldest job."""
    jobs = services.store.jobs
    job = jobs.claim(["export", "verify export"], HOST, PID)
    assert job is not None
    does = {"export": exports.export_job, "verify export": exports.verify_job}[job.kind]
    try:
        result = does(Site(services.workspace, services.store, "cpu"), job, on_step)
    except Cancelled:
        return jobs.finish(job.id, HOST, PID, JobState.CANCELLED).state
    return jobs.finish(job.id, HOST, PID, JobState.DONE, result=result).state


def state(services: Services, name: str) -> str:
    return see_export(services.workspace, services.jobs, name).state


def stop(services: Services, name: str, *, is_pause: bool) -> None:
    exports.stop_export(services.workspace, services.jobs, name, is_pause=is_pause)


def resume(services: Services, name: str) -> None:
    exports.resume_export(services.workspace, services.jobs, name)


def test_without_a_segmenter_nothing_is_made(services: Services) -> None:
    with pytest.raises(InvalidRequestError, match="segmenter: there is none for generator 'small'"):
        start(services, recipe_of({"count": 4, "generator": "small"}))
    assert list((services.workspace / "exports").iterdir()) == [] and services.jobs.list() == ()


def test_an_export_is_made_verified_and_told_of(faked: Services) -> None:
    first, second = start(faked), start(faked)
    views = see_exports(faked.workspace, faked.jobs).views
    assert [(v.folder.name, v.state, v.place) for v in views] == [
        (second, "queued", 1),
        (first, "queued", 0),
    ]
    assert work(faked) == JobState.DONE
    view = see_export(faked.workspace, faked.jobs, first)
    assert (view.state, view.faces, view.facts["person"]) == ("done", 30, "Ann")
    assert view.job and view.job.result and view.on_disk
    assert view.job.result["bytes"] == view.on_disk.bytes > 1000
    assert view.job.started_at and view.job.finished_at
    whole = (view.job.finished_at - view.job.started_at).total_seconds()
    assert start_seconds(faked.jobs) == pytest.approx(whole - view.job.result["seconds_making"])
    stop(faked, second, is_pause=False)
    exports.start_check(faked.workspace, faked.jobs, first)
    work(faked)
    check = see_export(faked.workspace, faked.jobs, first).check
    assert check and check.result and check.result["is_whole"] and check.result["files"] > 3


def test_a_cluster_makes_the_faces_where_it_was_asked_to_also_after_a_pause(
    faked: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    make = exports.export_to_folder

    def noted(request: ExportRequest, *known: object) -> dict[str, object]:
        asked.append(request.engine)
        return make(request, *known)  # type: ignore[arg-type]

    monkeypatch.setattr(exports, "export_to_folder", noted)
    job = exports.start_export(recipe(30), faked.workspace, faked.models, faked.jobs, "Ann", "ray")
    name = str(job.payload["export"])
    stop(faked, name, is_pause=True)
    resume(faked, name)
    assert work(faked) == JobState.DONE and asked == ["ray"]
    start(faked)
    assert work(faked) == JobState.DONE and asked == ["ray", "local"]


def test_an_engine_that_is_not_here_is_refused(
    faked: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "engines_here", lambda: ("local",))
    with pytest.raises(InvalidRequestError, match="engine must be one of local"):
        exports.start_export(recipe(30), faked.workspace, faked.models, faked.jobs, "", "ray")
    assert list((faked.workspace / "exports").iterdir()) == [] and faked.jobs.list() == ()


def test_a_damaged_export_does_not_pass(faked: Services) -> None:
    name = start(faked)
    work(faked)
    exports.start_check(faked.workspace, faked.jobs, name)
    stop(faked, name, is_pause=False)
    check = see_export(faked.workspace, faked.jobs, name).check
    assert check and check.state == JobState.CANCELLED
    next((find_export(faked.workspace, name).path / "plain").glob("*.npz")).write_bytes(b"no")
    exports.start_check(faked.workspace, faked.jobs, name)
    work(faked)
    check = see_export(faked.workspace, faked.jobs, name).check
    assert check and check.result and not check.result["is_whole"]
    assert "plain/" in check.result["problems"][0]


def test_paused_cancelled_and_gone_on_with_it_ends_whole(faked: Services) -> None:
    name = start(faked)
    stop(faked, name, is_pause=True)
    assert state(faked, name) == "paused"
    resume(faked, name)
    assert state(faked, name) == "queued"

    def until_twenty(step: Step) -> None:
        if step.done >= 20:
            stop(faked, name, is_pause=False)
            assert state(faked, name) == "stopping"
            raise Cancelled("Cancelled.")

    assert work(faked, until_twenty) == JobState.CANCELLED
    assert state(faked, name) == "cancelled"
    resume(faked, name)
    assert work(faked) == JobState.DONE and state(faked, name) == "done"
    with pytest.raises(InvalidRequestError, match="is done; only paused, cancelled and failed"):
        resume(faked, name)
    assert see_export(faked.workspace, faked.jobs, name).faces == 30


def test_an_export_of_the_command_is_listed_and_gone_on_with(faked: Services) -> None:
    folder = faked.workspace / "exports" / "by-hand"

    def soon(step: Step) -> None:
        if step.done >= 28:
            raise Cancelled("Killed.")

    with pytest.raises(Cancelled, match="Killed"):
        run(folder, recipe(30), soon)
    (view,) = see_exports(faked.workspace, faked.jobs).views
    assert (view.state, view.recipe["count"]) == ("unfinished", 30)
    resume(faked, "by-hand")
    work(faked)
    assert state(faked, "by-hand") == "done"


def test_nothing_is_deleted_while_it_is_worked_on(faked: Services) -> None:
    name = start(faked)
    with pytest.raises(InvalidRequestError, match="is queued"):
        exports.delete_export(faked.workspace, faked.jobs, name)
    work(faked)
    path = find_export(faked.workspace, name).path
    with (
        FileLock(path / LOCK),
        pytest.raises(InvalidRequestError, match="Another process is writing"),
    ):
        exports.delete_export(faked.workspace, faked.jobs, name)
    assert (path / "journal.jsonl").is_file()
    (job,) = faked.jobs.list()
    log_path(faked.workspace, job).write_text("made")
    exports.delete_export(faked.workspace, faked.jobs, name)
    assert list_exports(faked.workspace) == [] and not path.exists()
    assert not log_path(faked.workspace, job).exists()
    with pytest.raises(InvalidRequestError, match=f"There is no export '{name}' here"):
        find_export(faked.workspace, name)


def test_a_folder_that_went_away_can_be_made_again(faked: Services) -> None:
    name = start(faked)
    work(faked)
    shutil.rmtree(find_export(faked.workspace, name).path / "plain")
    (find_export(faked.workspace, name).path / "journal.jsonl").unlink()
    assert state(faked, name) == "unfinished"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"count": 0}, "count"),
        ({"count": "many"}, "count"),
        ({"size": 500}, "size"),
        ({"psi": 9}, "psi"),
        ({"ages": "30-20"}, "ages"),
        ({"ages": {"18-30": 0.4}}, "ages"),
        ({"gender_ratio": 3}, "gender_ratio"),
        ({"traits": {"smile": {"share": 0.5}}}, "traits"),
        ({"traits": {"smile": {"share": 0.5, "amont": 1}}}, "traits"),
        ({"traits": {"nose": {"share": 0.5, "value": 1}}}, "traits"),
        ({"balance": "ages"}, "balance"),
        ({"count": 4, "ages": "18-30,31-50,51-70", "balance": "ages x gender"}, "count"),
        ({"count": 10, "variants": 3}, "count"),
        ({"variants": {"count": 99}}, "variants"),
        ({"filter": {"tries": 0}}, "filter"),
        ({"splits": "90/0/0"}, "splits"),
        ({"formats": []}, "formats"),
        ({"formats": "tfrecord"}, "formats"),
        ({"images": "gif"}, "images"),
        ({"name": "a b"}, "name"),
        ({"seed": -1}, "seed"),
        ({"generator": "none"}, "generator"),
        ({"segmenter": "/etc/passwd"}, "segmenter"),
        ({"project": "none", "count": 0}, "project"),
        ({"project": {"name": "none", "masks": "all"}}, "project"),
        ({}, "segmenter"),
        ({"sizes": 3}, ""),
    ],
)
def test_what_is_wrong_is_told_at_its_key(
    services: Services, content: dict[str, object], key: str
) -> None:
    given = {"generator": "small", **content}
    problem = look_at(given, services.models, services.workspace).problem
    assert problem is not None and problem.key == key, problem


@pytest.mark.parametrize("asked", [{"count": 6}, {"count": 90, "variants": 3, "splits": "70/0/30"}])
def test_what_is_promised_is_what_is_planned(tmp_path: Path, asked: dict[str, object]) -> None:
    found = recipe_of(asked)
    told = promised(found, tmp_path)
    assert told.splits == Plan(found).splits and told.faces == found.count


def test_only_keys_of_a_recipe_are_keys() -> None:
    assert key_of("There is no key 'sizes'. Did you mean size?") == ""
    assert key_of("ages.18-30 must be a number") == "ages" and key_of("The disk is full") == ""


def test_faces_of_the_control_tab_become_shares_of_people() -> None:
    faces = [
        {"generator": "small", "psi": 0.5, "age": 30.0, "gender": "female", "seed": 1},
        {"generator": "small", "age": 60, "gender": "male", "directions": {"smile": 2.0}},
    ]
    told, notes = recipe_of_faces({"version": 1, "faces": faces})
    assert told == {
        "generator": "small",
        "psi": 0.5,
        "ages": {"30": 0.5, "60": 0.5},
        "gender_ratio": 0.5,
        "traits": {"smile": {"share": 0.5, "amount": 2.0}},
    }
    assert recipe_of(told).female == 0.5 and len(notes) == 1
    mixed, notes = recipe_of_faces({"faces": [faces[0], {"generator": "small", "keep": ["pose"]}]})
    assert "ages" not in mixed and len(notes) == 4


@pytest.mark.parametrize("faces", [None, [], [3], [{"seed": 1}], [{"generator": "a", "age": "x"}]])
def test_what_is_no_list_of_faces_is_refused(faces: object) -> None:
    with pytest.raises(InvalidRequestError, match="no list of faces"):
        recipe_of_faces({"faces": faces})


def test_faces_of_two_generators_are_no_recipe() -> None:
    with pytest.raises(InvalidRequestError, match="several generators"):
        recipe_of_faces({"faces": [{"generator": "a"}, {"generator": "b"}]})
