"""Folders as LaPa has them: `train`, `val`, `test`, in each `images` and `labels` by one name.

The values of the labels are ids of the dataset's own scheme (label_scheme.yaml), not LaPa's
eleven, which have no hat, neck or cloth. There are no landmarks. LaPa: Liu et al. 2020,
"A New Dataset and Boundary-Attention Semantic Segmentation for Face Parsing".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.export.formats.folders import METADATA_FILE, FolderFormat
from core.export.formats.format import FileGroup, Stored
from core.export.formats.reading import image_pixels, mask_pixels
from core.export.pictures import mask_file
from core.export.sample import Sample

_FOLDERS = {"train": "train", "validation": "val", "test": "test"}


class LaPa(FolderFormat):
    """`LaPa/<split>/images/000000.jpg` and `LaPa/<split>/labels/000000.png`."""

    name = "lapa"
    title = "Folders as LaPa's: train, val, test; the ids are this dataset's"
    native_suffix = ".jpg"

    def image_path(self, split: str, name: str) -> str:
        return f"LaPa/{_FOLDERS[split]}/images/{name}{self.suffix}"

    def mask_path(self, split: str, name: str) -> str:
        return f"LaPa/{_FOLDERS[split]}/labels/{name}.png"

    def metadata_path(self, split: str) -> str:
        return f"LaPa/{_FOLDERS[split]}/{METADATA_FILE}"

    def write_masks(self, root: Path, split: str, samples: Sequence[Sample]) -> None:
        for sample in samples:
            path = root / self.mask_path(split, sample.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(mask_file(sample))

    def groups(self) -> Sequence[FileGroup]:
        masks = FileGroup("LaPa/*/labels/*.png", "image/png", "masks")
        return (self.image_group("LaPa/*/images/*"), masks)

    def read_back(self) -> Iterator[Stored]:
        for split in self.facts.splits:
            folder = (self.folder / self.mask_path(split, "any")).parent
            for path in sorted(folder.glob("*.png")):
                image = image_pixels(self.folder / self.image_path(split, path.stem))
                yield Stored(path.stem, split, image, mask_pixels(path))
