"""COCO's two mask formats: `<split>/images` and `<split>/panoptic.json` or `annotations.json`.

Each chunk keeps its entries in `<split>/entries`, from which the JSON is joined in the end.
"""

from __future__ import annotations

import gzip
import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from annotations import interchange
from annotations.interchange import coco, coco_panoptic, coco_rle
from core.export.formats import FileGroup, Stored
from core.export.formats.reading import image_pixels
from core.export.sample import RowSource, Sample
from core.files import whole_file
from studio.export_formats.painted import PaintedFormat

_IDS_A_FACE = 256  # more than classes, so that each chunk can number its entries


class _Entry(NamedTuple):
    image: dict[str, Any]
    annotations: list[dict[str, Any]]


class Coco(PaintedFormat):
    """The number of an image is its place in the dataset, from 1."""

    json_file: ClassVar[str]

    @abstractmethod
    def annotations(self, number: int, sample: Sample) -> list[dict[str, Any]]:
        """What the JSON says of one face."""

    def write_masks(self, root: Path, split: str, samples: Sequence[Sample]) -> None:
        path = root / self._entries(split, samples[0].name)
        path.parent.mkdir(parents=True)
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed,
        ):
            for sample in samples:
                number = sample.order.place + 1
                file_name = f"{sample.name}{self.suffix}"
                image = coco.image_entry(number, file_name, sample.mask)
                entry = _Entry(image, self.annotations(number, sample))
                packed.write(json.dumps(entry).encode() + b"\n")

    def finish(self, rows: RowSource) -> list[Path]:
        written = super().finish(rows)
        for split in self.facts.splits:
            path = self.folder / split / self.json_file
            with whole_file(path) as unfinished:
                coco.write_document(
                    unfinished,
                    self.scheme,
                    (entry.image for entry in self._read_entries(split)),
                    (one for entry in self._read_entries(split) for one in entry.annotations),
                )
            written.append(path)
        return written

    def read_back(self) -> Iterator[Stored]:
        for split in self.facts.splits:
            for name, mask in self.read_masks(self.folder / split):
                image = image_pixels(self.folder / self.image_path(split, name))
                yield Stored(name, split, image, mask)

    def _entries(self, split: str, first: str) -> str:
        return f"{split}/entries/{first}.jsonl.gz"

    def _read_entries(self, split: str) -> Iterator[_Entry]:
        for path in sorted((self.folder / self._entries(split, "any")).parent.iterdir()):
            with gzip.open(path, "rb") as file:
                for line in file:
                    yield _Entry(*json.loads(line))


class CocoPanoptic(Coco):
    """With `<split>/panoptic/000000.png`, whose colours are segments."""

    name = "panoptic"
    title = "COCO panoptic: a JSON a split, segments as colours of a PNG"
    written_as = interchange.FORMATS["panoptic"]
    json_file = coco_panoptic.JSON_FILE

    def mask_path(self, split: str, name: str) -> str:
        return f"{split}/{coco_panoptic.PNG_FOLDER}/{name}.png"

    def write_masks(self, root: Path, split: str, samples: Sequence[Sample]) -> None:
        super().write_masks(root, split, samples)
        for sample in samples:
            path = root / self.mask_path(split, sample.name)
            path.parent.mkdir(exist_ok=True)
            coco_panoptic.write_panoptic_picture(path, sample.mask)

    def annotations(self, number: int, sample: Sample) -> list[dict[str, Any]]:
        png = f"{sample.name}.png"
        return [coco_panoptic.panoptic_annotation(number, png, sample.mask, self.scheme)]

    def groups(self) -> Sequence[FileGroup]:
        masks = FileGroup(f"*/{coco_panoptic.PNG_FOLDER}/*.png", "image/png", "masks")
        return (self.image_group("*/images/*"), masks)


class CocoRle(Coco):
    """Masks are run-length codes in the JSON."""

    name = "rle"
    title = "COCO: a JSON a split, masks as run-length codes"
    written_as = interchange.FORMATS["rle"]
    json_file = coco_rle.JSON_FILE

    def annotations(self, number: int, sample: Sample) -> list[dict[str, Any]]:
        first = (number - 1) * _IDS_A_FACE + 1
        return coco_rle.rle_annotations(number, first, sample.mask, self.scheme)

    def groups(self) -> Sequence[FileGroup]:
        return (
            self.image_group("*/images/*"),
            FileGroup(f"*/{self.json_file}", "application/json", "documents"),
        )
