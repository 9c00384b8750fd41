"""Run folders, which faces a training takes, and the segmenter in force."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotations import AnnotationStore, Status
from annotations.starter_pack import StarterFace, StarterPack
from annotations.taxonomy import default_scheme
from core.errors import InvalidRequestError, OutputError
from core.weights import WeightStore
from studio.workflows import training_data, training_faces
from studio.workflows.run_folders import RunFolder, find_run, list_runs, make_run
from studio.workflows.segmenter_choice import demote, promote, promoted
from studio.workflows.training_data import TrainingData, choose_data
from studio.workflows.training_faces import load_masks
from tests.label_schemes import scheme_of_34
from tests.painted_faces import labels, new_face, picture
from tests.unit.small_models import small_store

__all__ = ["small_store"]  # fixture
HAIR, SKIN = 4, 16


@pytest.fixture
def store(sqlite_database_url: str) -> AnnotationStore:
    return AnnotationStore.open_url(sqlite_database_url)


def painted_project(store: AnnotationStore, weights: WeightStore, count: int = 3) -> int:
    """The id of a project whose faces are done; one more is only a draft."""
    known = weights.entry("small")
    project = store.projects.create("faces")
    faces = [
        replace(new_face(seed), generator=known.name, generator_sha256=known.sha256)
        for seed in range(count + 1)
    ]
    for place, face in enumerate(store.faces.add(project.id, faces).face_ids):
        status = Status.DONE if place < count else Status.DRAFT
        value = HAIR if place % 2 else SKIN
        store.masks.save(face, labels(value), "Ann", parent_id=None, status=status)
    return project.id


def test_runs_are_numbered_and_named_and_found(tmp_path: Path) -> None:
    first, second = make_run(tmp_path, "Weave, 30 faces!"), make_run(tmp_path, "../..")
    assert (first.name, second.name) == ("1-weave-30-faces", "2-run")
    (tmp_path / "runs" / "job-7.log").touch()
    assert list_runs(tmp_path) == [second, first]
    assert find_run(tmp_path, "1") == first == find_run(tmp_path, first.name)
    for name in ("3", "..", "1-weave", ""):
        with pytest.raises(InvalidRequestError, match=r"no run '.*' here. Runs: 2-run, 1-weave"):
            find_run(tmp_path, name)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(OutputError, match=r"No folder for the run can be made in .*--workspace"):
        make_run(tmp_path, "weave")


def test_a_history_torn_by_a_kill_is_read_and_goes_on(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.history() == []
    for epoch in (1, 2):
        run.add_to_history({"epoch": epoch, "loss": 1 / epoch})
    path = tmp_path / "history.jsonl"
    path.write_bytes(path.read_bytes()[:-9])  # in the middle of the second line
    assert run.history() == [{"epoch": 1, "loss": 1.0}]
    run.add_to_history({"epoch": 2, "loss": 0.5})
    run.add_to_history({"epoch": 3, "loss": 0.4})
    assert [entry["epoch"] for entry in run.history()] == [1, 2, 3]
    run.replace_history(run.history()[:2])
    assert path.read_text().count("\n") == 2 and run.history()[-1] == {"epoch": 2, "loss": 0.5}


def test_facts_are_replaced_whole_and_survive_damage(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.facts() == {}
    run.write_facts({"state": "queued", "seed": 3})
    run.note(state="done")
    assert run.facts() == {"state": "done", "seed": 3}
    (tmp_path / "run.json").write_text('{"state": "do')
    assert run.facts() == {}


def test_a_training_takes_the_finished_masks_of_a_project(
    store: AnnotationStore, small_store: WeightStore
) -> None:
    project = painted_project(store, small_store)
    data = choose_data(store, has_starter=False, project=project, weights=small_store)
    assert [face.class_ids for face in data.faces] == [(SKIN,), (HAIR,), (SKIN,)]
    again = TrainingData.from_json(json.loads(json.dumps(data.to_json())))
    assert again == data
    first = data.faces[0]
    assert first.face_id and first.revision_id
    store.masks.save(first.face_id, labels(0), "Bob", parent_id=first.revision_id)
    assert [mask[0, 0] for mask in load_masks(store, data)] == [SKIN, HAIR, SKIN]  # as chosen


def test_faces_that_cannot_be_learned_from_are_refused_with_the_reason(
    store: AnnotationStore, small_store: WeightStore
) -> None:
    def choose(project: int | None) -> None:
        choose_data(store, has_starter=False, project=project, weights=small_store)

    with pytest.raises(InvalidRequestError, match="Choose the starter pack, a project, or both"):
        choose(None)
    empty = store.projects.create("empty").id
    with pytest.raises(InvalidRequestError, match="Project 'empty' has no face whose mask is done"):
        choose(empty)
    foreign = store.projects.create("foreign").id
    for face in store.faces.add(foreign, [new_face(0), new_face(1)]).face_ids:
        store.masks.save(face, labels(0), "Ann", parent_id=None, status=Status.DONE)
    with pytest.raises(InvalidRequestError, match=r"generator 'tiny', which is not here. Add it"):
        choose(foreign)
    single = painted_project(store, small_store, 1)
    with pytest.raises(InvalidRequestError, match=r"at least 2 painted faces.* faces has 1. Paint"):
        choose(single)


def test_faces_of_other_weights_or_several_generators_are_refused(
    store: AnnotationStore, small_store: WeightStore
) -> None:
    project = painted_project(store, small_store, 2)
    changed = WeightStore(small_store.folder)
    changed.entries = lambda: {  # type: ignore[method-assign]
        name: type(known)(**{**vars(known), "sha256": "0" * 64})
        for name, known in small_store.entries().items()
    }
    with pytest.raises(InvalidRequestError, match="'small' has changed since these faces were"):
        choose_data(store, has_starter=False, project=project, weights=changed)
    (other,) = store.faces.add(project, [new_face(9)]).face_ids
    store.masks.save(other, labels(0), "Ann", parent_id=None, status=Status.DONE)
    with pytest.raises(
        InvalidRequestError, match=r"several generators: 2 by 'small' .* 1 by 'tiny"
    ):
        choose_data(store, has_starter=False, project=project, weights=small_store)


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch, small_store: WeightStore, tmp_path: Path) -> StarterPack:
    """Two faces, with splits of their own."""
    known = small_store.entry("small")
    faces = tuple(
        StarterFace(seed, split, (), labels(HAIR))
        for seed, split in ((5, "train"), (7, "validation"))
    )
    made = StarterPack(
        known.name, known.sha256, 0.7, 6, default_scheme(), tmp_path / "latents.npz", faces
    )
    for module in (training_data, training_faces):
        monkeypatch.setattr(module, "load_starter_pack", lambda: made)
    return made


def test_the_starter_pack_joins_a_project_of_the_same_classes(
    store: AnnotationStore, small_store: WeightStore, pack: StarterPack
) -> None:
    project = painted_project(store, small_store, 2)
    data = choose_data(store, has_starter=True, project=project, weights=small_store)
    assert [face.name for face in data.faces][:3] == ["starter 5", "starter 7", "face 1, seed 0"]
    assert [face.split for face in data.faces] == ["train", "validation", "", ""]
    other = store.projects.create("others", scheme_of_34()).id
    known = small_store.entry("small")
    face = type(new_face(0))(
        picture(3), np.zeros((3, 4), np.float32), known.name, known.sha256, seed=3
    )
    (added,) = store.faces.add(other, [face]).face_ids
    store.masks.save(added, labels(0), "Ann", parent_id=None, status=Status.DONE)
    with pytest.raises(InvalidRequestError, match="'others' has other classes than the starter"):
        choose_data(store, has_starter=True, project=other, weights=small_store)


def test_a_mask_of_the_pack_that_was_repainted_is_noticed(
    store: AnnotationStore,
    small_store: WeightStore,
    pack: StarterPack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = choose_data(store, has_starter=True, project=None, weights=small_store)
    assert len(load_masks(store, data)) == 2
    pack.faces[1].mask[0, 0] = SKIN
    with pytest.raises(InvalidRequestError, match=r"mask of starter 7 is not the one.*has changed"):
        load_masks(store, data)


def test_the_best_of_runs_becomes_the_segmenter_and_stays_when_the_run_goes(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path, "weave")
    run.write_facts({"generator": "small", "generator_sha256": "ab"})
    with pytest.raises(InvalidRequestError, match="Run 1-weave has no finished epoch"):
        promote(tmp_path, run)
    assert promoted(tmp_path) is None
    run.best.write_bytes(b"weights")
    choice = promote(tmp_path, run, "Ann")
    run.best.unlink()
    assert promoted(tmp_path) == choice and (choice.run, choice.person) == ("1-weave", "Ann")
    assert (tmp_path / choice.file).read_bytes() == b"weights"
    (tmp_path / "segmenter.json").write_text("{")
    assert promoted(tmp_path) is None
    promote_again = tmp_path / "segmenter.json"
    promote_again.write_text(json.dumps(vars(choice)))
    (tmp_path / choice.file).unlink()
    assert promoted(tmp_path) is None
    demote(tmp_path)
    demote(tmp_path)
    assert not promote_again.exists()
