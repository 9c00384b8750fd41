"""WebDataset: tar files of a chunk each, in which files of one stem are a face.

`000000.png` (or .jpg), `000000.mask.png`, `000000.ws.npy` and `000000.json`, the record.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.export.formats.format import FileGroup, Format, Stored
from core.export.formats.reading import image_pixels, mask_pixels
from core.export.pictures import image_file, mask_file
from core.export.sample import Sample
from core.files import whole_file


class WebDataset(Format):
    """`<split>-000000.tar`, `<split>-000001.tar`, ..."""

    name = "webdataset"
    title = "WebDataset: tar shards of image, mask, latents and record"

    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        from webdataset.writer import TarWriter  # here: it loads torch's data loaders

        place = self.facts.place_in_split(chunk_index, split)
        path = self.folder / f"{split}-{place:06d}.tar"
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            owner = {"user": "faceloom", "group": "faceloom"}
            with TarWriter(file, encoder=False, mtime=0, **owner) as tar:
                for sample in samples:
                    tar.write({"__key__": sample.name, **self._files(sample)})
        return [path]

    def groups(self) -> Sequence[FileGroup]:
        return (FileGroup("*.tar", "application/x-tar", "faces"),)

    def hub_files(self) -> Mapping[str, str]:
        return {split: f"{split}-*.tar" for split in self.facts.splits}

    def read_back(self) -> Iterator[Stored]:
        for split in self.facts.splits:
            for path in sorted(self.folder.glob(f"{split}-*.tar")):
                yield from self._faces(path, split)

    def _files(self, sample: Sample) -> dict[str, bytes]:
        record = json.dumps({"split": sample.order.split, **sample.record}, sort_keys=True)
        return {
            self.suffix[1:]: image_file(sample, self.facts, self.suffix),
            "mask.png": mask_file(sample),
            "ws.npy": _npy(sample.ws),
            "json": record.encode(),
        }

    def _faces(self, path: Path, split: str) -> Iterator[Stored]:
        """TarWriter sorts a face's files by how they end: jpg, json, mask.png, png, ws.npy."""
        files: dict[str, bytes] = {}
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    stem, ending = member.name.split(".", 1)
                    stream = tar.extractfile(member)
                    files[ending] = b"" if stream is None else stream.read()
                    if ending == "ws.npy":  # the last of a face
                        image = image_pixels(files[self.suffix[1:]])
                        yield Stored(stem, split, image, mask_pixels(files["mask.png"]))
                        files = {}
        except (tarfile.TarError, KeyError) as error:
            raise ValueError(f"{path.name} is not what was written ({error})") from error


def _npy(array: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
