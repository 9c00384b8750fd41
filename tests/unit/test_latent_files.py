"""Latents files that others made, damaged or mean to harm, and disks that are full."""

from __future__ import annotations

import io
import resource
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import LatentsError, OutputError
from core.latents import Latents, LatentSpace, read_latents
from tests.tiny_generator import tiny_generator, tiny_latents

SPACE = LatentSpace.of(tiny_generator())
KEYS = [field.name for field in fields(Latents)]


def npz_with(path: Path, **changes: object) -> Path:
    """A latents file made by numpy; a change to None leaves that key out."""
    content = _content() | changes
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    return path


def same(a: Latents, b: Latents) -> bool:
    return all(np.array_equal(getattr(a, key), getattr(b, key)) for key in KEYS)


def _content() -> dict[str, Any]:
    latents = tiny_latents()
    return {key: getattr(latents, key) for key in KEYS}


def test_files_of_numpy_are_read_whatever_their_number_types(tmp_path: Path) -> None:
    ws = np.asfortranarray(tiny_latents().ws.astype(">f8"))
    changes = {"ws": ws, "seeds": np.arange(3, dtype=np.uint32), "psi": 1, "extra": [object()]}
    latents = read_latents(npz_with(tmp_path / "a.npz", **changes), SPACE)
    assert np.array_equal(latents.ws, tiny_latents().ws) and latents.ws.dtype == np.float32
    assert latents.seeds.tolist() == [0, 1, 2] and latents.psi == 1.0


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", **_content())
    assert same(read_latents(tmp_path / "a.npz", SPACE), tiny_latents())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": None, "psi": None}, "seeds, psi missing. A latents file has ws, seeds"),
        ({"ws": np.zeros((3, 5, 16), "f4")}, r"ws have shape \[3, 5, 16\].* needs \[N, 4, 16\]"),
        ({"ws": np.zeros((3, 4, 16), "i4")}, "'ws' must be floating point numbers, is int32"),
        ({"ws": np.full((3, 4, 16), 1e39)}, "not finite"),
        ({"ws": np.array([object()])}, "'ws' holds Python objects, which are never loaded"),
        ({"ws": np.zeros(3, [("a", "f4")])}, "does not describe a plain array"),
        ({"ws": np.zeros((3, 4, 16), "c8")}, "'ws' has type '<c8'. Only numbers and texts"),
        ({"seeds": np.arange(4)}, r"seeds must be whole numbers \[3\], is int64 \[4\]"),
        ({"seeds": np.arange(3.0)}, r"seeds must be whole numbers \[3\], is float64"),
        ({"psi": [0.5, 0.7]}, r"psi must be one number, is float64 \[2\]"),
        ({"psi": float("nan")}, "psi must be a finite number, is nan"),
        ({"generator": 7}, "generator must be one text, is int64"),
    ],
)
def test_a_file_that_says_something_wrong_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(LatentsError, match=rf"a\.npz: .*{message}"):
        read_latents(npz_with(tmp_path / "a.npz", **changes), SPACE)


@pytest.mark.parametrize("shape", [(), (15,), (4, 15), (2, 3, 16), (0, 16), (1, 1, 4, 16)])
def test_a_bare_array_of_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
    with pytest.raises(LatentsError, match=r"ws have shape|at least one face"):
        read_latents(tmp_path / "a.npy", SPACE)


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, name: str) -> None:
    tiny_latents().save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for size in range(0, len(whole), 10):
        (tmp_path / name).write_bytes(whole[:size])
        with pytest.raises(LatentsError, match=name):
            read_latents(tmp_path / name, SPACE)


def test_a_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    latents = tiny_latents(1)
    latents.save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read = read_latents(path, SPACE)
        except LatentsError:
            continue
        assert same(read, latents)  # the flip hit padding or dates: the checksums hold


def test_a_header_that_declares_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    for count, message in [(10**6, "declares 256000000 bytes of data"), (10**8, "Split the file")]:
        with zipfile.ZipFile(npz_with(tmp_path / "a.npz", ws=None), "a") as archive:
            archive.writestr("ws.npy", header((count, 4, 16)) + bytes(100))
        with pytest.raises(LatentsError, match=message):
            read_latents(tmp_path / "a.npz", SPACE)


def test_a_directory_that_claims_more_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ws.npy", header((2**20, 4, 16)))
    whole = bytearray(path.read_bytes())
    entry = whole.index(b"PK\1\2")
    sizes = 2**20 * 256 + 128
    whole[entry + 20 : entry + 28] = sizes.to_bytes(4, "little") * 2  # compressed, plain
    path.write_bytes(whole)
    with pytest.raises(LatentsError, match=r"'ws' claims 268435584 bytes of a file of \d+"):
        read_latents(path, SPACE)


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    count = 2**18  # faces: 64 MiB of zeros in 64 KiB
    with zipfile.ZipFile(npz_with(tmp_path / "a.npz", ws=None), "a") as archive:
        bomb = header((count, 4, 16)) + bytes(count * 4 * 16 * 4)
        archive.writestr("ws.npy", bomb, zipfile.ZIP_DEFLATED, compresslevel=1)
    with pytest.raises(LatentsError, match=r"'ws' would grow from .* 200 times accepted"):
        read_latents(tmp_path / "a.npz", SPACE)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.npz", r"There is no latents file .*missing\.npz"),
        ("folder.npz", r"folder\.npz is damaged or not a latents file"),
        ("latents.pt", r"latents\.pt is not a latents file. They end in \.npz or \.npy"),
        ("text.npz", r"text\.npz is damaged or not a latents file"),
        ("text.npy", r"text\.npy: 'ws' does not start as a numpy array"),
    ],
)
def test_what_is_no_latents_file_is_said(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.npz").mkdir()
    for text in ("text.npz", "text.npy"):
        (tmp_path / text).write_text("hello, this is not an array")
    with pytest.raises(LatentsError, match=message):
        read_latents(tmp_path / name, SPACE)


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
@pytest.mark.parametrize("limit", [0, 200, 700])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, name: str, limit: int) -> None:
    tiny_latents(1).save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OutputError, match=f"Could not write .*{name}"):
            tiny_latents(3).save(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]


def header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, facts)
    return stream.getvalue()
