"""Painted faces of a project as a dataset: real store, real files; no network makes any."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from annotations import AnnotationStore, LabelScheme, NewFace, Status, default_scheme
from annotations.taxonomy import LabelClass
from core.errors import Cancelled, InvalidRequestError
from core.export.recipe import Recipe
from core.export.recipe_text import recipe_of
from core.export.sample import DatasetFacts
from core.export.written import read_written
from core.generators import Identity
from core.progress import Step
from core.weights import WeightStore
from studio.commands.export import export
from studio.export_formats import FORMATS
from studio.model_cache import ModelCache
from studio.workflows.class_schemes import class_set
from studio.workflows.export_painted import open_painted
from studio.workflows.exporting import ExportRequest, export_to_folder, verify_folder
from tests.export_fakes import contents

SIDE, SIZE = 512, 256
SHA = "a" * 64


def picture(number: int, side: int = SIDE) -> np.ndarray:
    coarse = np.random.default_rng(number).integers(0, 256, (side // 8, side // 8, 3))
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8)).astype(np.uint8)


def mask(number: int, side: int = SIDE) -> np.ndarray:
    coarse = np.random.default_rng(number).choice([0, 1, 2, 255], (side // 4, side // 4))
    return np.kron(coarse, np.ones((4, 4), np.uint8)).astype(np.uint8)


def new_face(number: int, side: int = SIDE, **more: object) -> NewFace:
    file = io.BytesIO()
    Image.fromarray(picture(number, side)).save(file, "PNG")
    ws = np.full((4, 8), number, np.float32)
    given = {"generator": "theirs", "generator_sha256": SHA, "seed": number // 2, "psi": 0.5}
    return NewFace(file.getvalue(), ws, **(given | more))  # type: ignore[arg-type]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Twelve faces of six people: ten masks done, one of them accepted, one a draft."""
    with AnnotationStore.open(tmp_path / "workspace") as store:
        add(store, "faces")
    return tmp_path / "workspace"


def add(store: AnnotationStore, name: str, scheme: LabelScheme | None = None) -> None:
    project = store.projects.create(name, scheme)
    ids = store.faces.add(project.id, [new_face(n) for n in range(12)]).face_ids
    for number, face in enumerate(ids[:11]):
        status = Status.DRAFT if number == 10 else Status.DONE
        made = store.masks.save(face, mask(number), "Ada", parent_id=None, status=status)
        if number == 3:
            store.masks.review(made.revision.id, "Bo", accept=True)


@pytest.fixture
def models(tmp_path: Path) -> ModelCache:
    """Without a single network."""
    return ModelCache(WeightStore(tmp_path / "weights"), "cpu")


def recipe(**more: object) -> Recipe:
    asked = {"count": 0, "project": "faces", "size": SIZE, "formats": "index", "measure": False}
    return recipe_of(asked | more)


