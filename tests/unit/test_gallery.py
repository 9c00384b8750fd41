"""Faces for looking through, full-size faces, latents, mixing grids and walks in the cache."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import Cancelled, InvalidRequestError
from core.generators import Noise
from core.images import read_png_facts
from core.latents import LatentSpace, read_latents
from core.progress import Step
from studio.model_cache import ModelCache
from studio.workflows import (
    Face,
    FaceSettings,
    GalleryRequest,
    MixRequest,
    make_gallery,
    mix_faces,
    open_face,
    save_latents,
    walk_to_cache,
)
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures

SETTINGS = FaceSettings("small")


def faces_of(request: GalleryRequest, models: ModelCache, folder: Path) -> list[Face]:
    faces: list[Face] = []
    make_gallery(request, models, folder, faces.append)
    return faces


def test_a_gallery_has_one_small_picture_for_each_seed(
    small_models: ModelCache, tmp_path: Path
) -> None:
    request = GalleryRequest(SETTINGS, (5, 3, 5), size=16)
    faces = faces_of(request, small_models, tmp_path)
    assert [face.seed for face in faces] == [5, 3]
    with Image.open(faces[0].picture) as image:
        assert image.format == "JPEG" and image.size == (16, 16)


def test_pictures_of_the_cache_are_not_made_again(small_models: ModelCache, tmp_path: Path) -> None:
    request = GalleryRequest(SETTINGS, (1, 2), size=16)
    first = faces_of(request, small_models, tmp_path)
    times = [os.stat(face.picture).st_mtime_ns for face in first]
    assert faces_of(request, small_models, tmp_path) == first
    assert [os.stat(face.picture).st_mtime_ns for face in first] == times


@pytest.mark.parametrize(
    "other", [FaceSettings("small", psi=1.0), FaceSettings("small", noise=Noise("fixed", 3))]
)
def test_other_settings_are_other_pictures(
    small_models: ModelCache, tmp_path: Path, other: FaceSettings
) -> None:
    a, b = (
        faces_of(GalleryRequest(settings, (1,)), small_models, tmp_path)[0].picture
        for settings in (SETTINGS, other)
    )
    assert a != b and a.read_bytes() != b.read_bytes()


def test_random_noise_differs_between_faces_and_comes_again(
    small_models: ModelCache, tmp_path: Path
) -> None:
    request = GalleryRequest(FaceSettings("small", noise=Noise("random", 40)), (7, 8))
    assert [str(request.settings.noise_of(place)) for place in (0, 1)] == ["fixed:40", "fixed:41"]
    path, facts = open_face(request, 8, small_models, tmp_path)
    assert facts["noise"] == "fixed:41" and read_png_facts(path) == facts


def test_a_quality_that_none_reaches_makes_nothing(
    small_models: ModelCache, tmp_path: Path
) -> None:
    request = GalleryRequest(FaceSettings("small", psi=2.0), (1, 2), min_quality=100)
    with pytest.raises(InvalidRequestError, match=r"None of the 2 faces reaches quality 100"):
        faces_of(request, small_models, tmp_path)
    assert list(tmp_path.rglob("*.jpg")) == []


def test_too_many_faces_are_refused(small_models: ModelCache, tmp_path: Path) -> None:
    request = GalleryRequest(SETTINGS, tuple(range(2001)))
    with pytest.raises(InvalidRequestError, match="2001 faces are too many to look through"):
        faces_of(request, small_models, tmp_path)


def test_a_stop_between_faces_stops(small_models: ModelCache, tmp_path: Path) -> None:
    faces: list[Face] = []

    def stop_after_two(step: Step) -> None:
        if step.done == 2:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled, match="Stopped"):
        make_gallery(
            GalleryRequest(SETTINGS, tuple(range(9))),
            small_models,
            tmp_path,
            faces.append,
            stop_after_two,
        )
    assert len(faces) == len(list(tmp_path.rglob("*.jpg"))) == 2


def test_a_face_opens_at_full_size_and_only_if_it_was_shown(
    small_models: ModelCache, tmp_path: Path
) -> None:
    request = GalleryRequest(SETTINGS, (4, 6), size=16)
    path, facts = open_face(request, 6, small_models, tmp_path)
    with Image.open(path) as image:
        assert image.format == "PNG" and image.size == (32, 32)
    assert facts["seed"] == "6" and facts["psi"] == "0.7"
    with pytest.raises(InvalidRequestError, match="Seed 5 is not among the faces shown"):
        open_face(request, 5, small_models, tmp_path)


def test_latents_are_saved_in_the_order_of_picking(
    small_models: ModelCache, tmp_path: Path
) -> None:
    request = GalleryRequest(SETTINGS, (1, 2, 3))
    path = save_latents(request, [3, 1], small_models, tmp_path)
    latents = read_latents(path, LatentSpace.of(small_models.generator("small")))
    assert latents.seeds.tolist() == [3, 1] and latents.psi == 0.7


def test_a_mixing_grid_starts_with_its_sources(small_models: ModelCache, tmp_path: Path) -> None:
    cells: dict[tuple[int, int], bytes] = {}
    last = small_models.generator("small").num_ws - 1

    def keep(cell: object) -> None:
        cells[cell.row, cell.column] = cell.picture.read_bytes()  # type: ignore[attr-defined]

    for layers, same_as in (("0", None), (f"0-{last}", "column")):
        request = MixRequest(SETTINGS, (1, 2), (3,), layers, size=32)
        mix_faces(request, small_models, tmp_path, keep)
        assert sorted(cells) == [(-1, 0), (0, -1), (0, 0), (1, -1), (1, 0)]
        assert (cells[0, 0] == cells[-1, 0]) == (same_as == "column")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (MixRequest(SETTINGS, (), (1,)), "needs a row and a column"),
        (MixRequest(SETTINGS, tuple(range(20)), tuple(range(20))), "at most 144 fit a grid"),
        (MixRequest(SETTINGS, (1,), (2,), "0-99"), r"layer must be in 0\.\."),
    ],
)
def test_a_grid_that_cannot_be_is_refused(
    small_models: ModelCache, tmp_path: Path, request_: MixRequest, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        mix_faces(request_, small_models, tmp_path, lambda cell: None)
    assert list(tmp_path.rglob("*.jpg")) == []


def test_a_walk_lies_in_the_cache_and_is_not_made_again(
    small_models: ModelCache, tmp_path: Path
) -> None:
    steps: list[Step] = []
    way = {"steps": 2, "size": 64}
    path = walk_to_cache(SETTINGS, (1, 2), small_models, tmp_path, steps.append, **way)
    content = path.read_bytes()
    assert np.frombuffer(content[4:8], np.uint8).tobytes() == b"ftyp" and steps[-1].done == 4
    assert walk_to_cache(SETTINGS, (1, 2), small_models, tmp_path, **way) == path
    assert path.read_bytes() == content
