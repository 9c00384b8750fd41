"""Masks to files and back, files of other programs, and folders in which something is wrong."""

from __future__ import annotations

import io
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools import mask as cocotools

from annotations import (
    AnnotationStore,
    LabelMap,
    LabelScheme,
    Source,
    Status,
    default_scheme,
    encode_mask,
)
from annotations.bulk_saving import BulkResult
from annotations.errors import AnnotationError, BadMaskError, BadRequestError, BadSchemeError
from annotations.interchange import (
    FORMATS,
    CheckReport,
    ImportReport,
    ImportRequest,
    IndexOrder,
    MatchBy,
    check_masks,
    export_masks,
    import_masks,
)
from annotations.interchange.celebamask import CELEBAMASK
from annotations.interchange.coco_panoptic import PANOPTIC
from annotations.interchange.coco_rle import RLE
from annotations.interchange.index_folder import INDEX
from annotations.interchange.palette_folder import PALETTE
from annotations.interchange.resizing import resize_labels
from annotations.interchange.rle import class_runs, decode_rle, encode_rle
from annotations.mask_codec import IGNORE_ID
from tests.label_schemes import scheme_of_34
from tests.painted_faces import new_face

FACE18 = default_scheme()
SIZE_HW = (12, 16)
KEEPS_UNLABELLED = [name for name in FORMATS if name != "celebamask"]
ALL_ORDERS = [order for order in IndexOrder if order != IndexOrder.SCHEME]


@pytest.fixture
def store(sqlite_database_url: str) -> Iterator[AnnotationStore]:
    """Interchange goes through the store, whose two databases are tested elsewhere."""
    with AnnotationStore.open_url(sqlite_database_url) as opened:
        yield opened


def random_mask(seed: int, scheme: LabelScheme, unlabelled: bool = True) -> LabelMap:
    values = sorted(scheme.ids | ({IGNORE_ID} if unlabelled else set()))
    return np.random.default_rng(seed).choice(np.array(values, np.uint8), SIZE_HW)


def painted_project(
    store: AnnotationStore, scheme: LabelScheme = FACE18, count: int = 3, name: str = "faces"
) -> tuple[int, list[int]]:
    """Faces of which all but the last have a finished mask."""
    project = store.projects.create(name, scheme)
    faces = [new_face(10 + number, SIZE_HW) for number in range(count)]
    ids = store.faces.add(project.id, faces).face_ids
    for number, face in enumerate(ids[:-1]):
        mask = random_mask(number, scheme, unlabelled=number > 0)
        store.masks.save(face, mask, "Ann", parent_id=None, status=Status.DONE)
    return project.id, list(ids)


def in_force(store: AnnotationStore, face: int) -> LabelMap | None:
    current = store.faces.get(face).current
    return store.masks.labels(current.id) if current else None


def imported(
    store: AnnotationStore, project_id: int, folder: Path, format_name: str, **options: Any
) -> ImportReport:
    request = ImportRequest(folder, FORMATS[format_name], "Imp", **options)
    return import_masks(store, project_id, request)


