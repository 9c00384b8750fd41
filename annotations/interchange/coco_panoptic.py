"""COCO panoptic: `panoptic.json`, and in `panoptic/` a PNG a face whose colours are segments.

A segment's number is R + 256 G + 65536 B, 0 is not labelled. Each class is one segment.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from annotations.errors import BadMaskError
from annotations.interchange import coco
from annotations.interchange.found import (
    Format,
    Found,
    FoundMask,
    IndexOrder,
    NamedMask,
    Problem,
    read_bytes,
    read_json,
)
from annotations.interchange.palette_folder import read_rgb
from annotations.interchange.rle import class_runs
from annotations.mask_codec import PNG_STRATEGY, LabelMap
from annotations.taxonomy import IGNORE_ID, LabelScheme

JSON_FILE, PNG_FOLDER = "panoptic.json", "panoptic"


def _find(folder: Path, scheme: LabelScheme, _order: IndexOrder) -> Found:
    content = read_json(folder / JSON_FILE)
    ids = coco.class_ids(content, scheme)
    found = Found()
    for annotation in coco.entries(content, "annotations"):
        try:
            path = folder / PNG_FOLDER / coco.plain_name(annotation)
        except BadMaskError as error:
            found.problems.append(Problem(JSON_FILE, str(error)))
            continue
        read = functools.partial(_read, path, annotation, ids)
        found.masks.append(FoundMask(path.stem, f"{PNG_FOLDER}/{path.name}", read))
    return found


def _read(path: Path, annotation: coco.Json, ids: dict[int, int]) -> LabelMap:
    classes = {0: IGNORE_ID}
    for segment in coco.entries(annotation, "segments_info"):
        category = coco.number(segment, "category_id")
        if category not in ids:
            raise BadMaskError(f"{JSON_FILE} has no category {category}, which a segment names.")
        classes[coco.number(segment, "id")] = ids[category]
    colors = read_rgb(read_bytes(path)).astype(np.uint32)  # [H, W, 3]
    segments = colors[..., 0] | colors[..., 1] << 8 | colors[..., 2] << 16  # [H, W]
    found, places = np.unique(segments, return_inverse=True)
    strange = [number for number in found.tolist() if number not in classes]
    if strange:
        raise BadMaskError(f"It has segments {strange[:8]} that {JSON_FILE} does not list.")
    values = np.array([classes[number] for number in found.tolist()], np.uint8)
    return values[places].reshape(segments.shape)


def _write(folder: Path, scheme: LabelScheme, masks: Iterable[NamedMask]) -> None:
    (folder / PNG_FOLDER).mkdir()
    images, annotations = [], []
    for number, mask in enumerate(masks, 1):
        png = f"{mask.name}.png"
        images.append(coco.image_entry(number, png, mask.labels))
        annotations.append(panoptic_annotation(number, png, mask.labels, scheme))
        write_panoptic_picture(folder / PNG_FOLDER / png, mask.labels)
    coco.write_document(folder / JSON_FILE, scheme, images, annotations)


def write_panoptic_picture(path: Path, labels: LabelMap) -> None:
    """Label map uint8 [H, W] -> PNG whose red is the number of a segment, 0 not labelled."""
    colors = np.zeros((*labels.shape, 3), np.uint8)
    colors[..., 0] = labels + np.uint8(1)  # as coco.category_id; 255, not labelled, becomes 0
    Image.fromarray(colors).save(path, "PNG", compress_type=PNG_STRATEGY)


def panoptic_annotation(
    number: int, file_name: str, labels: LabelMap, scheme: LabelScheme
) -> coco.Json:
    """What `panoptic.json` says of one face. number: of its image."""
    segments = _segments(labels, scheme)
    return {"image_id": number, "file_name": file_name, "segments_info": segments}


def _segments(labels: LabelMap, scheme: LabelScheme) -> list[coco.Json]:
    return [
        {
            "id": coco.category_id(found.value),
            "category_id": coco.category_id(found.value),
            "area": found.area,
            "bbox": found.box_xywh,
            "iscrowd": 0,
        }
        for found in class_runs(labels)
        if found.value in scheme.ids
    ]


PANOPTIC = Format("panoptic", _find, _write)
