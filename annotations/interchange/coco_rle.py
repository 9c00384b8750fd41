"""COCO RLE: `annotations.json` with one run-length code for each class of each face."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from annotations.errors import BadMaskError
from annotations.interchange import coco
from annotations.interchange.found import (
    Format,
    Found,
    FoundMask,
    IndexOrder,
    NamedMask,
    Problem,
    read_json,
)
from annotations.interchange.rle import class_runs, decode_rle, encode_rle
from annotations.mask_codec import LabelMap
from annotations.taxonomy import IGNORE_ID, LabelScheme

JSON_FILE = "annotations.json"


def _find(folder: Path, scheme: LabelScheme, _order: IndexOrder) -> Found:
    content = read_json(folder / JSON_FILE)
    ids = coco.class_ids(content, scheme)
    by_image: dict[int, list[coco.Json]] = defaultdict(list)
    for annotation in coco.entries(content, "annotations"):
        by_image[coco.number(annotation, "image_id")].append(annotation)
    found = Found()
    for image in coco.entries(content, "images"):
        try:
            name = coco.plain_name(image)
            annotations = by_image[coco.number(image, "id")]
        except BadMaskError as error:
            found.problems.append(Problem(JSON_FILE, str(error)))
            continue
        read = functools.partial(_read, image, annotations, ids)
        found.masks.append(FoundMask(PurePosixPath(name).stem, f"{JSON_FILE}: {name}", read))
    return found


def _read(image: coco.Json, annotations: list[coco.Json], ids: dict[int, int]) -> LabelMap:
    """Pixels without an annotation are not labelled; a pixel with two is refused."""
    height, width = coco.side(image, "height"), coco.side(image, "width")
    labels = np.full((height, width), IGNORE_ID, np.uint8)
    for annotation in annotations:
        category = coco.number(annotation, "category_id")
        if category not in ids:
            raise BadMaskError(f"An annotation names the category {category}, which is not there.")
        is_class = _decoded(annotation, height, width)
        overlap = int((labels[is_class] != IGNORE_ID).sum())
        if overlap:
            raise BadMaskError(
                f"{overlap} px of category {category} have another category too. A pixel has "
                "one class; remove the overlap, so that none is lost by its order."
            )
        labels[is_class] = ids[category]
    return labels


def _decoded(annotation: coco.Json, height: int, width: int) -> np.ndarray:
    code = annotation.get("segmentation")
    if not isinstance(code, dict):
        raise BadMaskError("A segmentation is not run-length coded. Polygons are not supported.")
    if code.get("size") != [height, width]:
        raise BadMaskError(
            f"A segmentation has the size {code.get('size')}, its image {[height, width]}."
        )
    counts = code.get("counts")
    if not isinstance(counts, str | list):
        raise BadMaskError(f"The counts of a segmentation must be text or a list, are {counts!r}.")
    return decode_rle(counts, height, width)


def _write(folder: Path, scheme: LabelScheme, masks: Iterable[NamedMask]) -> None:
    images: list[coco.Json] = []
    annotations: list[coco.Json] = []
    for number, mask in enumerate(masks, 1):
        images.append(coco.image_entry(number, f"{mask.name}.png", mask.labels))
        annotations += rle_annotations(number, len(annotations) + 1, mask.labels, scheme)
    coco.write_document(folder / JSON_FILE, scheme, images, annotations)


def rle_annotations(
    number: int, first_id: int, labels: LabelMap, scheme: LabelScheme
) -> list[coco.Json]:
    """What `annotations.json` says of one face, an entry a class that occurs.

    number: of its image. first_id: of its first entry, the others follow.
    """
    known = [found for found in class_runs(labels) if found.value in scheme.ids]
    return [
        {
            "id": first_id + place,
            "image_id": number,
            "category_id": coco.category_id(found.value),
            "segmentation": {"size": list(labels.shape), "counts": encode_rle(found.runs)},
            "area": found.area,
            "bbox": found.box_xywh,
            "iscrowd": 0,
        }
        for place, found in enumerate(known)
    ]


RLE = Format("rle", _find, _write)