def records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def test_painted_faces_alone_are_a_dataset(
    workspace: Path, models: ModelCache, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    every = list(FORMATS)
    request = ExportRequest(recipe(size=SIDE, splits="60/20/20", measure=True, formats=every))
    figures = export_to_folder(request, out, models, workspace)
    assert (figures["count"], figures["painted"], figures["made"]) == (10, 10, 10)
    checked = verify_folder(out)
    assert checked.is_whole and checked.faces == 10 * len(every)
    told, written = records(out), AnnotationStore.open(workspace)
    facts = _facts(out)
    read = list(FORMATS["index"](out / "index", facts).read_back())
    assert len(read) == len(told) == 10
    homes: dict[int, set[str]] = {}
    for record, stored in zip(told, read, strict=True):
        number = record["painted"]["face"] - 1
        assert np.array_equal(stored.image, picture(number))  # exactly as in the project
        assert np.array_equal(stored.mask, mask(number))
        assert record["source"] == "painted" and record["painted_by"] == "Ada"
        assert record["painted"]["reviewed_by"] == ("Bo" if number == 3 else None)
        assert (record["seed"], record["psi"]) == (number // 2, 0.5)
        homes.setdefault(record["seed"], set()).add(record["split"])
    assert len(homes) == 5 and all(len(home) == 1 for home in homes.values())
    assert {split for home in homes.values() for split in home} == {"train", "validation", "test"}
    assert facts.scheme == default_scheme().name and facts.weights[0].sha256 == SHA
    with Image.open(next(out.glob("index/*/images/*.png"))) as file:
        assert "trainedAlgorithmicMedia" in file.info["XML:com.adobe.xmp"]
    card = (out / "README.md").read_text()
    assert (
        "All masks were painted by people in the project 'faces': Ada (10); a review accepted 1"
        in card
    )
    assert "label branch" not in card and "expert-generated" in card
    written.close()


def _facts(folder: Path) -> DatasetFacts:
    return read_written(folder).facts


def test_only_reviewed_masks_and_smaller_pictures(
    workspace: Path, models: ModelCache, tmp_path: Path
) -> None:
    asked = recipe(project={"name": "1", "masks": "reviewed"})  # by its id
    export_to_folder(ExportRequest(asked), tmp_path / "out", models, workspace)
    (record,) = records(tmp_path / "out")
    (read,) = FORMATS["index"](tmp_path / "out" / "index", _facts(tmp_path / "out")).read_back()
    assert record["painted"]["face"] == 4 and read.image.shape == (SIZE, SIZE, 3)
    assert np.array_equal(read.image, picture(3)[::2, ::2])  # blocks of 8 px
    assert np.array_equal(read.mask, mask(3)[::2, ::2])


def test_what_is_painted_meanwhile_is_not_for_an_export_that_goes_on(
    workspace: Path, models: ModelCache, tmp_path: Path
) -> None:
    request = ExportRequest(recipe(splits="60/20/20"))
    export_to_folder(request, tmp_path / "whole", models, workspace)

    def stop(step: Step) -> None:
        if step.done >= 7:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled, match="Cancelled"):
        export_to_folder(request, tmp_path / "out", models, workspace, stop)
    with AnnotationStore.open(workspace) as store:
        store.masks.save(12, mask(11), "Cy", parent_id=None, status=Status.DONE)
        newest = store.faces.get(1).current
        assert newest is not None
        store.masks.save(1, mask(50), "Cy", parent_id=newest.id, status=Status.DONE)
    figures = export_to_folder(request, tmp_path / "out", models, workspace)
    assert figures["count"] == 10 and figures["resumed_from"] > 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    anew = export_to_folder(request, tmp_path / "new", models, workspace)
    assert anew["count"] == 11


def test_a_scheme_of_their_own_goes_alone_and_not_with_generated_faces(
    workspace: Path, models: ModelCache, tmp_path: Path
) -> None:
    colours = ("#000000", "#ff0000", "#00ff00")
    names = ("background", "skin", "horns")
    classes = zip(range(3), names, colours, strict=True)
    scheme = LabelScheme("beasts", tuple(LabelClass(*label) for label in classes))
    with AnnotationStore.open(workspace) as store:
        add(store, "beasts", scheme)
    out = tmp_path / "out"
    export_to_folder(ExportRequest(recipe(project="beasts")), out, models, workspace)
    assert [label.name for label in _facts(out).classes] == list(names)
    with open_painted(recipe(project="beasts"), out, workspace) as painted:
        assert painted is not None and len(painted.faces) == 10
        with pytest.raises(
            InvalidRequestError, match=r"project: skin .*horns \(2\); only in .*count 0"
        ):
            painted.check_with(Identity("theirs", SHA), class_set(default_scheme()))
        painted.check_with(Identity("theirs", SHA), class_set(scheme))
        with pytest.raises(InvalidRequestError, match=r"generator 'theirs' .* 'ours'"):
            painted.check_with(Identity("ours", "b" * 64), class_set(scheme))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"project": "face"}, "there is no project 'face' .* There are: faces"),
        ({"size": 1024}, "face 1 of project 'faces' has 512 x 512 px, of which 1024"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    more: dict, complaint: str, workspace: Path, models: ModelCache, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        export_to_folder(ExportRequest(recipe(**more)), tmp_path / "out", models, workspace)
    assert not (tmp_path / "out").exists()


def test_a_project_without_a_finished_mask_or_of_two_generators_is_refused(
    workspace: Path, models: ModelCache, tmp_path: Path
) -> None:
    with AnnotationStore.open(workspace) as store:
        empty = store.projects.create("empty")
        mixed = store.projects.create("mixed")
        store.faces.add(empty.id, [new_face(1)])
        faces = [new_face(1), new_face(2, generator="other", generator_sha256="b" * 64)]
        for face in store.faces.add(mixed.id, faces).face_ids:
            store.masks.save(face, mask(1), "Ada", parent_id=None, status=Status.DONE)
    for name, complaint in (
        ("empty", "none of the 1 faces of 'empty' has a mask that is done"),
        ("mixed", "several generators: 'theirs' .*, 'other'"),
    ):
        with pytest.raises(InvalidRequestError, match=complaint):
            export_to_folder(
                ExportRequest(recipe(project=name)), tmp_path / "out", models, workspace
            )


def test_the_command_takes_a_project(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOM_WEIGHTS", str(tmp_path / "weights"))
    options = ["--count", "0", "--size", "256", "--format", "index", "--json"]
    places = ["--workspace", str(workspace), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(export, [*options, *places, "--project", "faces", "--reviewed"])
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout.splitlines()[-1])["painted"] == 1
    refused = CliRunner().invoke(export, [*options, *places, "--reviewed"])
    assert refused.exit_code == 2 and "--reviewed needs --project" in refused.stderr
