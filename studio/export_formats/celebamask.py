"""CelebAMask-HQ: `CelebA-HQ-img`, `CelebAMask-HQ-mask-anno` and the attribute file.

Attributes are 1, -1, or 0 where unknown. Of CelebA's forty only those are there that were
measured or that the mask shows; the ages and all else are in `<split>.jsonl`. Unlike the data
set's own 512 px, masks have the size of the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from annotations import interchange
from annotations.interchange import part_orders
from core.export.formats import FileGroup, Stored
from core.export.formats.reading import image_pixels
from core.export.sample import RowSource, Sample, name_of
from core.files import whole_file
from studio.export_formats.painted import PaintedFormat, named_masks

IMAGE_FOLDER = "CelebA-HQ-img"
ATTRIBUTE_FILE = "CelebAMask-HQ-attribute-anno.txt"
_SHOWN_BY_PART = {
    "Eyeglasses": "eye_g",
    "Wearing_Earrings": "ear_r",
    "Wearing_Hat": "hat",
    "Wearing_Necklace": "neck_l",
}
LEAST_SHARE = 3e-4  # of all pixels, 79 of 512 x 512: fewer of a part are stray ones, not worn
_Told = Callable[[Mapping[str, Any]], int]


class CelebAMask(PaintedFormat):
    """Faces are numbered through all splits; `<split>.txt` lists the images of each."""

    name = "celebamask"
    title = "CelebAMask-HQ: images, a PNG a part, attribute file"
    written_as = interchange.FORMATS["celebamask"]
    native_suffix = ".jpg"
    keeps_unlabelled = False

    def image_path(self, split: str, name: str) -> str:
        return f"{IMAGE_FOLDER}/{int(name)}{self.suffix}"

    def metadata_path(self, split: str) -> str:
        return f"{split}.jsonl"

    def write_masks(self, root: Path, split: str, samples: Sequence[Sample]) -> None:
        self.written_as.write(root, self.scheme, named_masks(samples))

    def finish(self, rows: RowSource) -> list[Path]:
        told = self._attributes()
        attributes = self.folder / ATTRIBUTE_FILE
        with whole_file(attributes) as unfinished, unfinished.open("w") as file:
            file.write(f"{self.facts.count}\n{' '.join(told)}\n")
            for row in rows():
                values = " ".join(f"{tell(row.record):2d}" for tell in told.values())
                file.write(f"{int(row.name)}{self.suffix}  {values}\n")
        lists = [self._write_list(split, rows) for split in self.facts.splits]
        return [*super().finish(rows), attributes, *lists]

    def groups(self) -> Sequence[FileGroup]:
        masks = FileGroup("CelebAMask-HQ-mask-anno/*/*.png", "image/png", "parts")
        return (self.image_group(f"{IMAGE_FOLDER}/*"), masks)

    def read_back(self) -> Iterator[Stored]:
        """A face of which no part is seen has no files, and is background."""
        background = part_orders.background_of(self.scheme).id
        masks = self.read_masks(self.folder)
        number, mask = next(masks, (None, None))
        for place in range(self.facts.count):
            image = image_pixels(self.folder / IMAGE_FOLDER / f"{place}{self.suffix}")
            labels = np.full(image.shape[:2], background, np.uint8)
            if mask is not None and number is not None and int(number) == place:
                labels = mask
                number, mask = next(masks, (None, None))
            yield Stored(name_of(place), self.facts.split_of(place), image, labels)

    def _attributes(self) -> dict[str, _Told]:
        """Names in CelebA's words, and what each says of a record."""
        told: dict[str, _Told] = {}
        if any(known.name == "male" for known in self.facts.attributes):
            told["Male"] = _is_male
        for name, part in _SHOWN_BY_PART.items():
            if label := self.scheme.by_part.get(part):
                told[name] = _shows(label.id)
        return dict(sorted(told.items()))

    def _write_list(self, split: str, rows: RowSource) -> Path:
        path = self.folder / f"{split}.txt"
        with whole_file(path) as unfinished, unfinished.open("w") as file:
            file.writelines(
                f"{int(row.name)}{self.suffix}\n" for row in rows() if row.split == split
            )
        return path


def _is_male(record: Mapping[str, Any]) -> int:
    value = record.get("measured", {}).get("male")
    return 0 if value is None else 1 if value > 0.5 else -1


def _shows(class_id: int) -> _Told:
    def tell(record: Mapping[str, Any]) -> int:
        pixels = record["pixels"]
        return 1 if pixels.get(str(class_id), 0) >= LEAST_SHARE * sum(pixels.values()) else -1

    return tell
