"""What formats of one file an image share: folders of images, and the record of each beside.

Each split has a `metadata.jsonl` as Hugging Face's image folders want it: `file_name`, and
`mask_file_name` where a mask is one file, then the record.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.export.formats.format import FileGroup, Format
from core.export.pictures import image_file
from core.export.sample import RowSource, Sample
from core.files import whole_file, whole_files

METADATA_FILE = "metadata.jsonl"


class FolderFormat(Format):
    """Images one by one. Subclasses say where they lie, and write the masks."""

    @abstractmethod
    def image_path(self, split: str, name: str) -> str:
        """Of an image, relative to the format's folder."""

    @abstractmethod
    def write_masks(self, root: Path, split: str, samples: Sequence[Sample]) -> None:
        """Write the masks of some faces below `root`, which will be moved to the folder."""

    def mask_path(self, split: str, name: str) -> str | None:
        """Of a mask of one file, relative to the format's folder; None: it is not one."""
        return None

    def metadata_path(self, split: str) -> str:
        """Of the records of a split, relative to the format's folder."""
        return f"{split}/{METADATA_FILE}"

    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        with whole_files(self.folder) as unfinished:
            for sample in samples:
                path = unfinished.folder / self.image_path(split, sample.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(image_file(sample, self.facts, self.suffix))
            self.write_masks(unfinished.folder, split, samples)
        return unfinished.finished

    def finish(self, rows: RowSource) -> list[Path]:
        written = []
        for split in self.facts.splits:
            path = self.folder / self.metadata_path(split)
            write_lines(
                path,
                (
                    {"name": row.name, **self._files(path, split, row.name), **row.record}
                    for row in rows()
                    if row.split == split
                ),
            )
            written.append(path)
        return written

    def image_group(self, pattern: str) -> FileGroup:
        """The images of a folder, by the format they have. pattern: without what they end in."""
        kind = "image/png" if self.suffix == ".png" else "image/jpeg"
        return FileGroup(f"{pattern}{self.suffix}", kind, "images")

    def _files(self, beside: Path, split: str, name: str) -> dict[str, str]:
        """Image and mask relative to the folder of the metadata."""
        folder = beside.parent.relative_to(self.folder)
        files = {"file_name": self.image_path(split, name)}
        if mask := self.mask_path(split, name):
            files["mask_file_name"] = mask
        return {key: str(Path(path).relative_to(folder)) for key, path in files.items()}


def write_lines(path: Path, items: Iterable[Mapping[str, Any]]) -> None:
    """A JSON object a line, whole or not at all; equal items make equal bytes."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for item in items:
            file.write(json.dumps(item, sort_keys=True) + "\n")
