"""Every format of a dataset: read back by a loader that is not ours, pixel by pixel."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"

from core.errors import InvalidRequestError, OutputError
from core.export.formats import FORMATS
from core.export.sample import DatasetFacts
from tests.export_samples import SPLITS, contents, facts, plain, samples, written

pytestmark = pytest.mark.filterwarnings("default")  # the loaders warn of themselves
LOSSLESS = [name for name, known in FORMATS.items() if known.native_suffix == ".png"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_all_files_it_wrote_and_writes_the_same_again(
    tmp_path: Path, name: str
) -> None:
    made, paths = written(FORMATS[name], tmp_path / "a")
    assert len(set(paths)) == len(paths)
    assert {str(path.relative_to(made.folder)) for path in paths} == set(contents(made.folder))
    written(FORMATS[name], tmp_path / "b")
    again = contents(tmp_path / "b")
    assert contents(tmp_path / "a") == again
    written(FORMATS[name], tmp_path / "b")  # as a resumed export does
    assert contents(tmp_path / "b") == again


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("image_format", ["native", "png", "jpeg"])
def test_what_is_read_back_is_what_was_made(tmp_path: Path, name: str, image_format: str) -> None:
    made, _ = written(FORMATS[name], tmp_path, image_format=image_format)
    stored = list(made.read_back())
    assert [(face.name, face.split) for face in stored] == [
        (sample.name, sample.order.split) for sample in samples()
    ]
    for face, sample in zip(stored, samples(), strict=True):
        assert np.array_equal(face.mask, sample.mask)
        if made.suffix == ".png":
            assert np.array_equal(face.image, sample.image)
        else:
            assert np.abs(face.image.astype(int) - sample.image).mean() < 8


@pytest.mark.parametrize("name", FORMATS)
def test_the_groups_of_a_format_hold_its_files(tmp_path: Path, name: str) -> None:
    made, _ = written(FORMATS[name], tmp_path)
    grouped = {path for group in made.groups() for path in tmp_path.glob(group.pattern)}
    pictures = {path for path in tmp_path.rglob("*") if path.suffix in (".png", ".jpg")}
    assert pictures <= grouped and grouped
    for group in made.groups():
        if group.holds != "faces":
            assert len(list(tmp_path.glob(group.pattern))) == len(samples())
    for split, pattern in made.hub_files().items():
        assert split in SPLITS and list(tmp_path.glob(pattern))


def test_hugging_face_loads_it_without_a_script(tmp_path: Path) -> None:
    from datasets import load_dataset

    written(FORMATS["huggingface"], tmp_path / "set")
    loaded = load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(loaded[split]) for split in loaded} == SPLITS
    rows = [row for split in SPLITS for row in loaded[split]]
    for row, sample in zip(rows, samples(), strict=True):
        assert row["name"] == sample.name and row["seed"] == sample.record["seed"]
        assert np.array_equal(np.asarray(row["image"]), sample.image)
        assert row["mask"].mode == "L" and np.array_equal(np.asarray(row["mask"]), sample.mask)
        assert np.array_equal(np.asarray(row["ws"], np.float32), sample.ws)
        assert row["measured"]["age"] == pytest.approx(sample.record["measured"]["age"])
        assert (row["measured"]["smile"] is None) == ("smile" not in sample.record["measured"])
        assert row["asked"] == {"age": sample.record["asked"]["age"], "male": None, "smile": None}
        assert row["quality"]["artifact"] == pytest.approx(sample.record["quality"]["artifact"])
        assert (row["identity"], row["variant"]) == (sample.order.identity, sample.order.variant)
    assert {path.name for path in (tmp_path / "set" / "data").iterdir()} == {
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "validation-00000-of-00001.parquet",
        "test-00000-of-00001.parquet",
    }


def test_hugging_face_does_without_attributes(tmp_path: Path) -> None:
    from datasets import load_dataset

    written(FORMATS["huggingface"], tmp_path / "set", attributes=())
    loaded = load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"), split="test")
    assert "measured" not in loaded.column_names and len(loaded) == SPLITS["test"]


def test_webdataset_loads_it(tmp_path: Path) -> None:
    import webdataset

    written(FORMATS["webdataset"], tmp_path)
    faces = []
    for split in SPLITS:
        shards = [str(path) for path in sorted(tmp_path.glob(f"{split}-*.tar"))]
        loaded = webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8")
        faces += [(split, face) for face in loaded]
    for (split, face), sample in zip(faces, samples(), strict=True):
        assert split == sample.order.split == face["json"].pop("split")
        assert face["__key__"] == sample.name and face["json"] == plain(sample.record)
        assert np.array_equal(face["png"], sample.image)
        assert np.array_equal(face["mask.png"][..., 0], sample.mask)  # 'rgb8' repeats the value
        assert np.array_equal(face["ws.npy"], sample.ws)


def test_hugging_face_loads_the_shards_of_webdataset_too(tmp_path: Path) -> None:
    from datasets import load_dataset

    made, _ = written(FORMATS["webdataset"], tmp_path / "set")
    files = {split: str(made.folder / glob) for split, glob in made.hub_files().items()}
    loaded = load_dataset("webdataset", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {split: len(loaded[split]) for split in loaded} == SPLITS
    assert np.array_equal(np.asarray(loaded["test"][0]["png"]), samples()[-3].image)


def test_lapa_lies_as_its_loaders_look_for_it(tmp_path: Path) -> None:
    written(FORMATS["lapa"], tmp_path, image_format="png")
    for folder, split in (("train", "train"), ("val", "validation"), ("test", "test")):
        here = [sample for sample in samples() if sample.order.split == split]
        images = sorted((tmp_path / "LaPa" / folder / "images").iterdir())
        labels = sorted((tmp_path / "LaPa" / folder / "labels").iterdir())
        assert [path.stem for path in images] == [path.stem for path in labels]
        for image, label, sample in zip(images, labels, here, strict=True):
            assert np.array_equal(np.asarray(Image.open(image)), sample.image)
            assert np.array_equal(np.asarray(Image.open(label)), sample.mask)
    written(FORMATS["lapa"], tmp_path / "native")
    assert (tmp_path / "native/LaPa/train/images/000000.jpg").is_file()


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_told_and_leaves_whole_files(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, calls = os.fsync, []

    def full_soon(handle: int) -> None:
        calls.append(threading.get_ident())
        if len(calls) > 2:
            raise OSError(28, os.strerror(28))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr("core.files.os.fsync", full_soon)
        with pytest.raises(OutputError, match="The disk is full while writing"):
            written(FORMATS[name], tmp_path / "cut")
    cut = contents(tmp_path / "cut")
    written(FORMATS[name], tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    assert set(cut) < set(whole) and all(whole[path] == data for path, data in cut.items())
    written(FORMATS[name], tmp_path / "cut")  # the same export again
    assert contents(tmp_path / "cut") == whole


def test_facts_come_back_from_json() -> None:
    assert DatasetFacts.from_json(json.loads(json.dumps(facts().as_json()))) == facts()
    with pytest.raises(InvalidRequestError, match="no facts of a dataset"):
        DatasetFacts.from_json({"name": "x"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../up"}, "must be letters"),
        ({"splits": {"test": 1, "train": 2}}, "in this order"),
        ({"splits": {"train": 0}}, "each with a face"),
        ({"splits": {"dev": 3}}, "some of train"),
        ({"classes": ()}, "needs classes"),
    ],
)
def test_impossible_facts_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        facts(**changes)
