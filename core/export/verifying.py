"""Whether a dataset on disk is what its export wrote: every hash, every count, every pixel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import InvalidRequestError
from core.export import checksums
from core.export.croissant import METADATA
from core.export.formats.format import Format, Stored
from core.export.journal import LOCK
from core.export.journal import NAME as JOURNAL
from core.export.sample import name_of, pixels_sha256
from core.export.written import Written, read_written
from core.files import is_unfinished, sha256_of
from core.progress import OnStep, Step, ignore

_UNLABELLED = "255"


class Problem(NamedTuple):
    """What is wrong with one file. file: relative to the dataset's folder."""

    file: str
    message: str


@dataclass
class Verification:
    """files: that were compared. faces: that were read back, in all formats. problems: the first
    ones, by file; num_problems: of all."""

    limit: int
    files: int = 0
    faces: int = 0
    num_problems: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.num_problems

    def add(self, file: str, message: str) -> None:
        self.num_problems += 1
        if len(self.problems) < self.limit:
            self.problems.append(Problem(file, message))


def verify(
    folder: Path, formats: Mapping[str, type[Format]], limit: int = 20, on_step: OnStep = ignore
) -> Verification:
    """Compare all files with the journal and SHA256SUMS, and read every face of every format.

    formats: all there are, by name. limit: how many problems are kept. Nothing is changed.
    Raises InvalidRequestError for a folder without a journal.
    """
    written = read_written(folder)
    found = Verification(limit)
    _check_files(folder, written, found, on_step)
    _check_sums(folder, written, found)
    _check_strangers(folder, written, found)
    if not written.is_finished:
        have, want = sum(written.faces.values()), written.facts.count
        found.add(JOURNAL, f"The export has {have} of {want} faces and is not finished. Go on.")
        return found
    if dict(written.faces) != dict(written.facts.splits):
        found.add(JOURNAL, f"It counts {dict(written.faces)}, not {dict(written.facts.splits)}.")
    if any(problem.file == METADATA for problem in found.problems):
        return found
    for name in sorted({path.split("/")[0] for path in written.files} & set(formats)):
        if not any(problem.file.startswith(f"{name}/") for problem in found.problems):
            made = formats[name](folder / name, written.facts)
            _check_faces(folder, made, found, on_step)
    return found


def _check_files(folder: Path, written: Written, found: Verification, on_step: OnStep) -> None:
    for name, stored in sorted(written.files.items()):
        path = folder / name
        found.files += 1
        on_step(Step(found.files, len(written.files), "comparing", "files"))
        try:
            if path.stat().st_size != stored["size"]:
                found.add(name, f"It has {path.stat().st_size} bytes, not {stored['size']}.")
            elif sha256_of(path) != stored["sha256"]:
                found.add(name, "Its bytes are not those that were written (another sha256).")
        except FileNotFoundError:
            found.add(name, "It is missing.")
        except OSError as error:
            found.add(name, f"It cannot be read: {error.strerror}.")


def _check_sums(folder: Path, written: Written, found: Verification) -> None:
    if not written.is_finished:
        return
    try:
        sums = checksums.read_sums(folder)
    except InvalidRequestError as error:
        found.add(checksums.FILE, str(error))
        return
    expected = {name: stored["sha256"] for name, stored in written.files.items()}
    for name in sorted(sums.keys() ^ expected.keys()):
        which = "lists a file that the journal does not" if name in sums else "does not list a file"
        found.add(checksums.FILE, f"It {which}: {name}.")
    for name in sorted(sums.keys() & expected.keys()):
        if sums[name] != expected[name]:
            found.add(checksums.FILE, f"Its hash of {name} is not the journal's.")


def _check_strangers(folder: Path, written: Written, found: Verification) -> None:
    own = {JOURNAL, LOCK, checksums.FILE}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or name.as_posix() in own or name.as_posix() in written.files:
            continue
        if is_unfinished(name):
            found.add(name.as_posix(), "A run that was killed left it. Go on, or delete it.")
        elif written.is_finished:  # before, a chunk may lie there that has no line yet
            found.add(name.as_posix(), "The export did not write it.")


def _check_faces(folder: Path, made: Format, found: Verification, on_step: OnStep) -> None:
    count, read = made.facts.count, 0
    try:
        for record, stored in zip_longest(_records(folder / METADATA), made.read_back()):
            on_step(Step(read, count, f"reading {made.name}", "faces"))
            if record is None or stored is None:
                more = METADATA if stored is None else made.name
                found.add(made.name, f"{more} has more faces than the other, from face {read} on.")
                return
            if wrong := _wrong(record, stored, name_of(read), made):
                found.add(f"{made.name}: {stored.name}", wrong)
            read += 1
    except (OSError, ValueError, KeyError) as error:
        found.add(made.name, f"It cannot be read back: {error}.")
        return
    found.faces += read
    if read != count:
        found.add(made.name, f"It has {read} faces, not {count}.")


def _wrong(record: Mapping[str, Any], stored: Stored, name: str, made: Format) -> str:
    """What differs between a face and its record; '' where nothing does."""
    if not record["name"] == stored.name == name:
        return f"Its name should be {name}, and is {record['name']} in {METADATA}."
    if record["split"] != stored.split:
        return f"It lies in {stored.split}, not in {record['split']}."
    size = (made.facts.size, made.facts.size)
    if stored.image.shape != (*size, 3) or stored.mask.shape != size:
        return f"Image {stored.image.shape} or mask {stored.mask.shape} is not of {size[0]} px."
    if made.suffix == ".png" and pixels_sha256(stored.image) != record["image_sha256"]:
        return "The pixels of its image are not those that were made."
    is_kept = made.keeps_unlabelled or _UNLABELLED not in record["pixels"]
    if is_kept and pixels_sha256(stored.mask) != record["mask_sha256"]:
        return "The pixels of its mask are not those that were made."
    return ""


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)
