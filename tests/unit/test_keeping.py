"""Faces of a gallery into a project: which, how often, and what a stop or an error leaves."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotations import AnnotationStore
from annotations.database import open_database
from annotations.errors import BadRequestError, DatabaseBusyError, NotFoundError
from core.errors import Cancelled, InvalidRequestError, OutputError
from core.generators import Noise
from core.images import read_png_facts
from core.latents import LatentSpace, read_latents
from core.progress import Step
from studio.model_cache import ModelCache
from studio.notices import as_notice
from studio.tabs.sample_keep import kept_text
from studio.workflows import (
    FaceSettings,
    GalleryRequest,
    Kept,
    keep_faces,
    open_face,
    save_latents,
)
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures

REQUEST = GalleryRequest(FaceSettings("small"), (4, 6, 2, 9, 7))


@pytest.fixture
def masks(sqlite_database_url: str) -> Iterator[AnnotationStore]:
    """An empty store; a lock is waited for no longer than a test likes."""
    with AnnotationStore(open_database(sqlite_database_url, busy_seconds=0.2)) as store:
        yield store


def seeds_in(store: AnnotationStore, project_id: int) -> list[int | None]:
    return [face.seed for face in store.faces.page(project_id).faces]


def test_the_project_gets_the_very_files_that_the_viewer_shows(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    kept = keep_faces(REQUEST, [6, 4], "good", small_models, tmp_path, masks)
    assert kept.project_name == "good" and kept.num_new == 2
    assert seeds_in(masks, kept.project_id) == [6, 4]
    latents = read_latents(
        save_latents(REQUEST, [6, 4], small_models, tmp_path),
        LatentSpace.of(small_models.generator("small")),
    )
    for place, face_id in enumerate(kept.face_ids):
        face = masks.faces.get(face_id)
        path, facts = open_face(REQUEST, [6, 4][place], small_models, tmp_path)
        assert masks.faces.picture(face_id) == path.read_bytes() and read_png_facts(path) == facts
        np.testing.assert_array_equal(masks.faces.latent(face_id), latents.ws[place])
        assert (face.generator, face.generator_sha256) == ("small", latents.generator_sha256)
        assert (face.psi, face.noise, face.width, face.height) == (0.7, "off", 32, 32)


def test_faces_that_are_there_are_found_and_not_doubled(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    first = keep_faces(REQUEST, [4, 6], "good", small_models, tmp_path, masks)
    again = keep_faces(REQUEST, [2, 6, 4, 2], first.project_id, small_models, tmp_path, masks)
    assert (again.num_new, again.num_known) == (1, 2)
    assert again.face_ids[1:] == first.face_ids[::-1]
    assert seeds_in(masks, first.project_id) == [4, 6, 2]


def test_random_noise_is_kept_as_the_one_it_was(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    request = GalleryRequest(FaceSettings("small", noise=Noise("random", 40)), (7, 8, 9))
    kept = keep_faces(request, [9, 7], "good", small_models, tmp_path, masks)
    faces = [masks.faces.get(face_id) for face_id in kept.face_ids]
    assert [face.noise for face in faces] == ["fixed:42", "fixed:40"]
    alone = GalleryRequest(FaceSettings("small", noise=Noise("fixed", 42)), (9,))
    again = keep_faces(alone, [9], "good", small_models, tmp_path / "other", masks)
    assert again.face_ids == kept.face_ids[:1]


def test_how_far_it_is_is_told_and_the_order_stays(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    steps: list[Step] = []
    seen: list[Kept] = []
    request = GalleryRequest(FaceSettings("small"), tuple(range(20)))
    kept = keep_faces(
        request, range(20), "good", small_models, tmp_path, masks, seen.append, steps.append
    )
    assert seeds_in(masks, kept.project_id) == list(range(20))
    done = [step.done for step in steps if step.doing == "Adding faces"]
    assert done == [0, *(len(so_far.face_ids) for so_far in seen)] and done[-1] == 20
    assert seen[-1] == kept


def test_a_stop_keeps_what_was_added_and_the_next_call_goes_on(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    seen: list[Kept] = []

    def stop(step: Step) -> None:
        if step.done:
            raise Cancelled("Stopped.")

    request = GalleryRequest(FaceSettings("small"), tuple(range(30)))
    with pytest.raises(Cancelled, match="Stopped"):
        keep_faces(request, range(30), "good", small_models, tmp_path, masks, seen.append, stop)
    (kept,) = seen
    assert seeds_in(masks, kept.project_id) == list(range(len(kept.face_ids)))
    assert 1 <= len(kept.face_ids) <= 6
    assert [thread.name for thread in threading.enumerate() if "keep" in thread.name] == []
    rest = keep_faces(request, range(30), "good", small_models, tmp_path, masks)
    assert rest.num_known == len(kept.face_ids) and rest.num_new == 30 - rest.num_known


@pytest.mark.parametrize(
    ("seeds", "project", "kind", "message"),
    [
        ([4, 5], "good", InvalidRequestError, "Seed 5 is not among the faces shown"),
        ([], "good", InvalidRequestError, r"There are no faces to add\. Press Sample first"),
        ([4], 77, NotFoundError, "There is no project 77 here"),
        ([4], " ", BadRequestError, "name of a project must be 1 to 100 printable characters"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    small_models: ModelCache,
    masks: AnnotationStore,
    tmp_path: Path,
    seeds: list[int],
    project: int | str,
    kind: type[Exception],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        keep_faces(REQUEST, seeds, project, small_models, tmp_path, masks)
    assert masks.projects.list() == () and list(tmp_path.rglob("*.png")) == []


def test_noise_that_the_generator_lacks_makes_no_project(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path, monkeypatch: Any
) -> None:
    synthesis = small_models.generator("small").synthesis
    monkeypatch.setattr(type(synthesis), "baked_noise", lambda self: None)
    request = GalleryRequest(FaceSettings("small", noise=Noise("baked")), (1,))
    with pytest.raises(InvalidRequestError, match="no baked noise"):
        keep_faces(request, [1], "good", small_models, tmp_path, masks)
    assert masks.projects.list() == ()


def test_a_project_deleted_meanwhile_is_said(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    seen: list[Kept] = []

    def delete(kept: Kept) -> None:
        seen.append(kept)
        masks.projects.remove(kept.project_id)

    request = GalleryRequest(FaceSettings("small"), tuple(range(30)))
    with pytest.raises(NotFoundError, match="There is no project 1 here"):
        keep_faces(request, range(30), "good", small_models, tmp_path, masks, delete)
    assert len(seen) == 1


def test_a_busy_database_is_said_and_the_same_call_goes_on(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    seen: list[Kept] = []
    holding, done = threading.Event(), threading.Event()
    other = open_database(f"sqlite:///{masks.where}")

    def hold() -> None:
        with other.writing():
            holding.set()
            done.wait(30)

    request = GalleryRequest(FaceSettings("small"), tuple(range(12)))
    with ThreadPoolExecutor(1) as pool:

        def somebody_writes(kept: Kept) -> None:
            seen.append(kept)
            pool.submit(hold)
            holding.wait(30)

        try:
            with pytest.raises(DatabaseBusyError, match=r"is locked by another program.*try again"):
                keep_faces(
                    request, range(12), "good", small_models, tmp_path, masks, somebody_writes
                )
        finally:
            done.set()
    other.close()
    assert seeds_in(masks, seen[0].project_id) == list(range(len(seen[0].face_ids)))
    rest = keep_faces(request, range(12), "good", small_models, tmp_path, masks)
    assert rest.num_known == len(seen[0].face_ids) and len(rest.face_ids) == 12


def test_a_full_disk_is_said_and_the_faces_before_it_stay(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path, monkeypatch: Any
) -> None:
    sync, calls, seen = os.fsync, itertools.count(), []

    def full_after_two(handle: int) -> None:
        if next(calls) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr("studio.workflows.keeping.OPENERS", 1)  # in order, so that two are whole
    monkeypatch.setattr("core.files.os.fsync", full_after_two)
    with pytest.raises(OutputError, match=r"The disk is full while writing .*2\.png"):
        keep_faces(REQUEST, REQUEST.seeds, "good", small_models, tmp_path, masks, seen.append)
    assert seeds_in(masks, seen[-1].project_id) == [4, 6] and len(seen[-1].face_ids) == 2
    monkeypatch.setattr("core.files.os.fsync", sync)
    rest = keep_faces(REQUEST, REQUEST.seeds, "good", small_models, tmp_path, masks)
    assert (rest.num_known, rest.num_new) == (2, 3)


def test_two_who_make_the_project_at_once_share_it(
    small_models: ModelCache, masks: AnnotationStore, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(keep_faces, REQUEST, [seed], "good", small_models, tmp_path, masks)
            for seed in (4, 6)
        ]
        kept = [call.result() for call in calls]
    assert kept[0].project_id == kept[1].project_id and len(masks.projects.list()) == 1
    assert sorted(map(str, seeds_in(masks, kept[0].project_id))) == ["4", "6"]


@pytest.mark.parametrize(
    ("num_faces", "num_new", "text"),
    [
        (15, 12, '12 faces added to "faces" (3 were there already).'),
        (2, 1, '1 face added to "faces" (1 was there already).'),
        (12, 12, '12 faces added to "faces".'),
        (3, 0, 'All 3 faces were in "faces" already.'),
        (1, 0, 'The face was in "faces" already.'),
    ],
)
def test_the_outcome_in_words(num_faces: int, num_new: int, text: str) -> None:
    assert kept_text(Kept(1, "faces", tuple(range(num_faces)), num_new)) == text


def test_what_the_store_refuses_is_told_as_it_is() -> None:
    assert as_notice(NotFoundError("project", 5)).message == "There is no project 5 here."
