"""Zip files: those of strangers unpacked with care, ours the same bytes for the same content."""

from __future__ import annotations

import errno
import io
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from annotations.errors import BadRequestError

MAX_MEMBERS = 200_000  # eighteen part files for each of 10,000 faces, and room
MAX_UNPACKED = 4 * 2**30  # bytes
MAX_RATIO = 200  # unpacked to packed; masks as JSON reach 30
FREE_OF_RATIO = 16 * 2**20  # bytes that may be unpacked whatever the ratio

_PIECE = 1 << 20  # bytes
_MAX_AT_ONCE = 32 * 2**20  # bytes; how large the table of contents may be
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}  # what systems add by themselves
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, RuntimeError)
_IMPOSSIBLE = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL)
_WHOLE = "Make the zip file again and send that."


class _CarefulReader(io.BufferedReader):
    """`zipfile` reads a table of contents at once and makes an object of each entry, so one
    that is a bomb by itself must be refused before."""

    def read(self, size: int | None = -1, /) -> bytes:
        is_much = size is None or not 0 <= size <= _MAX_AT_ONCE
        content = super().read(_MAX_AT_ONCE + 1 if is_much else size)
        if len(content) > _MAX_AT_ONCE:
            raise BadRequestError(
                f"The zip file's table of contents has more than {_MAX_AT_ONCE >> 20} MiB. "
                f"At most {MAX_MEMBERS} files are allowed; send them in several zip files."
            )
        return content


def unpack(file: IO[bytes], folder: Path) -> None:
    """Unpack a zip file into an empty folder; folders that hold all the rest are left out.

    Every entry is checked before the first is written. Raises BadRequestError for a file
    that is damaged, encrypted, too large unpacked, or has entries that lead elsewhere or
    are no plain files, OSError where the system refuses.
    """
    num_packed = file.seek(0, io.SEEK_END)
    reader = _CarefulReader(io.FileIO(file.fileno(), closefd=False))
    try:
        with zipfile.ZipFile(reader) as archive:
            members = _members(archive)
            _check_amount(list(members.values()), num_packed)
            depth = _common_folders(members)
            for path, info in members.items():
                _write(archive, info, folder.joinpath(*path.parts[depth:]))
    except _UNREADABLE as error:
        raise BadRequestError(f"The zip file cannot be read: {error}. {_WHOLE}") from error
    except OSError as error:
        if error.errno in _IMPOSSIBLE:
            raise BadRequestError(
                f"The zip file has names that cannot be unpacked ({error.strerror}). {_WHOLE}"
            ) from error
        raise


def pack(file: IO[bytes], folder: Path, more: Iterable[tuple[str, bytes]] = ()) -> None:
    """Write a zip file of all files in a folder, then `more` by name, which come in order.

    PNGs do not compress and are stored. Times are left out: the same content makes the
    same bytes. Raises OSError.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    with zipfile.ZipFile(file, "w") as archive:
        for name in sorted(name for name, path in paths.items() if path.is_file()):
            info = _entry(name)
            info.file_size = paths[name].stat().st_size  # so that it knows whether it is huge
            with paths[name].open("rb") as source, archive.open(info, "w") as target:
                shutil.copyfileobj(source, target)
        for name, content in more:
            archive.writestr(_entry(name), content)


def packed_parts(folder: Path, left_out: Collection[str] = ()) -> Iterator[bytes]:
    """A zip file of all files in a folder, below a folder of its name, piece by piece.

    Nothing is packed tighter: what datasets hold is packed already. left_out: names of files.
    Raises OSError.
    """
    paths = {path.relative_to(folder.parent).as_posix(): path for path in folder.rglob("*")}
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in sorted(paths):
            path = paths[name]
            if not path.is_file() or path.name in left_out:
                continue
            info = _entry(name)
            info.compress_type = zipfile.ZIP_STORED
            info.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(info, "w") as target:
                while block := source.read(_PIECE):
                    target.write(block)
                    yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Takes what a zip file is written to, to be handed on; it cannot be wound back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:  # noqa: ANN401 - any buffer
        self._held += content
        return len(content)

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o644 << 16  # wherever it is made
    is_packed = name.endswith(".png")
    info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
    return info


def _members(archive: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files in it by their path, each of which may be written. Raises BadRequestError."""
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise BadRequestError(
            f"The zip file has {len(infos)} files; at most {MAX_MEMBERS} are allowed. "
            "Send them in several zip files."
        )
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for info in infos:
        path = _safe_path(info)
        if info.is_dir() or not _JUNK.isdisjoint(path.parts):
            continue
        if path in members:
            raise BadRequestError(f"The zip file has two files {info.filename!r}. {_WHOLE}")
        members[path] = info
    return members


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath:
    name = info.orig_filename
    path = PurePosixPath(name)
    is_below = path.parts and not path.is_absolute() and ".." not in path.parts
    if not is_below or not name.isprintable() or "\\" in name or ":" in name:
        raise BadRequestError(
            f"The zip file has an entry {name[:120]!r}, which leads elsewhere or is no name. "
            f"Nothing was unpacked. {_WHOLE}"
        )
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadRequestError(
            f"The zip file's {name[:120]!r} is a link or a device; only files and folders are "
            "allowed. Nothing was unpacked. Put the files themselves into it."
        )
    if info.flag_bits & 1:
        raise BadRequestError(
            f"The zip file is encrypted ({name[:120]!r}). Make it again without a password."
        )
    if info.compress_type not in _METHODS:
        raise BadRequestError(
            f"The zip file's {name[:120]!r} is packed by method {info.compress_type}; 0 (stored) "
            "and 8 (deflated) are understood. Make it again as an ordinary zip file."
        )
    return path


def _check_amount(infos: list[zipfile.ZipInfo], num_packed: int) -> None:
    """Refuse bombs by what the entries say; none is unpacked beyond what it says."""
    total = sum(info.file_size for info in infos)
    if total > MAX_UNPACKED:
        raise BadRequestError(
            f"The zip file has {total / 2**30:.1f} GiB unpacked; at most {MAX_UNPACKED >> 30} "
            "GiB are allowed. Nothing was unpacked; send it in several zip files."
        )
    if total > FREE_OF_RATIO and total > MAX_RATIO * num_packed:
        raise BadRequestError(
            f"The zip file grows {total // num_packed} times when it is unpacked; masks grow at "
            f"most {MAX_RATIO} times. Nothing was unpacked. Check that it is what you meant."
        )


def _common_folders(paths: Iterable[PurePosixPath]) -> int:
    """How many folders, one in the other, hold everything there is."""
    depth = 0
    parts = [path.parts for path in paths]
    while parts and len({one[: depth + 1] for one in parts}) == 1 and len(parts[0]) > depth + 1:
        depth += 1
    return depth


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target)
