"""The containers torch writes: zip archives, the older streams, and plain pickles.

Read by our own restricted reader rather than torch.load, so that every length is compared
with what the file holds before anything is reserved. Tensors come back as `StoredTensor`,
which costs nothing until its `tensor()` is asked for.
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO

import torch

from core.errors import UnsafeCheckpointError, WeightsError
from core.generators.restricted_pickle import Fields, Makers, Opaque, read_pickle
from core.generators.stored_tensors import (
    Storage,
    numpy_scalar,
    numpy_type,
    parameter,
    storage_types,
    stored_tensor,
)

ZIP_START = b"PK\x03\x04"
# Pickles of torch's magic number 0x1950a86a20f9469cfc6c and of its protocol version 1001.
MAX_ENTRIES = 20_000  # of an archive; a StyleGAN2 with its optimisers has some 2 thousand
# What zipfile raises over archives that are not whole.
DAMAGES = (
    *(zipfile.BadZipFile, struct.error, EOFError, OSError),
    *(ValueError, RuntimeError, ArithmeticError, LookupError),
)
STREAM_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03."


@dataclass(frozen=True)
class Persistent:
    """A module pickled by NVIDIA's persistence: its class name and state. Its code is dropped."""

    class_name: str
    state: dict[str, Any] = field(repr=False)


def read_torch_file(content: bytes, source: str) -> object:
    """The value in a .pt (either format) or .pkl file, tensors as StoredTensor."""
    if content.startswith(ZIP_START):
        return _read_archive(content, source)
    if content.startswith(STREAM_START):
        return _read_stream(content, _makers(source), source)
    return read_pickle(BytesIO(content), _makers(source), source)


def _read_archive(content: bytes, source: str) -> object:
    """The zip format: one pickle, and one stored file for each storage."""
    if content.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise UnsafeCheckpointError(
            f"{source} would exhaust memory: it has more than {MAX_ENTRIES} entries. "
            "Nothing of it was run."
        )
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except DAMAGES as error:
        raise WeightsError(
            f"{source} is truncated or damaged ({error}). Get the file again."
        ) from error
    entries = {entry.filename: entry for entry in archive.infolist()}
    packed = [name for name, entry in entries.items() if entry.compress_type != zipfile.ZIP_STORED]
    if packed or sum(entry.file_size for entry in archive.infolist()) > len(content):
        raise UnsafeCheckpointError(
            f"{source} would exhaust memory: its entries are compressed or overlap, which torch "
            "never writes. Nothing of it was run."
        )
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"{source} is a zip file, but not one that torch.save wrote.")
    folder = pickles[0].removesuffix("data.pkl")
    read = partial(_read_entry, archive, source)
    if f"{folder}byteorder" in entries and read(f"{folder}byteorder") != b"little":
        raise WeightsError(f"{source} was written on a big-endian machine; save it again on this.")

    def load_stored(identifier: object) -> Storage:
        dtype, key, count = _storage_facts(identifier)
        name = f"{folder}data/{key}"
        if entries[name].file_size != count * dtype.itemsize:
            raise ValueError(f"storage {key} has not the size it claims")
        return Storage(dtype, count, partial(read, name))

    return read_pickle(BytesIO(read(pickles[0])), _makers(source), source, load_stored)


def _read_entry(archive: zipfile.ZipFile, source: str, name: str) -> bytes:
    try:
        return archive.read(name)
    except DAMAGES as error:
        raise WeightsError(
            f"{source} is damaged at {name[:100]!a} ({error}). Get the file again."
        ) from error