@pytest.mark.parametrize("scheme", [FACE18, scheme_of_34()], ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("name", FORMATS)
def test_an_export_finds_its_way_back_into_another_workspace(
    store: AnnotationStore, tmp_path: Path, name: str, scheme: LabelScheme
) -> None:
    project_id, faces = painted_project(store, scheme)
    report = export_masks(store, project_id, tmp_path / "out", FORMATS[name], size=16)
    assert (report.num_masks, report.num_left_out) == (2, 1)
    other = store.projects.create("other", scheme)
    backwards = [new_face(seed, SIZE_HW) for seed in (12, 11, 10)]
    ids = store.faces.add(other.id, backwards).face_ids[::-1]
    report = imported(store, other.id, tmp_path / "out", name)
    assert report == ImportReport(2, (), BulkResult(2, 0, 0))
    for number in (0, 1):
        wanted = store.masks.labels(store.faces.get(faces[number]).current.id)  # type: ignore[union-attr]
        if name == "celebamask":
            wanted = np.where(wanted == IGNORE_ID, 0, wanted)
        found = in_force(store, ids[number])
        assert found is not None and np.array_equal(found, wanted)
    assert in_force(store, ids[2]) is None
    assert imported(store, other.id, tmp_path / "out", name).result == BulkResult(0, 0, 2)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_passes_its_own_check(store: AnnotationStore, tmp_path: Path, name: str) -> None:
    project_id, _ = painted_project(store, scheme_of_34())
    exported = export_masks(store, project_id, tmp_path / "out", FORMATS[name], size=16)
    report = check_masks(tmp_path / "out", FORMATS[name], size_hw=SIZE_HW)
    assert report.num_files == 2 and report.problems == ()
    assert sum(report.pixel_counts.values()) == 2 * 12 * 16
    assert exported.num_unlabelled > 0
    lost = exported.num_unlabelled if name == "celebamask" else 0
    assert report.num_unlabelled == exported.num_unlabelled - lost


def test_files_of_celebamask_are_as_the_data_set_has_them(
    store: AnnotationStore, tmp_path: Path
) -> None:
    project = store.projects.create("faces")
    face = store.faces.add(project.id, [new_face(0, (2, 2))]).face_ids[0]
    mask = np.array([[4, 0], [2, 255]], np.uint8)
    store.masks.save(face, mask, "Ann", parent_id=None, status=Status.DONE)
    report = export_masks(store, project.id, tmp_path / "out", CELEBAMASK)
    assert report.num_unlabelled == 256 * 256
    folder = tmp_path / "out" / "CelebAMask-HQ-mask-anno" / "0"
    assert sorted(path.name for path in folder.iterdir()) == ["00000_ear_r.png", "00000_hair.png"]
    with Image.open(folder / "00000_hair.png") as hair:
        assert (hair.size, hair.mode, hair.getextrema()) == ((512, 512), "L", (0, 255))
        assert np.asarray(hair)[:256, :256].min() == 255 and np.asarray(hair).sum() == 255 * 256**2


def write_part(folder: Path, name: str, columns: slice, mode: str = "L") -> None:
    is_part = np.zeros(SIZE_HW, np.uint8)
    is_part[:, columns] = 255
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(is_part).convert(mode).save(folder / name)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_part_files_are_laid_over_each_other_in_the_order_of_the_data_set(
    store: AnnotationStore, tmp_path: Path, mode: str
) -> None:
    project_id, faces = painted_project(store, count=1)
    write_part(tmp_path / "in" / "0", "00000_skin.png", slice(0, 12), mode)
    write_part(tmp_path / "in" / "0", "00000_hair.png", slice(10, 14), mode)
    write_part(tmp_path / "in" / "1", "00000_neck_l.png", slice(14, 15), mode)
    report = imported(store, project_id, tmp_path / "in", "celebamask", match=MatchBy.POSITION)
    assert report.problems == ()
    found = in_force(store, faces[0])
    assert found is not None and found[3].tolist() == [16] * 10 + [4] * 4 + [11] + [0]


def test_a_scheme_with_a_necklace_keeps_it(tmp_path: Path) -> None:
    write_part(tmp_path, "00007_neck_l.png", slice(0, 2))
    (mask,) = CELEBAMASK.find(tmp_path, scheme_of_34(), IndexOrder.SCHEME).masks
    assert scheme_of_34().by_id[int(mask.read()[0, 0])].name == "necklace"


@pytest.mark.parametrize(
    ("order", "number", "name"),
    [
        (IndexOrder.CELEBAMASK, 0, "background"),
        (IndexOrder.CELEBAMASK, 1, "skin"),
        (IndexOrder.CELEBAMASK, 2, "nose"),
        (IndexOrder.CELEBAMASK, 3, "eyeglass"),
        (IndexOrder.CELEBAMASK, 13, "hair"),
        (IndexOrder.CELEBAMASK, 16, "neck"),
        (IndexOrder.CELEBAMASK, 18, "cloth"),
        (IndexOrder.BISENET, 0, "background"),
        (IndexOrder.BISENET, 2, "left eyebrow"),
        (IndexOrder.BISENET, 6, "eyeglass"),
        (IndexOrder.BISENET, 10, "nose"),
        (IndexOrder.BISENET, 15, "neck"),
        (IndexOrder.BISENET, 17, "hair"),
        (IndexOrder.BISENET, 18, "hat"),
    ],
)
def test_both_known_index_orders_are_understood(
    tmp_path: Path, order: IndexOrder, number: int, name: str
) -> None:
    (tmp_path / "7.png").write_bytes(encode_mask(np.array([[number, 255]], np.uint8)))
    (mask,) = INDEX.find(tmp_path, FACE18, order).masks
    assert mask.read().tolist() == [[FACE18.by_name[name].id, 255]]


@pytest.mark.parametrize("order", ALL_ORDERS)
def test_values_beyond_an_order_are_refused(tmp_path: Path, order: IndexOrder) -> None:
    (tmp_path / "7.png").write_bytes(encode_mask(np.array([[19]], np.uint8)))
    report = check_masks(tmp_path, INDEX, order=order)
    assert report.problems[0].file == "7.png"
    assert f"values [19] that the order '{order}' does not have" in report.problems[0].message


def test_an_order_needs_a_scheme_with_its_parts(tmp_path: Path) -> None:
    for order in ALL_ORDERS:
        with pytest.raises(BadSchemeError, match=r"no class with 'part: .*Give one of its classes"):
            check_masks(tmp_path, INDEX, scheme_of_34(), order=order)


def test_files_of_palette_are_shown_in_colour_and_read_by_colour(
    store: AnnotationStore, tmp_path: Path
) -> None:
    project_id, _ = painted_project(store)
    export_masks(store, project_id, tmp_path / "out", PALETTE)
    for path in (tmp_path / "out").glob("*.png"):
        with Image.open(path) as image:
            assert image.mode == "P"
            image.convert("RGB").save(path)
    report = imported(store, project_id, tmp_path / "out", "palette", status=Status.DONE)
    assert report.result == BulkResult(num_current=0, num_beside=0, num_known=2)  # same pixels


def test_blended_colours_are_refused_and_named(tmp_path: Path) -> None:
    colors = np.zeros((2, 2, 3), np.uint8)
    colors[0, 0] = 0x12, 0x34, 0x56
    Image.fromarray(colors).save(tmp_path / "a.png")
    (problem,) = check_masks(tmp_path, PALETTE).problems
    assert "1 colours that no class of 'face18' has: #123456 (1 px)" in problem.message
    Image.fromarray(np.zeros((2, 2, 4), np.uint8)).save(tmp_path / "a.png")
    assert "transparent" in check_masks(tmp_path, PALETTE).problems[0].message


def check_runs(labels: np.ndarray) -> None:
    """Codes, areas and boxes are those of pycocotools, and decode to the pixels."""
    found = list(class_runs(labels))
    assert [each.value for each in found] == np.unique(labels).tolist()
    for each in found:
        is_set = labels == each.value
        theirs = cocotools.encode(np.asfortranarray(is_set.astype(np.uint8)))
        assert encode_rle(each.runs) == theirs["counts"].decode()
        assert each.area == cocotools.area(theirs)
        assert each.box_xywh == cocotools.toBbox(theirs).tolist()
        assert np.array_equal(decode_rle(encode_rle(each.runs), *labels.shape), is_set)


@settings(deadline=None)
@given(
    hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 3)
    )
)
def test_run_length_codes_are_those_of_pycocotools(labels: np.ndarray) -> None:
    check_runs(labels)


