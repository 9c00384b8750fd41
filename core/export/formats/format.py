"""What every format of a dataset can do: take a chunk, finish, be described and be read back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.export.pictures import Suffix, image_suffix
from core.export.sample import DatasetFacts, RowSource, Sample

Holds = Literal["images", "masks", "parts", "documents", "faces"]


@dataclass(frozen=True)
class FileGroup:
    """Files of one kind. pattern: glob relative to the format's folder. media_type: as IANA has it.

    holds: images or masks, a file a face; parts of masks, several a face; documents on many faces;
    faces: image, mask and all else, many a file.
    """

    pattern: str
    media_type: str
    holds: Holds


class Stored(NamedTuple):
    """A face as a format has it. image: uint8 [S, S, 3]. mask: class ids uint8 [S, S]."""

    name: str
    split: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


class Format(ABC):
    """One way to lay a dataset out.

    folder: the format's own. Calls of one instance come one after another; each file is whole or
    not there, and the same for the same samples, so that a chunk may be written again. Raises
    InvalidRequestError for facts that it cannot hold.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # for people: what it is, and how files lie
    native_suffix: ClassVar[Suffix] = ".png"
    keeps_unlabelled: ClassVar[bool] = True  # whether 255 comes back as 255

    def __init__(self, folder: Path, facts: DatasetFacts) -> None:
        self.folder = folder
        self.facts = facts

    @property
    def suffix(self) -> Suffix:
        """How its image files end; with '.jpg' pixels are not kept exactly."""
        return image_suffix(self.facts, self.native_suffix)

    @abstractmethod
    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        """Write the faces of a chunk; returns the files. Raises OutputError."""

    def finish(self, rows: RowSource) -> list[Path]:
        """Write what needs all chunks; returns the files. May be called again."""
        return []

    @abstractmethod
    def groups(self) -> Sequence[FileGroup]:
        """Its files, by kind."""

    def hub_files(self) -> Mapping[str, str]:
        """Split -> glob of the files that `datasets.load_dataset` reads; empty: it cannot."""
        return {}

    @abstractmethod
    def read_back(self) -> Iterator[Stored]:
        """Every face, from its files. Raises OSError or ValueError where one cannot be read."""
