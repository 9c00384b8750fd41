"""The journal of an export: what was asked, and a line for every chunk that is on disk.

    <out>/journal.jsonl             header, then one line a chunk, each appended and synced
    <out>/records/00000.jsonl.gz    what is known of each face of a chunk
    <out>/latents/00000.npz         their ws, float32 [n, L, D]
    <out>/dropped/00000.jsonl.gz    what was made and not taken, with the reason
    <out>/dropped/00000-003.jpg     a look at some of those

A chunk counts once its line is there; without it, it is made again from its first face and
writes the same bytes over whatever a kill left behind. So a run that was killed anywhere and
started again ends like one that was not.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image

from core.errors import InvalidRequestError, OutputError
from core.export.checksums import write_sums
from core.export.engines.engine import MadeChunk
from core.export.sample import Row
from core.files import is_unfinished, remove_unfinished, sha256_of, system_refused, write_whole
from core.latent_files import write_npz

NAME = "journal.jsonl"
LOCK = ".lock"
KIND = "faceloom export"
VERSION = 1


@dataclass(frozen=True)
class StoredFile:
    """A file that an export wrote, by its path relative to the folder. size: bytes."""

    size: int
    sha256: str


@dataclass(frozen=True)
class ChunkLine:
    """What the journal says of a chunk. dropped: number by reason. kept: faces that stayed in
    spite of faults, because the tries were used up."""

    chunk: int
    split: str
    first: int
    faces: int
    dropped: Mapping[str, int]
    kept: int
    files: Mapping[str, StoredFile]


@dataclass(frozen=True)
class Finished:
    """The last line: the files that belong to no chunk."""

    files: Mapping[str, StoredFile] = field(default_factory=dict)


class Journal:
    """The journal of one folder, held alone. Use it as a context.

    asked: the recipe and the facts as plain JSON; a folder that holds another export, or
    anything else, is refused. settle: what is measured once at the start (limits of the filter),
    plain JSON; read from the journal when a run goes on.

    Raises InvalidRequestError, OutputError.
    """

    def __init__(
        self, folder: Path, asked: Mapping[str, Any], settle: Callable[[], Mapping[str, Any]]
    ) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK)
        self._asked = json.loads(json.dumps(asked))
        self._settle = settle
        self.settled: Mapping[str, Any] = {}
        self.chunks: dict[int, ChunkLine] = {}
        self.finished: Finished | None = None

    def __enter__(self) -> Journal:
        _check_free(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InvalidRequestError(
                f"Another export is writing to {self.folder}. Wait for it, or choose another "
                "folder."
            ) from None
        except OSError as error:
            raise system_refused(error, self.folder / LOCK) from error
        try:
            self._begin()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._lock.release()

    def commit(self, made: MadeChunk, files: Iterable[Path]) -> None:
        """Write what is known of the chunk, then its line. files: what the formats wrote."""
        chunk = made.chunk
        index = f"{chunk.index:05d}"
        own = [self.folder / "records" / f"{index}.jsonl.gz"]
        _write_lines(own[0], ({"name": s.name, **s.record} for s in made.samples))
        own.append(self.folder / "latents" / f"{index}.npz")
        write_npz(own[1], {"ws": np.stack([sample.ws for sample in made.samples])})
        own += self._write_dropped(made, index)
        line = ChunkLine(
            chunk.index,
            chunk.split,
            chunk.orders[0].place,
            len(made.samples),
            dict(sorted(Counter(dropped.reason for dropped in made.dropped).items())),
            sum(bool(sample.record.get("faults")) for sample in made.samples),
            self._stored([*own, *files]),
        )
        self._append(asdict(line))
        self.chunks[chunk.index] = line

    def finish(self, files: Iterable[Path]) -> None:
        """All is made: SHA256SUMS, then the journal anew, its lines in the order of the chunks."""
        self.finished = Finished(self._stored(files))
        stored = [line.files for line in self.chunks.values()] + [self.finished.files]
        sums = {name: file.sha256 for each in stored for name, file in each.items()}
        write_sums(self.folder, sums)
        lines = [self._header(), *(asdict(self.chunks[index]) for index in sorted(self.chunks))]
        lines.append({"finished": asdict(self.finished)})
        write_whole(self.folder / NAME, b"".join(map(_line, lines)))

    def rows(self) -> Iterator[Row]:
        """Every face on disk, in order."""
        for index in sorted(self.chunks):
            line = self.chunks[index]
            for record in _read_lines(self.folder / "records" / f"{index:05d}.jsonl.gz"):
                yield Row(record.pop("name"), line.split, record)

    def faces(self) -> int:
        """On disk."""
        return sum(line.faces for line in self.chunks.values())

    def dropped(self) -> dict[str, int]:
        """Number by reason."""
        found: Counter[str] = Counter()
        for line in self.chunks.values():
            found.update(line.dropped)
        return dict(sorted(found.items()))

    def _begin(self) -> None:
        """Read what is there, or write the header."""
        remove_unfinished(self.folder)  # of a run that was killed
        path = self.folder / NAME
        if not path.is_file():
            self.settled = json.loads(json.dumps(self._settle()))
            write_whole(path, _line(self._header()))
            return
        header, *lines = self._read(path)
        if header.get("kind") != KIND or header.get("version") != VERSION:
            raise InvalidRequestError(f"{path} is not a journal of this version. {_OTHER}")
        if differing := _differing(header["asked"], self._asked):
            raise InvalidRequestError(f"{self.folder} holds another export: {differing}. {_OTHER}")
        self.settled = header["settled"]
        for line in lines:
            if "finished" in line:
                self.finished = Finished(_files(line["finished"]["files"]))
                continue
            chunk = ChunkLine(**{**line, "files": _files(line["files"])})
            if self._is_whole(chunk):
                self.chunks[chunk.chunk] = chunk

    def _read(self, path: Path) -> list[dict[str, Any]]:
        """The lines; a last one that a kill cut short is cut off."""
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise InvalidRequestError(f"{path} is damaged ({error}). {_OTHER}") from error
        if not lines:
            raise InvalidRequestError(f"{path} is damaged: it is empty. {_OTHER}")
        if len(whole) < len(content):
            write_whole(path, whole)
        return lines

    def _is_whole(self, line: ChunkLine) -> bool:
        """Whether every file is there at its size."""
        for name, stored in line.files.items():
            try:
                if (self.folder / name).stat().st_size != stored.size:
                    return False
            except OSError:
                return False
        return True

    def _header(self) -> dict[str, Any]:
        return {
            "kind": KIND,
            "version": VERSION,
            "asked": self._asked,
            "settled": dict(self.settled),
        }

    def _append(self, content: Mapping[str, Any]) -> None:
        path = self.folder / NAME
        try:
            with path.open("ab") as file:
                start = file.tell()
                try:
                    file.write(_line(content))
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(start)
                    raise
        except OSError as error:
            raise system_refused(error, path) from error

    def _stored(self, files: Iterable[Path]) -> dict[str, StoredFile]:
        try:
            return {
                path.relative_to(self.folder).as_posix(): StoredFile(
                    path.stat().st_size, sha256_of(path)
                )
                for path in sorted(files)
            }
        except OSError as error:
            raise OutputError(
                f"{error.filename} cannot be read back ({error.strerror})."
            ) from error

    def _write_dropped(self, made: MadeChunk, index: str) -> list[Path]:
        if not made.dropped:
            return []
        written = [self.folder / "dropped" / f"{index}.jsonl.gz"]
        _write_lines(written[0], (asdict(dropped) for dropped in made.dropped))
        for place, picture in made.looks.items():
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "JPEG", quality=85)
            written.append(self.folder / "dropped" / f"{index}-{place:03d}.jpg")
            write_whole(written[-1], file.getvalue())
        return written


_OTHER = "Choose another folder, or delete this one."


def _check_free(folder: Path) -> None:
    """Nothing is written among the files of others."""
    if folder.is_file():
        raise InvalidRequestError(f"{folder} is a file, not a folder. {_OTHER}")
    if folder.is_dir() and not (folder / NAME).exists():
        others = [
            path.name
            for path in folder.iterdir()
            if path.name != LOCK and not is_unfinished(Path(path.name))
        ]
        if others:
            raise InvalidRequestError(
                f"{folder} holds other files ({', '.join(sorted(others)[:3])}), and no export to "
                "go on with. Choose an empty folder."
            )


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The keys whose values differ, in words; '' where none do."""
    found: list[str] = []
    for key in sorted({*before, *now}, key=lambda key: (key != "recipe", key)):
        old, new = before.get(key), now.get(key)
        if old == new or (found and key != "recipe" and before.get("recipe") != now.get("recipe")):
            continue  # what follows from another recipe needs no words
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found.append(_differing(old, new))
        else:
            found.append(f"its {key} is {json.dumps(old):.60}, not {json.dumps(new):.60}")
    return "; ".join(found[:4])


def _files(content: Mapping[str, Mapping[str, Any]]) -> dict[str, StoredFile]:
    return {name: StoredFile(**stored) for name, stored in content.items()}


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode() + b"\n"


def _write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    write_whole(path, gzip.compress(b"".join(map(_line, lines)), 6, mtime=0))


def _read_lines(path: Path) -> Sequence[dict[str, Any]]:
    try:
        with gzip.open(path, "rb") as file:
            return [json.loads(line) for line in file]
    except (OSError, EOFError, ValueError) as error:
        raise OutputError(
            f"{path} cannot be read back ({error}). Delete it and run the same command again."
        ) from error