def test_long_runs_are_coded_as_pycocotools_does() -> None:
    labels = np.zeros((1024, 1024), np.uint8)
    labels[5:900, 40:1000] = 1
    labels[100:110] = 255
    check_runs(labels)


@settings(deadline=None)
@given(st.text(max_size=30) | st.lists(st.integers(-3, 9), max_size=9))
def test_any_run_length_code_fills_the_picture_or_is_refused(counts: str | list[int]) -> None:
    try:
        assert decode_rle(counts, 3, 4).shape == (3, 4)
    except BadMaskError as error:
        assert "run-length code" in str(error)


def test_uncompressed_run_length_codes_are_read() -> None:
    assert decode_rle([1, 2, 1], 2, 2).tolist() == [[False, True], [True, False]]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
@pytest.mark.parametrize("name", ["panoptic", "rle"])
def test_coco_files_say_area_and_box(store: AnnotationStore, tmp_path: Path, name: str) -> None:
    project = store.projects.create("faces")
    face = store.faces.add(project.id, [new_face(0, (3, 4))]).face_ids[0]
    mask = np.array([[255, 4, 4, 255], [255, 4, 255, 255], [255] * 4], np.uint8)
    store.masks.save(face, mask, "Ann", parent_id=None, status=Status.DONE)
    export_masks(store, project.id, tmp_path / "out", FORMATS[name])
    file = {"panoptic": "panoptic.json", "rle": "annotations.json"}[name]
    content = json.loads((tmp_path / "out" / file).read_text())
    assert content["images"] == [{"id": 1, "file_name": "00000.png", "width": 4, "height": 3}]
    assert content["categories"][4]["name"] == "hair" and content["categories"][4]["id"] == 5
    (annotation,) = content["annotations"]
    segment = annotation["segments_info"][0] if name == "panoptic" else annotation
    assert (segment["area"], segment["bbox"]) == (3, [1, 0, 2, 2])
    assert (segment["category_id"], segment["iscrowd"]) == (5, 0)
    if name == "rle":
        assert np.array_equal(cocotools.decode(annotation["segmentation"]), mask == 4)
    else:
        with Image.open(tmp_path / "out" / "panoptic" / "00000.png") as image:
            assert image.getpixel((1, 0)) == (5, 0, 0) and image.getpixel((0, 0)) == (0, 0, 0)


