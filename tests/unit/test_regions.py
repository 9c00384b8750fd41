"""Regions of stored faces: computed once, kept whole, and never an error."""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotations import AnnotationStore, NewFace
from annotations.errors import NotFoundError
from core.errors import OutputError
from core.generators import Noise, Outputs
from core.sampling import latents_from_seeds
from core.superpixels import Regions, compute_regions, from_wire
from studio.model_cache import ModelCache
from studio.workflows import regions as workflow
from studio.workflows.regions import face_regions
from tests.painted_faces import new_face, picture
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]

Compute = Callable[..., Regions]


@pytest.fixture
def faces(sqlite_database_url: str) -> Iterator[AnnotationStore]:
    with AnnotationStore.open_url(sqlite_database_url) as opened:
        yield opened


@pytest.fixture
def made_with(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For each computation, the number of feature maps it was given."""
    numbers: list[int] = []

    def compute(picture: np.ndarray, features: list[np.ndarray]) -> Regions:
        numbers.append(len(features))
        return compute_regions(picture, features)

    monkeypatch.setattr(workflow, "compute_regions", compute)
    return numbers


def generated(models: ModelCache, seed: int = 3) -> NewFace:
    """A face as the Sample tab adds it, by the 32 px network 'small'."""
    generator = models.generator("small")
    latents = latents_from_seeds(generator, [seed], psi=0.7, noise=Noise())
    image = models.runtime("small", Outputs()).render(latents.ws[0])["image"]
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    sha256 = generator.identity.sha256
    return NewFace(file.getvalue(), latents.ws[0], "small", sha256, seed, 0.7)


def added(store: AnnotationStore, face: NewFace) -> int:
    return store.faces.add(store.projects.create("faces").id, [face]).face_ids[0]


def test_a_generated_face_has_regions_from_its_features(
    faces: AnnotationStore, small_models: ModelCache, tmp_path: Path, made_with: list[int]
) -> None:
    face_id = added(faces, generated(small_models))
    regions = from_wire(gzip.decompress(face_regions(faces, small_models, tmp_path, face_id)))
    assert regions.ids.shape == (32, 32) and made_with == [3]


def test_a_face_is_computed_once_and_then_kept(
    faces: AnnotationStore, small_models: ModelCache, tmp_path: Path, made_with: list[int]
) -> None:
    face_id = added(faces, generated(small_models))
    first, second = (face_regions(faces, small_models, tmp_path, face_id) for _ in range(2))
    assert first == second and len(made_with) == 1
    (file,) = (tmp_path / "regions").iterdir()
    assert file.read_bytes() == first
    assert file.name.startswith(faces.faces.get(face_id).identity_sha256)


def test_requests_at_once_compute_once(
    faces: AnnotationStore, small_models: ModelCache, tmp_path: Path, made_with: list[int]
) -> None:
    face_id, together = added(faces, generated(small_models)), threading.Barrier(4)

    def ask(_: int) -> bytes:
        together.wait(timeout=30)
        return face_regions(faces, small_models, tmp_path, face_id)

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(ask, range(4)))
    assert len(answers) == 1 and len(made_with) == 1


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(b"no regions", mtime=0), None])
def test_a_damaged_file_is_made_anew(
    faces: AnnotationStore, small_models: ModelCache, tmp_path: Path, damage: bytes | None
) -> None:
    face_id = added(faces, generated(small_models))
    whole = face_regions(faces, small_models, tmp_path, face_id)
    (file,) = (tmp_path / "regions").iterdir()
    file.write_bytes(whole[:-9] if damage is None else damage)
    assert face_regions(faces, small_models, tmp_path, face_id) == whole == file.read_bytes()


CHANGES: dict[str, Callable[[NewFace], NewFace]] = {
    "unknown generator": lambda face: dataclasses.replace(face, generator="elsewhere"),
    "other weights": lambda face: dataclasses.replace(face, generator_sha256="cd" * 32),
    "a preview, not a generator": lambda face: dataclasses.replace(
        face, generator="preview-mobilestylegan-ffhq-1024"
    ),
    "picture of something else": lambda face: dataclasses.replace(
        face, picture=picture(1, (32,) * 2)
    ),
    "picture of another shape": lambda face: dataclasses.replace(
        face, picture=picture(1, (20, 48))
    ),
    "latent of another shape": lambda face: dataclasses.replace(face, ws=face.ws[:1].copy()),
    "noise nobody knows": lambda face: dataclasses.replace(face, noise="loud"),
    "noise it has not": lambda face: dataclasses.replace(face, noise="baked"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_without_its_own_features_a_face_has_regions_from_its_picture(
    faces: AnnotationStore,
    small_models: ModelCache,
    tmp_path: Path,
    made_with: list[int],
    change: str,
) -> None:
    face_id = added(faces, CHANGES[change](generated(small_models)))
    wire = face_regions(faces, small_models, tmp_path, face_id)
    face = faces.faces.get(face_id)
    assert from_wire(gzip.decompress(wire)).ids.shape == (face.height, face.width)
    assert made_with == [0]


def test_weights_that_are_not_here_are_not_downloaded(
    faces: AnnotationStore, small_models: ModelCache, tmp_path: Path, made_with: list[int]
) -> None:
    known = small_models.weights.entry(small_models.weights.default("generator"))
    assert not known.path.is_file()  # the test's weights folder has only 'small'
    face = dataclasses.replace(new_face(1), generator=known.name, generator_sha256=known.sha256)
    face_regions(faces, small_models, tmp_path, added(faces, face))
    assert made_with == [0] and not known.path.exists()


def test_regions_are_made_anew_once_the_generator_is_here(
    faces: AnnotationStore,
    small_models: ModelCache,
    tmp_path: Path,
    made_with: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    face_id = added(faces, generated(small_models))
    with monkeypatch.context() as patch:
        patch.setattr(small_models.weights, "entries", dict)
        face_regions(faces, small_models, tmp_path, face_id)
    face_regions(faces, small_models, tmp_path, face_id)
    assert made_with == [0, 3]


def test_the_oldest_files_beyond_the_limit_are_removed(
    faces: AnnotationStore,
    small_models: ModelCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workflow, "MAX_KEPT", 2)
    project = faces.projects.create("faces")
    ids = faces.faces.add(project.id, [new_face(seed) for seed in range(4)]).face_ids
    for age, face_id in enumerate(ids):
        face_regions(faces, small_models, tmp_path, face_id)
        for file in (tmp_path / "regions").glob(f"{faces.faces.get(face_id).identity_sha256}*"):
            os.utime(file, (age, age))
    kept = {file.name.split("-")[0] for file in (tmp_path / "regions").iterdir()}
    assert kept == {faces.faces.get(face_id).identity_sha256 for face_id in ids[2:]}


def test_regions_are_given_even_where_they_cannot_be_kept(
    faces: AnnotationStore,
    small_models: ModelCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OutputError(f"The disk is full while writing {path}.")

    monkeypatch.setattr(workflow, "write_whole", full)
    wire = face_regions(faces, small_models, tmp_path, added(faces, new_face(0)))
    assert from_wire(gzip.decompress(wire)).num_regions > 1
    assert not (tmp_path / "regions").exists()


def test_a_face_that_is_not_there_is_said_so(
    faces: AnnotationStore, small_models: ModelCache, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match="face 7"):
        face_regions(faces, small_models, tmp_path, 7)