def _read_stream(content: bytes, makers: Makers, source: str) -> object:
    """The format before torch 1.6: pickles in a row, then the storages' bytes."""
    file = BytesIO(content)
    file.seek(len(STREAM_START))
    read_pickle(file, {}, source)  # sizes of C types on the machine that wrote it
    storages: dict[str, Storage] = {}
    places: dict[str, memoryview] = {}

    def load_stored(identifier: object) -> Storage:
        dtype, key, count = _storage_facts(identifier)
        if count * dtype.itemsize > len(content):
            raise ValueError(f"storage {key} is larger than the file")
        found = storages.setdefault(key, Storage(dtype, count, lambda: places[key]))
        if (found.dtype, found.count) != (dtype, count):
            raise ValueError(f"storage {key} is described in two ways")
        return found

    value = read_pickle(file, makers, source, load_stored)
    keys = read_pickle(file, {}, source)
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(storages):
        raise WeightsError(f"{source} is damaged: its list of storages is not right.")
    for key in map(str, keys):
        places[key] = _place(file, content, storages[key], source)
    return value


def _place(file: BinaryIO, content: bytes, storage: Storage, source: str) -> memoryview:
    """The next storage's bytes: an 8-byte count, then the elements."""
    header = file.read(8)
    start = file.tell()
    end = start + storage.count * storage.dtype.itemsize
    if len(header) < 8 or end > len(content):
        raise WeightsError(f"{source} is truncated: it ends within a tensor. Get the file again.")
    if struct.unpack("<q", header) != (storage.count,):
        raise WeightsError(f"{source} is damaged: a storage has not the size it claims.")
    file.seek(end)
    return memoryview(content)[start:end]


def _storage_facts(identifier: object) -> tuple[torch.dtype, str, int]:
    """Type, key and element count out of torch's persistent id."""
    match identifier:
        case ("storage", torch.dtype() as dtype, str(key), str(), int(count), *rest):
            if count >= 0 and not any(rest):
                return dtype, key, count
    raise ValueError("a storage that is not described the way torch does")


def _makers(source: str) -> Makers:
    """What stands for each global that a checkpoint may name."""
    return {
        **storage_types(),
        ("collections", "OrderedDict"): _ordered,
        ("dnnlib.util", "EasyDict"): lambda: {},
        ("argparse", "Namespace"): Fields,
        ("builtins", "set"): lambda _: Opaque(),
        ("torch", "Size"): lambda sizes: sizes,
        ("torch._utils", "_rebuild_tensor_v2"): partial(stored_tensor, source),
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch.storage", "_load_from_bytes"): partial(_embedded_storage, source),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
        ("dnnlib.tflib.network", "Network"): partial(_refuse_tensorflow, source),
        ("numpy", "dtype"): numpy_type,
        ("numpy.core.multiarray", "scalar"): numpy_scalar,
        ("numpy._core.multiarray", "scalar"): numpy_scalar,
    }


def _ordered(pairs: list[list[Any]] | None = None) -> dict[str, Any]:
    """pairs: as Python 2 wrote them. They are taken out, so that nothing is held twice."""
    found = {}
    for key, value in pairs or ():
        if type(key) is not str:
            raise ValueError("a dictionary with keys that are not texts")
        found[key] = value
    if pairs:
        pairs.clear()
    return found


def _embedded_storage(source: str, content: bytes) -> Storage:
    """A storage that torch.save wrote into a string of bytes."""
    if type(content) is not bytes or not content.startswith(STREAM_START):
        raise ValueError("an embedded tensor in an unknown format")
    storage = _read_stream(content, storage_types(), source)
    if not isinstance(storage, Storage):
        raise ValueError("an embedded tensor that is none")
    return storage


def _persistent(meta: dict[str, Any]) -> Persistent:
    """A module by its class name and state; the source code beside them is left unread."""
    name, state = meta["class_name"], meta["state"]
    if type(name) is not str or type(state) is not dict:
        raise ValueError("a module without a name or a state")
    return Persistent(name, state)


def _refuse_tensorflow(source: str) -> None:
    raise WeightsError(
        f"{source} was written by the TensorFlow edition of StyleGAN2, which is not read here. "
        "Convert it with legacy.py of NVlabs/stylegan2-ada-pytorch and add the result."
    )