def coco_file(folder: Path, **changes: Any) -> None:
    """annotations.json of one 2 x 2 image that is all hair, but for what is changed."""
    annotation = {
        "id": 1,
        "image_id": 7,
        "category_id": 9,
        "segmentation": {"size": [2, 2], "counts": [0, 4]},
    }
    image = {"id": 7, "file_name": "some/where/0.jpg", "width": 2, "height": 2}
    content: dict[str, Any] = {
        "images": [image | changes.pop("image", {})],
        "annotations": [annotation | changes.pop("annotation", {})] * changes.pop("times", 1),
        "categories": [{"id": 9, "name": "hair"} | changes.pop("category", {})],
    }
    (folder / "annotations.json").write_text(json.dumps(content | changes))


def test_coco_files_of_others_are_read_by_the_names_of_their_categories(tmp_path: Path) -> None:
    coco_file(tmp_path, annotation={"segmentation": {"size": [2, 2], "counts": [1, 2, 1]}})
    (mask,) = RLE.find(tmp_path, FACE18, IndexOrder.SCHEME).masks
    assert mask.name == "0" and mask.read().tolist() == [[255, 4], [4, 255]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": 2}, "4 px of category 9 have another category too"),
        ({"annotation": {"category_id": 8}}, "names the category 8, which is not there"),
        ({"annotation": {"segmentation": [[0, 0, 1, 1]]}}, "Polygons are not supported"),
        ({"annotation": {"segmentation": {"size": [2, 3], "counts": [6]}}}, r"size \[2, 3\]"),
        ({"annotation": {"segmentation": {"size": [2, 2], "counts": [5]}}}, "cover 2 x 2 px"),
        ({"annotation": {"segmentation": {"size": [2, 2], "counts": None}}}, "must be text or"),
        ({"image": {"width": 10**9}}, "'width' must be 1 to 4096 px"),
        ({"image": {"file_name": ".."}}, "'file_name' must be a file's name"),
        ({"image": {"id": "x"}}, "'id' must be a whole number, is 'x'"),
    ],
)
def test_a_coco_file_that_is_wrong_is_reported(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    coco_file(tmp_path, **changes)
    (problem,) = check_masks(tmp_path, RLE).problems
    with pytest.raises(AnnotationError, match=message):
        raise AnnotationError(problem.message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"category": {"name": "wig"}}, "The category 'wig' is no class of 'face18'"),
        ({"category": {"id": None}}, "'id' must be a whole number"),
        ({"annotations": 3}, "'annotations' must be a list of objects"),
        ({"images": [3]}, "'images' must be a list of objects"),
    ],
)
def test_a_coco_file_that_cannot_be_read_at_all_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    coco_file(tmp_path, **changes)
    with pytest.raises(BadRequestError, match=message):
        check_masks(tmp_path, RLE)
    (tmp_path / "annotations.json").write_text("{")
    with pytest.raises(BadRequestError, match=r"annotations.json cannot be read as JSON"):
        check_masks(tmp_path, RLE)


