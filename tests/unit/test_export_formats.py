"""Every format of a dataset: read back by a loader that is not ours, pixel by pixel."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

os.environ["HF_HUB_OFFLINE"] = "1"

from core.errors import InvalidRequestError, OutputError
from core.export.sample import DatasetFacts, MaskClass
from core.files import is_unfinished, remove_unfinished
from studio.export_formats import FORMATS
from tests.export_samples import (
    CLASSES,
    SPLITS,
    contents,
    facts,
    plain,
    samples,
    written,
)


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
        if group.holds in ("images", "masks"):
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


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # by its reader
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
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


@pytest.mark.parametrize("name", ["index", "palette"])
def test_mask_folders_are_read_by_pillow(tmp_path: Path, name: str) -> None:
    written(FORMATS[name], tmp_path)
    colours = np.zeros((256, 3), np.uint8)
    for label in CLASSES:
        colours[label.id] = label.rgb
    for sample in samples():
        folder = tmp_path / sample.order.split
        with Image.open(folder / "images" / f"{sample.name}.png") as image:
            assert np.array_equal(np.asarray(image), sample.image)
        with Image.open(folder / "masks" / f"{sample.name}.png") as mask:
            assert mask.mode == ("L" if name == "index" else "P")
            assert np.array_equal(np.asarray(mask), sample.mask)
            if name == "palette":
                assert np.array_equal(np.asarray(mask.convert("RGB")), colours[sample.mask])


@pytest.mark.parametrize(("name", "folder"), [("index", "."), ("palette", "."), ("lapa", "LaPa")])
def test_hugging_face_loads_folders_of_images_with_their_masks(
    tmp_path: Path, name: str, folder: str
) -> None:
    from datasets import load_dataset

    written(FORMATS[name], tmp_path / "set", image_format="png")
    loaded = load_dataset(
        "imagefolder", data_dir=str(tmp_path / "set" / folder), cache_dir=str(tmp_path / "cache")
    )
    assert {split: len(loaded[split]) for split in loaded} == SPLITS
    rows = [row for split in SPLITS for row in loaded[split]]
    for row, sample in zip(rows, samples(), strict=True):
        assert row["name"] == sample.name and row["seed"] == sample.record["seed"]
        assert np.array_equal(np.asarray(row["image"]), sample.image)
        assert np.array_equal(np.asarray(row["mask"]), sample.mask)


@pytest.mark.parametrize("image_format", ["native", "png"])
def test_celebamask_lies_as_its_loaders_look_for_it(tmp_path: Path, image_format: str) -> None:
    written(FORMATS["celebamask"], tmp_path, image_format=image_format)
    ending = ".png" if image_format == "png" else ".jpg"
    lines = (tmp_path / "CelebAMask-HQ-attribute-anno.txt").read_text().splitlines()
    assert int(lines[0]) == len(samples()) and lines[1].split() == ["Eyeglasses", "Male"]
    for sample, line in zip(samples(), lines[2:], strict=True):
        place = sample.order.place
        name, glasses, male = line.split()
        assert name == f"{place}{ending}" and (tmp_path / "CelebA-HQ-img" / name).is_file()
        assert (glasses == "1") == bool((sample.mask == 3).any())
        assert (male == "1") == (sample.record["measured"]["male"] > 0.5)
        labels = np.zeros_like(sample.mask)
        for label in CLASSES[1:]:
            path = tmp_path / "CelebAMask-HQ-mask-anno" / "0" / f"{place:05d}_{label.part}.png"
            if path.exists():
                labels[np.asarray(Image.open(path)) == 255] = label.id
        assert np.array_equal(labels, sample.mask)
    for split, count in SPLITS.items():
        names = (tmp_path / f"{split}.txt").read_text().split()
        lines = (tmp_path / f"{split}.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        assert len(names) == count and [r["file_name"][14:] for r in records] == names
        assert records[0]["measured"] == samples()[int(records[0]["name"])].record["measured"]


def test_celebamask_needs_a_part_for_each_class(tmp_path: Path) -> None:
    classes = (*CLASSES, MaskClass(20, "nose tip", (1, 2, 3)))
    with pytest.raises(InvalidRequestError, match="classes without a part name: nose tip"):
        FORMATS["celebamask"](tmp_path, facts(classes=classes))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # its own
def test_pycocotools_reads_the_run_length_codes(tmp_path: Path) -> None:
    written(FORMATS["rle"], tmp_path)
    for split in SPLITS:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(tmp_path / split / "annotations.json")
        names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
        ids = {label.name: label.id for label in CLASSES}
        here = [sample for sample in samples() if sample.order.split == split]
        assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == [
            f"{sample.name}.png" for sample in here
        ]
        for number, sample in zip(coco.getImgIds(), here, strict=True):
            labels = np.full_like(sample.mask, 255)
            for one in coco.loadAnns(coco.getAnnIds(imgIds=number)):
                is_class = coco.annToMask(one) == 1
                labels[is_class] = ids[names[one["category_id"]]]
                assert one["area"] == is_class.sum()
            assert np.array_equal(labels, sample.mask)


def test_panoptic_pictures_and_segments_give_the_masks(tmp_path: Path) -> None:
    written(FORMATS["panoptic"], tmp_path)
    for split in SPLITS:
        content = json.loads((tmp_path / split / "panoptic.json").read_bytes())
        ids = {label.name: label.id for label in CLASSES}
        of_category = {one["id"]: ids[one["name"]] for one in content["categories"]}
        here = [sample for sample in samples() if sample.order.split == split]
        for annotation, sample in zip(content["annotations"], here, strict=True):
            png = tmp_path / split / "panoptic" / annotation["file_name"]
            red, green, blue = np.moveaxis(np.asarray(Image.open(png)).astype(int), 2, 0)
            labels = np.full_like(sample.mask, 255)
            for segment in annotation["segments_info"]:
                is_segment = red + 256 * green + 256**2 * blue == segment["id"]
                labels[is_segment] = of_category[segment["category_id"]]
                assert segment["area"] == is_segment.sum()
            assert np.array_equal(labels, sample.mask)


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


_KILLED = """
import os, signal, sys
from pathlib import Path
import core.files
from tests.export_samples import chunks, facts, samples
from studio.export_formats import FORMATS

assert not {"datasets", "pyarrow", "webdataset"} & set(sys.modules), "loaded before it is needed"
replace, moved = Path.replace, []

def die(path, target):
    moved.append(target)
    if len(moved) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)

Path.replace = die
made = FORMATS[sys.argv[1]](Path(sys.argv[2]), facts())
for chunk in chunks(samples()):
    made.write_chunk(*chunk)
"""


@pytest.mark.parametrize(("name", "moves"), [("index", 5), ("webdataset", 2)])
def test_a_chunk_that_was_killed_is_written_again(tmp_path: Path, name: str, moves: int) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    command = [sys.executable, "-c", _KILLED, name, str(cut), str(moves)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2]).returncode == -signal.SIGKILL
    left = list(cut.rglob("*"))
    assert any(is_unfinished(path) for path in left) and len(left) > 1
    remove_unfinished(cut)
    written(FORMATS[name], whole)
    assert set(contents(cut)) < set(contents(whole))
    assert all(contents(whole)[path] == data for path, data in contents(cut).items())
    written(FORMATS[name], cut)
    assert contents(cut) == contents(whole)


@pytest.mark.parametrize("name", ["huggingface", "webdataset"])
def test_writing_asks_no_other_machine(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("it wants to connect")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    written(FORMATS[name], tmp_path)


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
