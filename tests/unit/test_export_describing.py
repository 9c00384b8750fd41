"""What lies beside the formats, and whether a dataset is still what was written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"

from annotations.taxonomy import load_scheme
from core.errors import InvalidRequestError, OutputError
from core.export.contact import chosen_places
from core.export.describing import describe
from core.export.sample import DatasetFacts, Row
from core.export.statistics import AGE_GROUPS, BINS, age_group, skin_tone, statistics_of
from core.export.verifying import verify
from studio.export_formats import FORMATS
from tests.export_samples import (
    ATTRIBUTES,
    CLASSES,
    SPLITS,
    contents,
    facts,
    rows_of,
    samples,
)
from tests.export_written import export

NAMES = ("huggingface", "webdataset", "index", "celebamask", "rle")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished export; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("export") / "set"
    export(folder, NAMES)
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "set"))


def test_what_lies_beside_is_the_same_each_time(whole: Path, tmp_path: Path) -> None:
    before = contents(whole)
    export(tmp_path, NAMES)
    assert contents(tmp_path) == before


def test_metadata_has_a_line_a_face(whole: Path) -> None:
    lines = [json.loads(line) for line in (whole / "metadata.jsonl").read_text().splitlines()]
    for line, sample in zip(lines, samples(), strict=True):
        assert (line.pop("name"), line.pop("split")) == (sample.name, sample.order.split)
        assert line.pop("place") == sample.order.place
        assert line == json.loads(json.dumps(sample.record))


def test_the_label_scheme_is_one_of_the_house(whole: Path) -> None:
    scheme = load_scheme(whole / "label_scheme.yaml")
    assert [(c.id, c.name, c.rgb, c.part) for c in scheme.classes] == [
        (c.id, c.name, c.rgb, c.part) for c in CLASSES
    ]
    known = yaml.safe_load((whole / "label_scheme.yaml").read_text())["classes"]
    assert {c["id"]: c["mirrors_to"] for c in known} == {0: 0, 3: 3, 4: 4, 6: 14, 14: 6, 16: 16}


def test_statistics_count_what_there_is(whole: Path) -> None:
    found = json.loads((whole / "statistics.json").read_text())
    assert {split: one["faces"] for split, one in found["splits"].items()} == SPLITS
    everything = found["all"]
    measured = [sample.record["measured"] for sample in samples()]
    for known in ATTRIBUTES:
        values = np.array([one[known.name] for one in measured if known.name in one])
        told = everything["attributes"][known.name]
        assert told["count"] == len(values) == sum(told["histogram"])
        assert told["mean"] == pytest.approx(values.mean(), rel=1e-4, abs=1e-4)
        assert told["std"] == pytest.approx(values.std(), rel=1e-4)
        assert told["histogram"] == np.histogram(values, BINS)[0].tolist()
    assert everything["genders"]["male"] == sum(one["male"] > 0.5 for one in measured)
    ages = np.bincount([age_group(one["age"]) for one in measured], minlength=len(AGE_GROUPS))
    assert np.array_equal(np.sum(list(everything["ages"].values()), axis=0), ages)
    wanted = np.bincount([age_group(s.record["asked"]["age"]) for s in samples()], minlength=17)
    assert np.array_equal(np.sum(list(everything["asked_ages"].values()), axis=0), wanted)
    masks = np.stack([sample.mask for sample in samples()])
    for label in CLASSES:
        share = everything["classes"][label.name]
        assert share["pixel_share"] == pytest.approx((masks == label.id).mean(), rel=1e-5)
        has = (masks == label.id).any((1, 2)).mean()
        assert share["face_share"] == pytest.approx(has, rel=1e-5)
    assert everything["asked"] == {"age": {"count": 18, "mean_absolute_error": 0.5}}
    assert everything["identities"] == len({sample.order.identity for sample in samples()})


@pytest.mark.parametrize(
    ("age", "group"), [(-1, "0-4"), (4.99, "0-4"), (5, "5-9"), (79.9, "75-79"), (101, "80+")]
)
def test_ages_fall_into_groups(age: float, group: str) -> None:
    assert AGE_GROUPS[age_group(age)] == group


@pytest.mark.parametrize(
    ("angle", "name"),
    [(80, "very light"), (55, "light"), (30, "intermediate"), (0, "brown"), (-90, "dark")],
)
def test_skin_tones_have_names(angle: float, name: str) -> None:
    assert skin_tone(angle) == name
    record = {"measured": {"skin_tone": angle}, "pixels": {}}
    found = statistics_of(facts(splits={"test": 1}), lambda: iter([Row("000000", "test", record)]))
    assert {key for key, n in found["all"]["skin_tones"].items() if n} == {name}


def test_one_value_alone_has_a_histogram() -> None:
    one = statistics_of(facts(splits={"train": 1}), rows_of(samples()[1:2]))
    assert sum(one["all"]["attributes"]["age"]["histogram"]) == 1
    assert one["all"]["attributes"]["age"]["std"] == 0


def test_the_card_is_what_the_hub_reads(whole: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    head, body = (whole / "README.md").read_text().split("---\n", 2)[1:]
    header = yaml.safe_load(head)
    assert header["task_categories"] == ["image-segmentation"] and header["license"] == "other"
    for told in (
        "CC BY-NC 4.0 &lt;their site>",
        "Measured biases",
        "Read as female: ",
        "psi: 0.7",
        "Young adults, 15 to 29: ",
        "- hair: head hair, not brows",
    ):
        assert told in body
    for picture in ("contact_sheet.jpg", "histograms/ages.png", "histograms/classes.png"):
        assert f"({picture})" in body and (whole / picture).is_file()
    loaded = load_dataset(str(whole), cache_dir=str(tmp_path))
    assert {split: len(loaded[split]) for split in loaded} == SPLITS
    assert np.array_equal(np.asarray(loaded["test"][0]["mask"]), samples()[-3].mask)


def test_the_card_does_without_measures(tmp_path: Path) -> None:
    known = facts(attributes=(), is_marked=False, licence="CC-BY-4.0")
    bare = [s._replace(record={"pixels": s.record["pixels"]}) for s in rows_of(samples())()]
    written = describe(tmp_path, known, [], lambda: iter(bare))
    card = (tmp_path / "README.md").read_text()
    assert "license: cc-by-4.0" in card and "configs" not in card
    assert "No ages, genders or traits were measured." in card and "switched off" in card
    assert sorted(contents(tmp_path)) == sorted(str(p.relative_to(tmp_path)) for p in written)
    assert not (tmp_path / "histograms" / "ages.png").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what it is built on
def test_mlcroissant_validates_and_loads_it(whole: Path) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(whole / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert [w for w in dataset.metadata.ctx.issues.warnings if "datePublished" not in w] == []
    faces = list(dataset.records("faces"))
    for face, sample in zip(faces, samples(), strict=True):
        assert face["faces/place"] == sample.order.place
        assert face["faces/split"] == sample.order.split.encode()
        assert face["faces/age"] == pytest.approx(sample.record["measured"]["age"])
    by_place = {sample.order.place: sample for sample in samples()}
    for kind, record_set in (("image", "index-0-images"), ("mask", "index-1-masks")):
        records = list(dataset.records(record_set))
        assert len(records) == len(samples())
        for record in records:
            pixels = np.asarray(record[f"{record_set}/content"])  # it makes RGB of everything
            sample = by_place[record[f"{record_set}/place"]]
            assert np.array_equal(
                pixels if kind == "image" else pixels[..., 0], getattr(sample, kind)
            )


def test_the_contact_sheet_shows_faces_from_everywhere(whole: Path) -> None:
    assert len(chosen_places(100)) == 24 and set(chosen_places(100)) >= {0, 50, 95}
    places = chosen_places(sum(SPLITS.values()))
    assert places == list(range(len(samples())))
    assert sorted(int(path.stem) for path in (whole / "previews").iterdir()) == places
    with Image.open(whole / "contact_sheet.jpg") as sheet:
        assert sheet.width > 4 * 300 and b"trainedAlgorithmicMedia" in sheet.info["xmp"]


def test_sha256sum_agrees(whole: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"], cwd=whole, capture_output=True
    )
    assert done.returncode == 0, done.stdout


def test_a_whole_dataset_is_verified(whole: Path) -> None:
    before = contents(whole)
    found = verify(whole, FORMATS)
    assert found.is_whole and not found.problems and contents(whole) == before
    assert found.files == len(before) - 3  # the journal, its lock and SHA256SUMS
    assert found.faces == len(NAMES) * len(samples())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("file", "harm", "message"),
    [
        ("index/train/images/000003.png", flip, "another sha256"),
        ("huggingface/data/test-00000-of-00001.parquet", flip, "another sha256"),
        ("index/train/masks/000003.png", Path.unlink, "It is missing"),
        ("webdataset/train-000001.tar", lambda path: os.truncate(path, 9), "It has 9 bytes, not"),
        ("metadata.jsonl", flip, "another sha256"),
        ("records/00001.jsonl.gz", flip, "another sha256"),
        ("SHA256SUMS", Path.unlink, "cannot be read"),
        ("SHA256SUMS", lambda path: path.write_text("hello\n"), "line 1: it is no hash"),
        ("index/train/images/notes.txt", Path.touch, "The export did not write it"),
        ("index/.unfinished-0/x.png", lambda path: (path.parent.mkdir(), path.touch()), "killed"),
    ],
)
def test_what_is_wrong_is_told_by_file(
    copy: Path, file: str, harm: Callable[[Path], object], message: str
) -> None:
    harm(copy / file)
    found = verify(copy, FORMATS)
    assert not found.is_whole and found.num_problems == len(found.problems) == 1
    assert found.problems[0].file == file and message in found.problems[0].message


def test_only_the_first_problems_are_kept_and_all_are_counted(copy: Path) -> None:
    for path in (copy / "index" / "train" / "images").iterdir():
        path.unlink()
    found = verify(copy, FORMATS, limit=5)
    assert len(found.problems) == 5 and found.num_problems == SPLITS["train"]


def rehashed(folder: Path, file: str) -> None:
    """As if the journal had always said so: only the pixels tell."""
    from core.files import sha256_of

    path, journal = folder / file, folder / "journal.jsonl"
    old = [json.loads(line) for line in journal.read_bytes().splitlines()]
    entries = [line.get("finished", line).get("files", {}) for line in old]
    for files in entries:
        if file in files:
            before = f"{files[file]['sha256']}  {file}\n"
            files[file] = {"size": path.stat().st_size, "sha256": sha256_of(path)}
    journal.write_text("".join(json.dumps(line) + "\n" for line in old))
    sums = folder / "SHA256SUMS"
    sums.write_text(sums.read_text().replace(before, f"{sha256_of(path)}  {file}\n"))


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_pixels_count_not_only_hashes(copy: Path, kind: str) -> None:
    file = f"index/train/{kind}/000005.png"
    with Image.open(copy / file) as picture:
        pixels = np.array(picture)
    pixels[0, 0] = 3 if kind == "masks" else pixels[0, 0] ^ 1
    Image.fromarray(pixels).save(copy / file)
    rehashed(copy, file)
    (problem,) = verify(copy, FORMATS).problems
    assert problem.file == "index: 000005"
    assert problem.message == f"The pixels of its {kind[:-1]} are not those that were made."


def test_an_unfinished_export_is_told(copy: Path) -> None:
    journal = copy / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:3]))
    found = verify(copy, FORMATS)
    assert [problem.file for problem in found.problems] == ["journal.jsonl"]
    assert "has 11 of 18 faces and is not finished" in found.problems[0].message


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no export wrote it"):
        verify(tmp_path, FORMATS)
    (tmp_path / "journal.jsonl").write_text("{}\n")
    with pytest.raises(InvalidRequestError, match="cannot be read as a journal"):
        verify(tmp_path, FORMATS)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("core.files.os.fsync", full)
    with pytest.raises(OutputError, match="The disk is full"):
        describe(tmp_path, facts(), [], rows_of(samples()))
    assert contents(tmp_path) == {}


def test_facts_in_any_order_of_keys_are_read() -> None:
    told = json.loads(json.dumps(facts().as_json(), sort_keys=True))
    assert list(DatasetFacts.from_json(told).splits) == list(SPLITS)