def test_segments_that_are_not_listed_or_lie_elsewhere_are_reported(tmp_path: Path) -> None:
    (tmp_path / "panoptic").mkdir()
    Image.fromarray(np.full((2, 2, 3), (5, 1, 0), np.uint8)).save(tmp_path / "panoptic" / "a.png")
    secret = tmp_path / "secret.png"
    secret.write_bytes((tmp_path / "panoptic" / "a.png").read_bytes())
    content: dict[str, Any] = {"categories": [{"id": 5, "name": "hair"}], "images": []}
    segments = [{"id": 261, "category_id": 5}]
    content["annotations"] = [
        {"file_name": "a.png", "segments_info": segments},
        {"file_name": "a.png", "segments_info": []},
        {"file_name": "../secret.png", "segments_info": segments},
    ]
    (tmp_path / "panoptic.json").write_text(json.dumps(content))
    report = check_masks(tmp_path, PANOPTIC)
    assert report.pixel_counts == {4: 4}
    assert [problem.message[:40] for problem in report.problems] == [
        "It has segments [261] that panoptic.json",
        "The file cannot be read: No such file or",
    ]


def test_an_import_reports_every_problem_and_then_imports_nothing(
    store: AnnotationStore, tmp_path: Path
) -> None:
    project_id, faces = painted_project(store, count=6)
    before = [store.masks.history(face) for face in faces]
    good = encode_mask(random_mask(9, FACE18))
    files = {
        "10": good,
        "11": good[:60],
        "12": b"",
        "13": encode_mask(np.full(SIZE_HW, 99, np.uint8)),
        "14": encode_mask(np.zeros((5, 5), np.uint8)),
        "99": good,
        "face": good,
        "010": good,
    }
    for name, png in files.items():
        (tmp_path / f"{name}.png").write_bytes(png)
    report = imported(store, project_id, tmp_path, "index", match=MatchBy.SEED)
    assert report.num_files == 8 and report.result is None
    assert {problem.file: problem.message[:29] for problem in report.problems} == {
        "10.png": "Face 1 was given another mask",
        "11.png": "The mask cannot be read: it s",
        "12.png": "The mask cannot be read: it i",
        "13.png": "The mask has values outside t",
        "14.png": "The mask is 5 x 5 px, must be",
        "99.png": "No face of this project has t",
        "face.png": "'face' is no number, so it na",
    }
    assert [store.masks.history(face) for face in faces] == before


def test_an_import_comes_beside_what_is_there_unless_told_to_replace(
    store: AnnotationStore, tmp_path: Path
) -> None:
    project_id, faces = painted_project(store)
    mask = random_mask(7, FACE18)
    for place in range(3):
        (tmp_path / f"{place:04d}.png").write_bytes(encode_mask(mask))
    options: dict[str, Any] = {"match": MatchBy.POSITION, "source": Source.PREDICTED}
    report = imported(store, project_id, tmp_path, "index", **options)
    assert report.result == BulkResult(num_current=1, num_beside=2, num_known=0)
    assert not np.array_equal(in_force(store, faces[0]), mask)  # type: ignore[arg-type]
    report = imported(store, project_id, tmp_path, "index", replace=True, **options)
    assert report.result == BulkResult(num_current=2, num_beside=0, num_known=1)
    newest = store.masks.history(faces[0])[-1]
    assert (newest.author, newest.source, newest.comment) == ("Imp", "predicted", "from 0000.png")
    assert np.array_equal(in_force(store, faces[0]), mask)  # type: ignore[arg-type]


def test_masks_of_another_size_are_fitted_when_asked(
    store: AnnotationStore, tmp_path: Path
) -> None:
    project_id, faces = painted_project(store, count=1)
    (tmp_path / f"{faces[0]}.png").write_bytes(encode_mask(np.array([[0, 4], [5, 6]], np.uint8)))
    report = imported(store, project_id, tmp_path, "index", match=MatchBy.ID, resize=True)
    found = in_force(store, faces[0])
    assert report.problems == () and found is not None
    assert [found[0, 0], found[5, 8], found[6, 7], found[11, 15]] == [0, 4, 5, 6]


