"""Arrays on disk (.npz, .npy), written reproducibly and read with suspicion.

A latents file may come from anyone: nothing of it is unpickled, and no memory is taken
before its headers were held against each other, the size of the file and MAX_BYTES.
Formats: numpy.lib.format, PKWARE APPNOTE.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import LatentsError
from core.files import whole_file

MAX_BYTES = 4 * 2**30  # of one array: 116 000 faces of 18 layers of 512 float32
MAX_EXPANSION = 200  # times that compressed data may grow; deflate could 1032
ALWAYS_BYTES = 64 * 2**20  # an array up to this size is read however well it was compressed
_PIECE = 2**20

_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,  # zipfile: encrypted; NotImplementedError: unknown compression
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class StoredArray:
    """An array whose header was read and found plausible, its data not yet.

    shape, dtype: as the file declares them; their product is what the file holds.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool
    open_data: Callable[[], IO[bytes]]

    def read(self) -> NDArray[Any]:
        """The data, in C order. Raises LatentsError where it stops early."""
        order = self.shape[::-1] if self.is_fortran else self.shape
        array = np.empty(order, self.dtype)
        target = array.reshape(-1).view(np.uint8)
        with self.open_data() as stream:
            for start in range(0, len(target), _PIECE):
                wanted = min(_PIECE, len(target) - start)
                piece = stream.read(wanted)
                if len(piece) < wanted:
                    raise LatentsError(
                        f"The data of '{self.name}' stop early. Make the file again."
                    )
                target[start : start + wanted] = np.frombuffer(piece, np.uint8)
        return np.ascontiguousarray(array.T) if self.is_fortran else array


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an uncompressed .npz, whole or not at all; equal arrays make equal bytes.

    numpy.savez stamps the time of writing into every member, hence the zip is made here.
    """
    with whole_file(path) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3  # Unix, wherever it is written
            member.external_attr = 0o644 << 16
            with archive.open(member, "w", force_zip64=True) as stream:
                _write_array(stream, array)


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Write one array as .npy, whole or not at all."""
    with whole_file(path) as unfinished, unfinished.open("wb") as stream:
        _write_array(stream, array)


@contextmanager
def stored_arrays(path: Path, names: Collection[str]) -> Iterator[dict[str, StoredArray]]:
    """Open those of the named arrays that a .npz has, or a .npy, whose array counts as 'ws'.

    Raises LatentsError, naming the file, for everything that is wrong with it, also for
    what goes wrong inside the block.
    """
    if path.suffix not in (".npz", ".npy"):
        raise LatentsError(f"{path} is not a latents file. They end in .npz or .npy.")
    try:
        if path.suffix == ".npy":
            yield {"ws": _stored_in_npy(path)}
        else:
            with zipfile.ZipFile(path) as archive:
                size = path.stat().st_size
                members = {name: f"{name}.npy" for name in names}
                present = set(archive.namelist())
                yield {
                    name: _stored_in_zip(archive, size, name, archive.getinfo(member))
                    for name, member in members.items()
                    if member in present
                }
    except FileNotFoundError as error:
        raise LatentsError(f"There is no latents file {path}.") from error
    except LatentsError as error:
        error.args = (f"{path}: {error}", *error.args[1:])
        raise
    except _UNREADABLE as error:
        raise LatentsError(
            f"{path} is damaged or not a latents file ({error}). Make or download it again."
        ) from error


def _stored_in_npy(path: Path) -> StoredArray:
    def open_data() -> IO[bytes]:
        stream = path.open("rb")
        stream.seek(offset)
        return stream

    with path.open("rb") as stream:
        header = _read_header(stream, "ws")
        offset = stream.tell()
    return _checked("ws", header, path.stat().st_size - offset, open_data)


def _stored_in_zip(
    archive: zipfile.ZipFile, archive_bytes: int, name: str, member: zipfile.ZipInfo
) -> StoredArray:
    def open_data() -> IO[bytes]:
        stream = archive.open(member)
        stream.read(offset)
        return stream

    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise LatentsError(f"'{name}' is compressed in a way numpy never uses. Save it with numpy.")
    if member.compress_size > archive_bytes:
        raise LatentsError(
            f"'{name}' claims {member.compress_size} bytes of a file of {archive_bytes}. "
            "The file is truncated or damaged."
        )
    if member.file_size > max(ALWAYS_BYTES, MAX_EXPANSION * member.compress_size):
        raise LatentsError(
            f"'{name}' would grow from {member.compress_size} to {member.file_size} bytes, "
            f"more than the {MAX_EXPANSION} times accepted. Save it uncompressed."
        )
    with archive.open(member) as stream:
        header = _read_header(stream, name)
        offset = stream.tell()
    return _checked(name, header, member.file_size - offset, open_data)


def _write_array(stream: IO[bytes], array: NDArray[Any]) -> None:
    """Format 1.0, little-endian, C order.

    Not by numpy's own writer: it hands plain files to C and does not notice a full disk.
    """
    plain = np.array(array, dtype=array.dtype.newbyteorder("<"), order="C", copy=None)
    facts = np.lib.format.header_data_from_array_1_0(plain)
    np.lib.format.write_array_header_1_0(stream, facts)
    stream.write(plain.reshape(-1).view(np.uint8).data)


def _read_header(stream: IO[bytes], name: str) -> str:
    """The header's text. Only version 1.0 exists for plain arrays; it is at most 64 KiB."""
    start = stream.read(10)
    if len(start) < 10 or start[:8] != b"\x93NUMPY\x01\x00":
        raise LatentsError(f"'{name}' does not start as a numpy array (format 1.0).")
    return stream.read(int.from_bytes(start[8:], "little")).decode("latin-1")


def _checked(
    name: str, header: str, data_bytes: int, open_data: Callable[[], IO[bytes]]
) -> StoredArray:
    """Hold the header against the bytes there are.

    Plain patterns instead of numpy's reader, which evaluates the header as Python.
    """
    descr = re.search(r"'descr':\s*'([^']*)'", header)
    order = re.search(r"'fortran_order':\s*(True|False)", header)
    shape = re.search(r"'shape':\s*\(([0-9L, ]*)\)", header)  # 3L: from Python 2
    if descr is None or order is None or shape is None:
        raise LatentsError(f"The header of '{name}' does not describe a plain array.")
    if descr[1].endswith("O"):
        raise LatentsError(f"'{name}' holds Python objects, which are never loaded. Save numbers.")
    if not re.fullmatch(r"[<>=|]?(f[248]|[iu][1248]|[US][1-9][0-9]{0,3})", descr[1]):
        raise LatentsError(f"'{name}' has type '{descr[1][:20]}'. Only numbers and texts are read.")
    dtype = np.dtype(descr[1])
    sizes = tuple(int(size) for size in shape[1].replace("L", "").split(",") if size.strip())
    declared = math.prod(sizes) * dtype.itemsize
    if declared > MAX_BYTES:
        raise LatentsError(
            f"'{name}' declares {declared} bytes, more than the {MAX_BYTES} accepted. "
            "Split the file."
        )
    if declared != data_bytes:
        raise LatentsError(
            f"'{name}' declares {declared} bytes of data, the file has {max(data_bytes, 0)}. "
            "It is truncated or damaged."
        )
    return StoredArray(name, sizes, dtype, order[1] == "True", open_data)
