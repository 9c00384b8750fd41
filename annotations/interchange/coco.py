"""What COCO's two mask formats share: images, categories, areas and boxes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from annotations.errors import BadMaskError
from annotations.mask_codec import LabelMap
from annotations.png_chunks import MAX_SIDE
from annotations.taxonomy import LabelScheme

Json = dict[str, Any]


def category_id(class_id: int) -> int:
    """COCO's 0 means nothing, so categories start at 1."""
    return class_id + 1


def categories(scheme: LabelScheme) -> list[Json]:
    return [
        {
            "id": category_id(label.id),
            "name": label.name,
            "supercategory": "face",
            "isthing": 0,
            "color": list(label.rgb),
        }
        for label in scheme.classes
    ]


def write_document(
    path: Path, scheme: LabelScheme, images: Iterable[Json], annotations: Iterable[Json]
) -> None:
    """Write a whole file of either format, entry by entry, so that memory holds one of them."""
    info = {"description": f"Faceloom, scheme {scheme.name}"}
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(info)}, "licenses": [],\n')
        file.write(f'"categories": {json.dumps(categories(scheme))}')
        for field, items in (("images", images), ("annotations", annotations)):
            file.write(f',\n"{field}": [')
            for place, item in enumerate(items):
                file.write(("," if place else "") + "\n" + json.dumps(item))
            file.write("]")
        file.write("}\n")


def image_entry(number: int, file_name: str, labels: LabelMap) -> Json:
    height, width = labels.shape
    return {"id": number, "file_name": file_name, "width": width, "height": height}


def class_ids(content: Json, scheme: LabelScheme) -> dict[int, int]:
    """Category id -> class id, by name. Raises BadMaskError for a name the scheme lacks."""
    table = {}
    for category in entries(content, "categories"):
        name = category.get("name")
        label = scheme.by_name.get(name) if isinstance(name, str) else None
        if label is None:
            raise BadMaskError(
                f"The category {name!r} is no class of '{scheme.name}'. Rename it, or choose a "
                "project with its scheme."
            )
        table[number(category, "id")] = label.id
    return table


def entries(content: Json, field: str) -> list[Json]:
    """A list of objects. Raises BadMaskError."""
    items = content.get(field)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadMaskError(f"'{field}' must be a list of objects.")
    return items


def number(entry: Json, field: str) -> int:
    """A whole number of an object. Raises BadMaskError."""
    value = entry.get(field)
    if type(value) is not int:
        raise BadMaskError(f"'{field}' must be a whole number, is {value!r}.")
    return value


def side(entry: Json, field: str) -> int:
    """A width or height in pixels. Raises BadMaskError beyond what is allowed."""
    value = number(entry, field)
    if not 1 <= value <= MAX_SIDE:
        raise BadMaskError(f"'{field}' must be 1 to {MAX_SIDE} px, is {value}.")
    return value


def plain_name(entry: Json, field: str = "file_name") -> str:
    """A file's name without any folder. Raises BadMaskError: a name must not lead elsewhere."""
    name = entry.get(field)
    if not isinstance(name, str) or not name or "\\" in name or name in (".", ".."):
        raise BadMaskError(f"'{field}' must be a file's name, is {name!r}.")
    return PurePosixPath(name).name