@pytest.mark.parametrize(
    ("size_hw", "wanted"),
    [
        ((1, 2), [[1, 2]]),
        ((2, 4), [[1, 1, 2, 2], [1, 0, 2, 3]]),
        ((4, 8), [[1, 1, 1, 1, 2, 2, 2, 2]] * 2 + [[1, 1, 0, 0, 2, 2, 3, 3]] * 2),
        ((1, 3), [[1, 2, 3]]),
    ],
)
def test_resizing_keeps_whole_ids(size_hw: tuple[int, int], wanted: list[list[int]]) -> None:
    labels = np.array([[1, 1, 2, 2], [1, 0, 2, 3]], np.uint8)
    assert resize_labels(labels, *size_hw).tolist() == wanted


def test_an_export_takes_the_newest_finished_mask(store: AnnotationStore, tmp_path: Path) -> None:
    project_id, faces = painted_project(store, count=4)
    done = store.faces.get(faces[0]).current
    assert done is not None
    store.masks.save(faces[0], random_mask(8, FACE18), "Bob", parent_id=done.id)
    second = store.faces.get(faces[1]).current
    assert second is not None
    store.masks.review(second.id, "Rita", accept=False)
    report = export_masks(store, project_id, tmp_path / "done", INDEX)
    assert (report.num_masks, report.num_left_out) == (2, 2)
    listed = json.loads((tmp_path / "done" / "masks.json").read_text())["masks"]
    assert [(one["name"], one["revision"]) for one in listed] == [("00000", done.id), ("00002", 3)]
    assert listed[0]["mask_sha256"] == done.sha256 and listed[0]["seed"] == 10
    drafts = export_masks(store, project_id, tmp_path / "drafts", INDEX, statuses=[Status.DRAFT])
    assert drafts.num_masks == 1
    with pytest.raises(BadRequestError, match=r"None of the 4 .* has a mask that is accepted"):
        export_masks(store, project_id, tmp_path / "no", INDEX, statuses=[Status.ACCEPTED])
    assert not (tmp_path / "no").exists()


@contextmanager
def file_size_limit(num_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_export_is_whole_or_not_there(store: AnnotationStore, tmp_path: Path) -> None:
    project_id, _ = painted_project(store)
    with (
        file_size_limit(50),
        pytest.raises(AnnotationError, match=r"disk is full while .*Nothing of it was left"),
    ):
        export_masks(store, project_id, tmp_path / "out", INDEX)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt("stop")

    with pytest.raises(KeyboardInterrupt, match="stop"):
        export_masks(store, project_id, tmp_path / "out", INDEX, on_file=stop)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_export_does_not_touch_what_is_there(store: AnnotationStore, tmp_path: Path) -> None:
    project_id, _ = painted_project(store)
    (tmp_path / "out").mkdir()
    export_masks(store, project_id, tmp_path / "out", INDEX)
    for taken in ("out", "faceloom.db"):
        with pytest.raises(BadRequestError, match="exists and is not an empty folder"):
            export_masks(store, project_id, tmp_path / taken, INDEX)


def test_numbers_of_another_scheme_are_not_imported(store: AnnotationStore, tmp_path: Path) -> None:
    project_id, _ = painted_project(store)
    export_masks(store, project_id, tmp_path / "out", INDEX)
    other = store.projects.create("other", scheme_of_34())
    with pytest.raises(BadSchemeError, match="'face18', in which 1 is 'cloth'; in 'other34'"):
        imported(store, other.id, tmp_path / "out", "index")


def folder_without_manifest(folder: Path) -> None:
    (folder / "0.png").write_bytes(encode_mask(np.zeros(SIZE_HW, np.uint8)))


def folder_with_broken_manifest(folder: Path) -> None:
    folder_without_manifest(folder)
    (folder / "masks.json").write_text('{"masks": [1]}')


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: folder.rmdir(), "There is no folder"),
        (lambda folder: None, "has no masks in the format 'index'"),
        (folder_without_manifest, "has no masks.json .* Say how its names match: by seed"),
        (folder_with_broken_manifest, "masks.json does not say which mask is whose"),
    ],
)
def test_a_folder_that_cannot_be_imported_says_what_to_do(
    store: AnnotationStore, tmp_path: Path, prepare: Callable[[Path], None], message: str
) -> None:
    project_id, _ = painted_project(store)
    folder = tmp_path / "in"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(BadRequestError, match=message):
        imported(store, project_id, folder, "index")


