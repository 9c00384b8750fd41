"""Reading a pack of painted faces, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from annotations import default_scheme, encode_mask
from annotations.starter_pack import BadPackError, load_starter_pack, starter_generator


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


def test_a_packs_generator_is_told_without_reading_its_faces(folder: Path) -> None:
    (folder / "masks" / "9.png").unlink()
    assert starter_generator(folder) == "tiny"
    (folder / "pack.yaml").write_text("[damaged")
    assert starter_generator(folder) is None
    assert starter_generator(folder / "elsewhere") is None


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


def test_the_pack_that_ships_is_whole() -> None:
    """As the splits, the rare classes and the conventions are promised in its README."""
    pack = load_starter_pack()
    sizes = {split: len(pack.split(split)) for split in ("train", "validation", "test")}
    assert sizes == {"train": 30, "validation": 10, "test": 10}
    assert len({face.seed for face in pack.faces}) == 50
    faces_with = {
        label.name: sum(bool((face.mask == label.id).any()) for face in pack.faces)
        for label in pack.scheme.classes
    }
    assert min(faces_with.values()) >= 12
    assert faces_with["eyeglass"] >= 12 and faces_with["earring"] >= 12 and faces_with["hat"] >= 8
    assert max(float((face.mask == 255).mean()) for face in pack.faces) <= 0.03
    for split in sizes:
        shown = {id_ for place in pack.split(split) for id_ in np.unique(pack.faces[place].mask)}
        assert shown >= pack.scheme.ids
