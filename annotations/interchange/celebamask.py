"""CelebAMask-HQ: a black and white PNG for each part of each face, as the data set has them.

`CelebAMask-HQ-mask-anno/{number // 2000}/{number:05d}_{part}.png`, at 512 px.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from annotations.errors import BadMaskError
from annotations.interchange.found import (
    Format,
    Found,
    FoundMask,
    IndexOrder,
    NamedMask,
    Problem,
    read_bytes,
)
from annotations.interchange.palette_folder import read_rgb
from annotations.interchange.part_orders import (
    CELEBAMASK_PARTS,
    background_of,
    check_background,
    class_of_part,
)
from annotations.mask_codec import LabelMap, encode_mask
from annotations.taxonomy import LabelScheme

FOLDER = "CelebAMask-HQ-mask-anno"

_FACES_A_FOLDER = 2000
_PART_FILE = re.compile(r"(\d{1,12})_([A-Za-z0-9_-]+)\.png")


def _find(folder: Path, scheme: LabelScheme, _order: IndexOrder) -> Found:
    """Part files at any depth, gathered by their number; beside an export's lie its pictures."""
    root = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    faces: dict[str, dict[str, Path]] = defaultdict(dict)
    problems = []
    for path in sorted(root.rglob("*.png")):
        file = str(path.relative_to(folder))
        named = _PART_FILE.fullmatch(path.name)
        if not named:
            problems.append(Problem(file, "Its name is not like '00012_hair.png'."))
        elif class_of_part(named[2], scheme) is None:
            known = ", ".join(scheme.by_part)
            problems.append(
                Problem(file, f"No class of '{scheme.name}' has the part '{named[2]}'; {known} do.")
            )
        elif named[2] in faces[named[1]]:
            problems.append(Problem(file, f"Face {named[1]} has this part in another folder too."))
        else:
            faces[named[1]][named[2]] = path
    masks = [
        FoundMask(number, f"{number}_*.png", functools.partial(_read, parts, scheme))
        for number, parts in sorted(faces.items())
        if parts
    ]
    return Found(masks, problems)


def _read(parts: dict[str, Path], scheme: LabelScheme) -> LabelMap:
    """Lay the parts over each other, in the data set's order; the rest is background."""
    labels: LabelMap | None = None
    for part in sorted(parts, key=_place):
        label = class_of_part(part, scheme)
        assert label is not None, "_find left out parts without a class"
        try:
            is_part = read_rgb(read_bytes(parts[part])).any(axis=2)  # [H, W]
        except BadMaskError as error:
            raise BadMaskError(f"{parts[part].name}: {error}") from error
        if labels is None:
            labels = np.full(is_part.shape, background_of(scheme).id, np.uint8)
        if is_part.shape != labels.shape:
            raise BadMaskError(
                f"{parts[part].name} is {is_part.shape[1]} x {is_part.shape[0]} px, the other "
                f"parts {labels.shape[1]} x {labels.shape[0]} px."
            )
        labels[is_part] = label.id
    assert labels is not None, "a face was found by at least one part"
    return labels


def _place(part: str) -> int:
    return CELEBAMASK_PARTS.index(part) if part in CELEBAMASK_PARTS else len(CELEBAMASK_PARTS)


def _write(folder: Path, scheme: LabelScheme, masks: Iterable[NamedMask]) -> None:
    """Pixels that nobody labelled are in no part, so they are read back as background."""
    for mask in masks:
        target = folder / FOLDER / str(int(mask.name) // _FACES_A_FOLDER)
        target.mkdir(parents=True, exist_ok=True)
        counts = np.bincount(mask.labels.ravel(), minlength=256)
        for label in scheme.classes:
            if label.part and counts[label.id]:
                is_part = mask.labels == label.id
                png = encode_mask(is_part.astype(np.uint8) * np.uint8(255))
                (target / f"{int(mask.name):05d}_{label.part}.png").write_bytes(png)


CELEBAMASK = Format("celebamask", _find, _write, check=check_background, export_size=512)
