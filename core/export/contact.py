"""A look at a dataset: some of its faces, small, each with its mask beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.export.formats.format import FileGroup, Format, Stored
from core.export.marks import Mark, jpeg_file
from core.export.pictures import mark_of
from core.export.sample import DatasetFacts, Sample
from core.files import whole_files, write_whole

SHEET = "contact_sheet.jpg"
FACES, COLUMNS = 24, 4  # of the sheet
_SIDE, _GAP = 160, 6  # px
_QUALITY = 90
_UNLABELLED_RGB = (128, 128, 128)


class Previews(Format):
    """`previews/000000.jpg`: FACES faces from all over the dataset, as they come by."""

    name = "previews"
    title = "Small faces for the contact sheet"

    def write_chunk(self, chunk_index: int, split: str, samples: Sequence[Sample]) -> list[Path]:
        chosen = set(chosen_places(self.facts.count))
        with whole_files(self.folder) as unfinished:
            for sample in samples:
                if sample.order.place in chosen:
                    mark = mark_of(self.facts, sample.record) if self.facts.is_marked else None
                    both = np.asarray(face_and_mask(sample, self.facts))
                    path = unfinished.folder / f"{sample.name}.jpg"
                    path.write_bytes(jpeg_file(both, mark, _QUALITY))
        return unfinished.finished

    def groups(self) -> Sequence[FileGroup]:
        return ()

    def read_back(self) -> Iterator[Stored]:
        return iter(())


def chosen_places(count: int) -> list[int]:
    """Places of up to FACES faces, spread evenly, ascending."""
    shown = min(FACES, count)
    return [place * count // shown for place in range(shown)]


def face_and_mask(sample: Sample, facts: DatasetFacts) -> Image.Image:
    """Side by side at _SIDE px: the image, and its classes' colours over a dim image."""
    image = Image.fromarray(sample.image).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    colours = np.full((256, 3), _UNLABELLED_RGB, np.uint8)
    for label in facts.classes:
        colours[label.id] = label.rgb
    mask = Image.fromarray(colours[sample.mask]).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    both = Image.new("RGB", (2 * _SIDE, _SIDE))
    both.paste(image, (0, 0))
    both.paste(Image.blend(image, mask, 0.7), (_SIDE, 0))
    return both


def write_contact_sheet(folder: Path, facts: DatasetFacts) -> Path:
    """Join the previews below `folder` into one JPEG there, marked as synthetic."""
    paths = [
        path
        for place in chosen_places(facts.count)
        if (path := folder / Previews.name / f"{place:06d}.jpg").is_file()
    ]
    rows = -(-max(1, len(paths)) // COLUMNS)
    wide, tall = 2 * _SIDE + _GAP, _SIDE + _GAP
    sheet = Image.new("RGB", (wide * COLUMNS + _GAP, tall * rows + _GAP), "white")
    for place, path in enumerate(paths):
        corner = (_GAP + place % COLUMNS * wide, _GAP + place // COLUMNS * tall)
        with Image.open(path) as picture:
            sheet.paste(picture, corner)
    mark = Mark({"dataset": facts.name}) if facts.is_marked else None
    write_whole(folder / SHEET, jpeg_file(np.asarray(sheet), mark, _QUALITY))
    return folder / SHEET
