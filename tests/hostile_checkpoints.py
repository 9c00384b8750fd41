"""Checkpoint files made to do harm, for the tests that they do none."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

GOLDEN = Path(__file__).parent / "golden" / "stylegan2"
MEBIBYTE = 2**20
STOP = b"."


class Call:
    """Pickles as a call of `function` with `arguments`, run by any ordinary unpickler."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.made = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.made


def named_call(module: str, name: str, *arguments: str) -> bytes:
    """A pickle that calls module.name(*arguments), whether or not there is such a thing here."""
    texts = b"".join(b"X" + struct.pack("<I", len(text)) + text.encode() for text in arguments)
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + texts + b"tR" + STOP


def as_pickle(payload: bytes) -> bytes:
    return payload


def as_archive(payload: bytes) -> bytes:
    """The payload as the pickle of a file in torch's zip format."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def as_stream(payload: bytes) -> bytes:
    """The payload as the pickle of a file in torch's older format."""
    file = io.BytesIO()
    torch.save(0, file, _use_new_zipfile_serialization=False)
    start = file.getvalue().index(pickle.dumps(0, protocol=2))
    return file.getvalue()[:start] + payload + pickle.dumps([], protocol=2)


def as_embedded_storage(payload: bytes) -> bytes:
    """The payload where NVIDIA's pickles keep the bytes of a tensor."""
    return pickle.dumps(Call(torch.storage._load_from_bytes, as_stream(payload)))


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "pickle": as_pickle,
    "archive": as_archive,
    "stream": as_stream,
    "embedded storage": as_embedded_storage,
}


def doubling_tuples() -> bytes:
    """Sixty tuples, each of the one before twice, as a key: 2^60 steps to hash."""
    levels = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60))
    return b"\x80\x02})" + levels + b"K\x01s" + STOP


def repeated_pairs() -> bytes:
    """One list of 4,000 pairs, of which 70,000 dictionaries are to be made."""
    pairs = b"".join(b"X\x04\x00\x00\x00%04dN\x86" % place for place in range(4_000))
    made = b"ccollections\nOrderedDict\nq\x01" + b"h\x01h\x00\x85R" * 70_000
    return b"\x80\x02]q\x00(" + pairs + b"e" + made + b"0" + STOP


def tensor_beyond_storage(shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """A tensor of that shape on a storage of one element."""
    storage = torch.storage.TypedStorage(  # type: ignore[no-untyped-call]
        wrap_storage=torch.zeros(1).untyped_storage(), dtype=torch.float32, _internal=True
    )
    return pickle.dumps(Call(torch._utils._rebuild_tensor_v2, storage, 0, shape, stride, False, {}))


def storage_beyond_file() -> bytes:
    """A storage that claims a tebibyte, in torch's older format."""
    file = io.BytesIO()
    torch.save(torch.zeros(258), file, _use_new_zipfile_serialization=False)
    count, claimed = b"M\x02\x01N", b"\x8a\x06" + (2**40).to_bytes(6, "little") + b"N"
    return file.getvalue().replace(count, claimed)


def shared_storage() -> bytes:
    """A checkpoint that fits, all of whose tensors of one shape are the same bytes of the file."""
    tensors = torch.load(GOLDEN / "rosinality_16_legacy.pt", weights_only=True)["g_ema"]
    first: dict[torch.Size, torch.Tensor] = {}
    shared = {name: first.setdefault(value.shape, value) for name, value in tensors.items()}
    file = io.BytesIO()
    torch.save({"g_ema": shared}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def compressed_archive() -> bytes:
    """256 MiB of zeros, deflated to some 250 KiB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, protocol=2))
        archive.writestr("archive/data/0", bytes(256 * MEBIBYTE))
    return file.getvalue()


def overlapping_archive() -> bytes:
    """A thousand entries of one mebibyte, all at the same place of the file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(MEBIBYTE))
        entry = archive.infolist()[0]
        archive.filelist += [entry] * 1000
    return file.getvalue()


def crowded_archive() -> bytes:
    """A million entries of nothing."""
    entry = b"PK\x01\x02" + bytes(42)
    directory = entry * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(directory), 4, 0)
    return b"PK\x03\x04" + directory + end


EXHAUSTING: dict[str, Callable[[], bytes]] = {
    "a string of 4 GiB declared": lambda: b"\x80\x02X\xff\xff\xff\xff" + b"a" * 10,
    "bytes of 2^60 declared": lambda: b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"a" * 10,
    "a memo slot of 2^31": lambda: b"\x80\x02Nr\xff\xff\xff\x7f" + STOP,
    "a frame of 2^62": lambda: b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N" + STOP,
    "an integer of 2000 bits": lambda: b"\x80\x02\x8a\xff" + b"\x7f" * 255 + STOP,
    "an integer of 20 MB": lambda: (
        b"\x80\x02\x8b" + struct.pack("<i", 2 * 10**7) + b"\x7f" * (2 * 10**7)
    ),
    "an integer of many digits": lambda: b"I" + b"9" * 10**6 + b"\n" + STOP,
    "a million duplicates": lambda: b"\x80\x02]" + b"2" * 10**6 + STOP,
    "ten million lists": lambda: b"\x80\x02" + b"]" * 10**7 + STOP,
    "lists nested deeply": lambda: b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + STOP,
    "tuples nested deeply": lambda: b"\x80\x02)" + b"\x85" * 200_000 + STOP,
    "tuples that double": doubling_tuples,
    "dictionaries of the same pairs": repeated_pairs,
    "a tensor of 2^40 elements": lambda: tensor_beyond_storage((2**40,), (1,)),
    "a tensor of repeated elements": lambda: tensor_beyond_storage((2**20, 2**20), (0, 0)),
    "a tensor far into its storage": lambda: tensor_beyond_storage((2,), (2**50,)),
    "a storage of a tebibyte": storage_beyond_file,
    "tensors that share their bytes": shared_storage,
    "a compressed archive": compressed_archive,
    "an archive of overlapping entries": overlapping_archive,
    "an archive of a million entries": crowded_archive,
}
