"""Reading a pack of painted faces, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from annotations import default_scheme, encode_mask
from annotations.starter_pack import BadPackError, load_starter_pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack of two faces of 8 px."""
    (tmp_path / "masks").mkdir()
    faces = []
    for seed, split in ((3, "train"), (9, "test")):
        mask = np.full((8, 8), seed, np.uint8)
        (tmp_path / "masks" / f"{seed}.png").write_bytes(encode_mask(mask, default_scheme()))
        faces.append({"seed": seed, "split": split, "tags": ["hat"], "doubts": "none"})
    (tmp_path / "latents.npz").write_bytes(b"read by core, not here")
    _list(tmp_path, faces)
    return tmp_path


def _list(folder: Path, faces: object) -> None:
    content = {"generator": "tiny", "generator_sha256": "0" * 64, "psi": 0.7, "size": 8}
    (folder / "pack.yaml").write_text(yaml.safe_dump(content | {"faces": faces}))


def test_a_pack_gives_its_faces_in_order(folder: Path) -> None:
    pack = load_starter_pack(folder)
    assert [(face.seed, face.split, face.tags) for face in pack.faces] == [
        (3, "train", ("hat",)),
        (9, "test", ("hat",)),
    ]
    assert np.all(pack.faces[1].mask == 9)
    assert pack.split("test") == (1,) and pack.split("validation") == ()
    assert (pack.generator, pack.psi, pack.size, pack.scheme) == ("tiny", 0.7, 8, default_scheme())


def test_a_pack_may_bring_its_own_scheme(folder: Path) -> None:
    text = (
        "name: own\nclasses: [{id: 3, name: a, color: '#000000'}, "
        "{id: 9, name: b, color: '#0000ff'}]"
    )
    (folder / "scheme.yaml").write_text(text)
    for seed in (3, 9):
        (folder / "masks" / f"{seed}.png").write_bytes(encode_mask(np.full((8, 8), seed, np.uint8)))
    assert load_starter_pack(folder).scheme.name == "own"


@pytest.mark.parametrize("name", ["pack.yaml", "latents.npz", "masks/9.png"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BadPackError, match=f"{name}.*git checkout"):
        load_starter_pack(folder)


def test_a_mask_of_another_size_is_refused(folder: Path) -> None:
    (folder / "masks" / "3.png").write_bytes(encode_mask(np.zeros((4, 4), np.uint8)))
    with pytest.raises(BadPackError, match=r"3\.png: The mask is 4 x 4 px"):
        load_starter_pack(folder)


@pytest.mark.parametrize(
    ("faces", "complaint"),
    [
        ([{"seed": 3, "split": "training", "tags": []}], "face 3 must be one of train"),
        ([{"seed": "x", "split": "train", "tags": []}], "invalid literal"),
        ([{"seed": 3}], "'split' is missing"),
        (7, "not iterable"),
    ],
)
def test_a_list_that_is_none_is_refused(folder: Path, faces: object, complaint: str) -> None:
    _list(folder, faces)
    with pytest.raises(BadPackError, match=complaint):
        load_starter_pack(folder)
