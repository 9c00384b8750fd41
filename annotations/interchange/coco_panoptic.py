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
from annotations.mask_codec import LabelMap
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
        panoptic_picture(mask.labels).save(folder / PNG_FOLDER / png)
    coco.write_document(folder / JSON_FILE, scheme, images, annotations)


def panoptic_picture(labels: LabelMap) -> Image.Image:
    """Label map uint8 [H, W] -> picture whose red is the number of a segment, 0 not labelled."""
    colors = np.zeros((*labels.shape, 3), np.uint8)
    is_labelled = labels != IGNORE_ID
    numbers = labels[is_labelled].astype(np.uint16) + 1  # as coco.category_id; at most 255
    colors[is_labelled, 0] = numbers.astype(np.uint8)
    return Image.fromarray(colors)


def panoptic_annotation(
    number: int, file_name: str, labels: LabelMap, scheme: LabelScheme
) -> coco.Json:
    """What `panoptic.json` says of one face. number: of its image."""
    segments = _segments(labels, scheme)
    return {"image_id": number, "file_name": file_name, "segments_info": segments}


def _segments(labels: LabelMap, scheme: LabelScheme) -> list[coco.Json]:
    segments = []
    for label in scheme.classes:
        is_class = labels == label.id
        if is_class.any():
            area, box = coco.area_and_box_xywh(is_class)
            number = coco.category_id(label.id)
            segments.append(
                {"id": number, "category_id": number, "area": area, "bbox": box, "iscrowd": 0}
            )
    return segments


PANOPTIC = Format("panoptic", _find, _write)
