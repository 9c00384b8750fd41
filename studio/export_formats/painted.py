"""Formats whose masks annotations.interchange writes and reads, and two plain ones of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from annotations import interchange
from annotations.errors import AnnotationError, BadSchemeError
from annotations.interchange import IndexOrder
from annotations.interchange.found import NamedMask
from annotations.taxonomy import LabelClass, LabelScheme
from core.errors import InvalidRequestError
from core.export.formats import FileGroup, Stored
from core.export.formats.folders import FolderFormat
from core.export.formats.reading import image_pixels
from core.export.sample import DatasetFacts, Sample


class PaintedFormat(FolderFormat):
    """Masks as `written_as` has them, in a folder a split.

    Raises InvalidRequestError for classes that it cannot hold.
    """

    written_as: ClassVar[interchange.Format]

    def __init__(self, folder: Path, facts: DatasetFacts) -> None:
        super().__init__(folder, facts)
        self.scheme = _scheme_of(facts)
        try:
            self.written_as.check(self.scheme)
        except BadSchemeError as error:
            raise InvalidRequestError(str(error)) from error

    def image_path(self, split: str, name: str) -> str:
        return f"{split}/images/{name}{self.suffix}"

    def read_masks(self, folder: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Names and masks of a folder that `written_as` wrote. Raises ValueError."""
        try:
            found = self.written_as.find(folder, self.scheme, IndexOrder.SCHEME)
            if found.problems:
                raise ValueError(f"{found.problems[0].file}: {found.problems[0].message}")
            for mask in sorted(found.masks, key=lambda mask: int(mask.name)):
                yield mask.name, mask.read()
        except AnnotationError as error:
            raise ValueError(str(error)) from error


class MaskFolder(PaintedFormat):
    """`<split>/images/000000.png` and `<split>/masks/000000.png`."""

    def mask_path(self, split: str, name: str) -> str:
        return f"{split}/masks/{name}.png"

    def write_masks(self, root: Path, split: str, samples: Sequence[Sample]) -> None:
        target = root / split / "masks"
        target.mkdir(parents=True, exist_ok=True)
        self.written_as.write(target, self.scheme, named_masks(samples))

    def groups(self) -> Sequence[FileGroup]:
        masks = FileGroup("*/masks/*.png", "image/png", "masks")
        return (self.image_group("*/images/*"), masks)

    def read_back(self) -> Iterator[Stored]:
        for split in self.facts.splits:
            for name, mask in self.read_masks(self.folder / split / "masks"):
                image = image_pixels(self.folder / self.image_path(split, name))
                yield Stored(name, split, image, mask)


class IndexFolder(MaskFolder):
    """The values of a mask are class ids."""

    name = "index"
    title = "Images and masks as PNG, the values of a mask are class ids"
    written_as = interchange.FORMATS["index"]


class PaletteFolder(MaskFolder):
    """As IndexFolder, and each value has its class's colour."""

    name = "palette"
    title = "Images and masks as PNG, class ids in the colours of the classes"
    written_as = interchange.FORMATS["palette"]


def named_masks(samples: Sequence[Sample]) -> Iterator[NamedMask]:
    return (NamedMask(sample.name, sample.mask) for sample in samples)


def _scheme_of(facts: DatasetFacts) -> LabelScheme:
    classes = (
        LabelClass(label.id, label.name, "#{:02x}{:02x}{:02x}".format(*label.rgb), label.part)
        for label in sorted(facts.classes, key=lambda label: label.id)
    )
    return LabelScheme(facts.scheme, tuple(classes), tuple(facts.conventions.items()))
