"""Saving masks: what is in force, what is kept beside it, and that nothing is ever lost."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from annotations import AnnotationStore, FaceStatus, Source, Status, encode_mask
from annotations.errors import (
    AnnotationError,
    BadMaskError,
    BadRequestError,
    DamagedDatabaseError,
    NotFoundError,
    StaleRevisionError,
)
from tests.painted_faces import SIZE_HW, Clock, labels, project_with_faces


@pytest.fixture
def face(store: AnnotationStore) -> int:
    return project_with_faces(store)[1][0]


def test_a_first_save_is_in_force_with_all_it_said(
    store: AnnotationStore, face: int, clock: Clock
) -> None:
    mask = labels(4)
    mask[0, :3] = 255
    saved = store.masks.save(
        face, mask, " Ann ", parent_id=None, comment="hair\nonly", seconds=12.5, save_key="k"
    )
    revision = store.masks.revision(saved.revision.id)
    assert saved.is_current and not saved.is_stale and not saved.is_repeat
    assert revision == saved.revision == saved.current
    assert (revision.author, revision.source, revision.status) == ("Ann", "painted", "draft")
    assert (revision.comment, revision.seconds) == ("hair\nonly", 12.5)
    assert (revision.created_at, revision.parent_id) == (clock.now, None)
    assert revision.pixel_counts == {4: 45, 255: 3}
    assert store.masks.png(revision.id) == encode_mask(mask)
    assert revision.sha256 == hashlib.sha256(encode_mask(mask)).hexdigest()
    assert np.array_equal(store.masks.labels(revision.id), mask)


def test_a_png_is_as_good_as_an_array(store: AnnotationStore, face: int) -> None:
    scheme = store.projects.list()[0].scheme
    png = encode_mask(labels(3), palette_of=scheme)
    saved = store.masks.save(face, png, "Ann", parent_id=None)
    assert store.masks.png(saved.revision.id) == encode_mask(labels(3))


def test_a_face_shows_the_status_of_its_mask_in_force(store: AnnotationStore, face: int) -> None:
    assert store.faces.get(face).status == FaceStatus.TODO
    draft = store.masks.save(face, labels(1), "Ann", parent_id=None).revision
    assert store.faces.get(face).status == FaceStatus.DRAFT
    assert store.faces.get(face).settled_id is None
    done = store.masks.save(face, labels(2), "Ann", parent_id=draft.id, status=Status.DONE).revision
    shown = store.faces.get(face)
    assert (shown.status, shown.current, shown.settled_id) == (FaceStatus.DONE, done, done.id)


def test_a_draft_on_a_finished_mask_leaves_the_finished_one_settled(
    store: AnnotationStore, face: int
) -> None:
    done = store.masks.save(face, labels(2), "Ann", parent_id=None, status=Status.DONE).revision
    draft = store.masks.save(face, labels(3), "Bob", parent_id=done.id).revision
    shown = store.faces.get(face)
    assert (shown.status, shown.current, shown.settled_id) == (FaceStatus.DRAFT, draft, done.id)


def test_of_two_people_on_one_face_both_versions_stay(store: AnnotationStore, face: int) -> None:
    start = store.masks.save(face, labels(0), "Ann", parent_id=None).revision
    ann = store.masks.save(face, labels(1), "Ann", parent_id=start.id, status=Status.DONE)
    bob = store.masks.save(face, labels(2), "Bob", parent_id=start.id, status=Status.DONE)
    assert ann.is_current and not bob.is_current
    assert bob.is_stale and bob.current == ann.revision
    assert store.faces.get(face).current == ann.revision
    assert store.masks.labels(bob.revision.id)[0, 0] == 2
    assert [one.parent_id for one in store.masks.history(face)] == [None, start.id, start.id]


def test_a_branch_goes_on_beside_the_mask_in_force(store: AnnotationStore, face: int) -> None:
    ann = store.masks.save(face, labels(1), "Ann", parent_id=None).revision
    bob = store.masks.save(face, labels(2), "Bob", parent_id=None).revision
    again = store.masks.save(face, labels(3), "Bob", parent_id=bob.id)
    assert again.is_stale and again.current == ann


def test_a_stale_mask_comes_into_force_when_it_is_restored(
    store: AnnotationStore, face: int
) -> None:
    ann = store.masks.save(face, labels(1), "Ann", parent_id=None, status=Status.DONE).revision
    bob = store.masks.save(face, labels(2), "Bob", parent_id=None, status=Status.DONE).revision
    restored = store.masks.restore(bob.id, "Cleo", parent_id=ann.id)
    assert restored.is_current and restored.revision.parent_id == ann.id
    assert restored.revision.sha256 == bob.sha256 and restored.revision.status == Status.DONE
    assert restored.revision.comment == f"restored from revision {bob.id}"
    assert store.masks.restore(ann.id, "Cleo", parent_id=ann.id).is_stale


def test_a_save_that_arrives_twice_is_kept_once(store: AnnotationStore, face: int) -> None:
    def send() -> Any:
        return store.masks.save(face, labels(1), "Ann", parent_id=None, save_key="one")

    first, second = send(), send()
    assert second.is_repeat and not first.is_repeat and second.revision == first.revision
    store.masks.save(face, labels(2), "Bob", parent_id=first.revision.id)
    third = send()
    assert third.is_repeat and not third.is_stale and not third.is_current
    assert len(store.masks.history(face)) == 2


def test_a_save_key_of_another_save_is_refused(store: AnnotationStore, face: int) -> None:
    store.masks.save(face, labels(1), "Ann", parent_id=None, save_key="one")
    with pytest.raises(BadRequestError, match=r"'one' was used for revision 1 of face 1"):
        store.masks.save(face, labels(2), "Ann", parent_id=None, save_key="one")
    assert len(store.masks.history(face)) == 1


def test_equal_masks_of_a_face_share_their_bytes(store: AnnotationStore, face: int) -> None:
    first = store.masks.save(face, labels(1), "Ann", parent_id=None).revision
    store.masks.save(face, labels(1), "Ann", parent_id=first.id)
    with store._database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM masks")) == 1


def test_a_review_is_a_revision_with_the_same_pixels(store: AnnotationStore, face: int) -> None:
    done = store.masks.save(face, labels(1), "Ann", parent_id=None, status=Status.DONE).revision
    rejected = store.masks.review(done.id, "Rita", accept=False, comment="ears", save_key="r")
    assert (rejected.parent_id, rejected.sha256, rejected.author) == (done.id, done.sha256, "Rita")
    assert store.faces.get(face).status == FaceStatus.REJECTED
    assert store.masks.review(done.id, "Rita", accept=False, save_key="r") == rejected
    accepted = store.masks.review(rejected.id, "Rita", accept=True)
    assert store.faces.get(face).settled_id == accepted.id
    assert [one.status for one in store.masks.history(face)] == ["done", "rejected", "accepted"]


def test_a_verdict_on_an_older_mask_is_refused(store: AnnotationStore, face: int) -> None:
    done = store.masks.save(face, labels(1), "Ann", parent_id=None, status=Status.DONE).revision
    newer = store.masks.save(face, labels(2), "Ann", parent_id=done.id, status=Status.DONE).revision
    with pytest.raises(StaleRevisionError, match="no longer the current one") as caught:
        store.masks.review(done.id, "Rita", accept=True)
    assert caught.value.current_id == newer.id
    assert store.faces.get(face).current == newer


def test_a_draft_is_not_reviewed(store: AnnotationStore, face: int) -> None:
    draft = store.masks.save(face, labels(1), "Ann", parent_id=None).revision
    with pytest.raises(BadRequestError, match=f"Revision {draft.id} is a draft of Ann"):
        store.masks.review(draft.id, "Rita", accept=True)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mask": labels(18)}, BadMaskError, "outside the scheme"),
        ({"mask": labels(0, (8, 6))}, BadMaskError, "must be 8 x 6 px"),
        ({"mask": b"no PNG"}, BadMaskError, "it is not a PNG"),
        ({"face_id": 99}, NotFoundError, "no face 99 here"),
        ({"parent_id": 99}, NotFoundError, "no mask revision 99 here. Face 1 has none"),
        ({"author": " "}, BadRequestError, "A person's name must be 1 to 100"),
        ({"author": "a\nb"}, BadRequestError, "A person's name must be"),
        ({"author": "a" * 101}, BadRequestError, "A person's name must be"),
        ({"comment": "\0"}, BadRequestError, "A comment must be"),
        ({"seconds": -1.0}, BadRequestError, "time spent must be 0 s or more, is -1"),
        ({"seconds": float("nan")}, BadRequestError, "time spent must be"),
        ({"status": Status.ACCEPTED}, BadRequestError, "a draft or done, not accepted"),
        ({"save_key": ""}, BadRequestError, "A save key must be"),
    ],
)
def test_a_save_that_is_wrong_changes_nothing(
    store: AnnotationStore,
    face: int,
    changes: dict[str, Any],
    error: type[AnnotationError],
    message: str,
) -> None:
    arguments = {"face_id": face, "mask": labels(), "author": "Ann", "parent_id": None}
    with pytest.raises(error, match=message):
        store.masks.save(**(arguments | changes))
    assert store.masks.history(face) == () and store.faces.get(face).status == FaceStatus.TODO


def test_a_revision_of_another_face_is_no_parent(store: AnnotationStore) -> None:
    _, (first, second) = project_with_faces(store, 2)
    other = store.masks.save(first, labels(), "Ann", parent_id=None).revision
    with pytest.raises(NotFoundError, match=f"Face {second} has none of that id"):
        store.masks.save(second, labels(), "Ann", parent_id=other.id)


def test_a_mask_for_a_deleted_face_is_refused_and_never_lands_on_another(
    store: AnnotationStore,
) -> None:
    project_id, faces = project_with_faces(store, 2)
    saved = store.masks.save(faces[1], labels(), "Ann", parent_id=None).revision
    store.faces.remove(faces[1], with_masks=True)
    for refused in (
        lambda: store.masks.save(faces[1], labels(), "Ann", parent_id=saved.id),
        lambda: store.masks.restore(saved.id, "Ann", parent_id=saved.id),
        lambda: store.masks.history(faces[1]),
        lambda: store.masks.png(saved.id),
    ):
        with pytest.raises(NotFoundError, match="It may have been deleted"):
            refused()
    from tests.painted_faces import new_face

    assert store.faces.add(project_id, [new_face(7)]).face_ids[0] > faces[1]


def test_damaged_bytes_are_noticed(store: AnnotationStore, face: int) -> None:
    saved = store.masks.save(face, labels(1), "Ann", parent_id=None).revision
    with store._database.writing() as session:
        drop = "DROP TRIGGER masks_no_update"
        on_table = " ON masks" if session.connection().dialect.name == "postgresql" else ""
        session.execute(text(drop + on_table))
        session.execute(text("UPDATE masks SET png = :png"), {"png": encode_mask(labels(2))})
    try:
        with pytest.raises(DamagedDatabaseError, match="do not match their sha256"):
            store.masks.png(saved.id)
    finally:
        _put_trigger_back(store)


def _put_trigger_back(store: AnnotationStore) -> None:
    from annotations.migrations.v0001_triggers import POSTGRESQL, SQLITE

    with store._database.writing() as session:
        is_sqlite = session.connection().dialect.name == "sqlite"
        for statement in SQLITE if is_sqlite else POSTGRESQL:
            if "CREATE TRIGGER masks_no_update" in statement:
                session.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE mask_revisions SET author = 'Eve'",
        "UPDATE mask_revisions SET parent_id = NULL",
        "DELETE FROM mask_revisions",
        "UPDATE masks SET png = NULL",
        "UPDATE masks SET sha256 = 'x'",
        "DELETE FROM masks",
        "UPDATE faces SET seed = 7",
        "UPDATE face_contents SET picture = thumbnail",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_saved(
    store: AnnotationStore, face: int, statement: str
) -> None:
    saved = store.masks.save(face, labels(), "Ann", parent_id=None, status=Status.DONE)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        store._database.writing() as session,
    ):
        session.execute(text(statement))
    assert store.masks.history(face) == (saved.revision,)


def test_imported_and_predicted_masks_say_so(store: AnnotationStore, face: int) -> None:
    parent = None
    for source in Source:
        saved = store.masks.save(face, labels(), "Ann", parent_id=parent, source=source)
        parent = saved.revision.id
    assert [one.source for one in store.masks.history(face)] == list(Source)
    assert store.faces.get(face).height == SIZE_HW[0]
