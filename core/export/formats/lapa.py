"""Folders as LaPa has them: `train`, `val`, `test`, in each `images` and `labels` by one name.

The values of the labels are ids of the dataset's own scheme (label_scheme.yaml), not LaPa's
eleven, which have no hat, neck or cloth. There are no landmarks. LaPa: Liu et al. 2020,
"A New Dataset and Boundary-Attention Semantic Segmentation for Face Parsing".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from core.export.formats.format import FileGroup, Format, Stored
from core.export.formats.reading import image_pixels, mask_pixels
from core.export.pictures import image_file, mask_file
from core.export.sample import Sample
from core.files import whole_files

_FOLDERS = {"train": "train", "validation": "val", "test": "test"}


class LaPa(Format):
    """`LaPa/<split>/images/000000.jpg` and `LaPa/<split>/labels/000000.png`."""

    name = "lapa"
    native_suffix = ".jpg"

    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        with whole_files(self.folder) as unfinished:
            for sample in samples:
                image, mask = self._paths(unfinished.folder, split, sample.name)
                image.parent.mkdir(parents=True, exist_ok=True)
                mask.parent.mkdir(parents=True, exist_ok=True)
                image.write_bytes(image_file(sample, self.facts, self.suffix))
                mask.write_bytes(mask_file(sample))
        return unfinished.finished

    def groups(self) -> Sequence[FileGroup]:
        kind = "image/png" if self.suffix == ".png" else "image/jpeg"
        return (
            FileGroup(f"LaPa/*/images/*{self.suffix}", kind, "images"),
            FileGroup("LaPa/*/labels/*.png", "image/png", "masks"),
        )

    def read_back(self) -> Iterator[Stored]:
        for split in self.facts.splits:
            labels = self.folder / "LaPa" / _FOLDERS[split] / "labels"
            for path in sorted(labels.glob("*.png")):
                image, mask = self._paths(self.folder, split, path.stem)
                yield Stored(path.stem, split, image_pixels(image), mask_pixels(mask))

    def _paths(self, root: Path, split: str, name: str) -> tuple[Path, Path]:
        folder = root / "LaPa" / _FOLDERS[split]
        return folder / "images" / f"{name}{self.suffix}", folder / "labels" / f"{name}.png"