def test_a_face_that_is_not_in_the_project_is_reported(
    store: AnnotationStore, tmp_path: Path
) -> None:
    project_id, _ = painted_project(store)
    export_masks(store, project_id, tmp_path / "out", INDEX)
    (tmp_path / "out" / "extra.png").write_bytes(encode_mask(np.zeros(SIZE_HW, np.uint8)))
    other = store.projects.create("other")
    report = imported(store, other.id, tmp_path / "out", "index")
    assert [problem.message for problem in report.problems] == [
        "The face of '00000' is not in this project.",
        "The face of '00001' is not in this project.",
        "masks.json does not list 'extra'.",
    ]


def test_a_seed_that_several_faces_have_is_no_match(store: AnnotationStore, tmp_path: Path) -> None:
    from dataclasses import replace

    project_id, _ = painted_project(store, count=1)
    store.faces.add(project_id, [replace(new_face(10, SIZE_HW), psi=0.5)])
    (tmp_path / "10.png").write_bytes(encode_mask(np.zeros(SIZE_HW, np.uint8)))
    report = imported(store, project_id, tmp_path, "index", match=MatchBy.SEED)
    assert report.problems[0].message.startswith("2 faces of this project have the seed 10")


def test_part_files_that_are_wrong_are_reported(tmp_path: Path) -> None:
    write_part(tmp_path, "00000_skin.png", slice(0, 3))
    write_part(tmp_path, "00000_wig.png", slice(0, 3))
    write_part(tmp_path, "skin.png", slice(0, 3))
    write_part(tmp_path / "more", "00000_skin.png", slice(0, 3))
    write_part(tmp_path, "00001_skin.png", slice(0, 3))
    (tmp_path / "00001_nose.png").write_bytes(encode_mask(np.zeros((3, 3), np.uint8)))
    (tmp_path / "00002_nose.png").write_bytes(b"")
    report = check_masks(tmp_path, CELEBAMASK)
    found = {problem.file: problem.message[:33] for problem in report.problems}
    assert found == {
        "00000_wig.png": "No class of 'face18' has the part",
        "skin.png": "Its name is not like '00012_hair.",
        os.path.join("more", "00000_skin.png"): "Face 00000 has this part in anoth",
        "00001_*.png": "00001_nose.png is 3 x 3 px, the o",
        "00002_*.png": "00002_nose.png: The file cannot b",
    }
    assert isinstance(report, CheckReport) and report.num_files == 3


def test_classes_without_a_part_cannot_go_to_part_files(
    store: AnnotationStore, tmp_path: Path
) -> None:
    from annotations.taxonomy import parse_scheme

    text = FACE18.to_yaml().replace("part: hat", "part: null")
    project_id, _ = painted_project(store, parse_scheme(text))
    with pytest.raises(BadSchemeError, match=r"without a part name: hat.*would lose them"):
        export_masks(store, project_id, tmp_path / "out", CELEBAMASK)
    one = parse_scheme("{name: s, classes: [{id: 3, name: a, color: '#000000', part: a}]}")
    with pytest.raises(BadSchemeError, match="no class named 'background'"):
        check_masks(tmp_path, CELEBAMASK, one)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "0.png").open("wb") as file:
        file.truncate(2**36)
    for name in ("index", "palette"):
        (problem,) = check_masks(tmp_path, FORMATS[name]).problems
        assert problem.message.startswith("The file is larger than 67108864 bytes")


def test_a_bomb_in_a_colour_file_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (5000, 3)).save(file, "PNG")
    (tmp_path / "0.png").write_bytes(file.getvalue())
    (problem,) = check_masks(tmp_path, PALETTE).problems
    assert "it is 5000 x 3 px; 1 to 4096 px a side are allowed" in problem.message
