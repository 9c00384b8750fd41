"""Mask revisions: saved for good, in a tree, with one of them in force on each face.

The rule: a save painted on the mask in force (its parent is the current revision) becomes
the current one. Any other save is stale: somebody was faster. It is kept as a revision of
its own, beside the current one, and whoever saved is told; nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.checks import MAX_KEY, checked_comment, checked_name, checked_seconds
from annotations.database import Database
from annotations.errors import (
    BadMaskError,
    BadRequestError,
    DamagedDatabaseError,
    NotFoundError,
    StaleRevisionError,
)
from annotations.mask_codec import LabelMap, decode_mask, prepare_mask
from annotations.models import FaceRow, MaskRow, ProjectRow, RevisionRow
from annotations.records import Revision, SaveResult, Source, Status
from annotations.revision_writing import Entry, append, repeated
from annotations.row_records import DELETED_HINT, found_revision, locked_state, revision_record
from annotations.store_projects import Schemes
from annotations.taxonomy import LabelScheme

SAVED = (Status.DRAFT, Status.DONE)  # what a painter may say; verdicts come from `review`


class Masks:
    """Each method is one transaction.

    save_key: any text that whoever saves makes up, once per save (a UUID). A save that is
    sent again with its key, after a lost answer, is recognised and not kept twice.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], schemes: Schemes) -> None:
        self._database = database
        self._now = now
        self._schemes = schemes

    def save(
        self,
        face_id: int,
        mask: LabelMap | bytes,
        author: str,
        *,
        parent_id: int | None,
        status: Status = Status.DRAFT,
        source: Source = Source.PAINTED,
        comment: str = "",
        seconds: float = 0.0,
        save_key: str | None = None,
    ) -> SaveResult:
        """Keep a mask: label map uint8 [H, W] of the face's size, or a PNG of one.

        parent_id: the revision it was painted on, None if there was no mask. When this
        returns the mask is on disk, stale or not. Raises BadMaskError, BadRequestError,
        NotFoundError or DatabaseError; then nothing was kept and it may be sent again.
        """
        if status not in SAVED:
            raise BadRequestError(f"A save is a draft or done, not {status}. Use a review.")
        scheme, size_hw = self._scheme_and_size(face_id)
        prepared = prepare_mask(mask, scheme, size_hw)
        entry = Entry(
            parent_id=parent_id,
            author=checked_name("A person's name", author),
            status=status,
            source=source,
            comment=checked_comment(comment),
            seconds=checked_seconds(seconds),
            save_key=_checked_key(save_key),
            sha256=prepared.sha256,
            num_bytes=len(prepared.png),
            pixel_counts=prepared.pixel_counts,
        )
        return self._append(face_id, entry, prepared.png)

    def restore(
        self,
        revision_id: int,
        author: str,
        *,
        parent_id: int | None,
        comment: str = "",
        save_key: str | None = None,
    ) -> SaveResult:
        """Bring an earlier mask back, as a new revision on top of `parent_id`, the current one.

        A restored draft is a draft, anything else is done. Stale restores are kept beside,
        as stale saves are. Raises NotFoundError, BadMaskError for a thinned draft.
        """
        old = self.revision(revision_id)
        entry = Entry(
            parent_id=parent_id,
            author=checked_name("A person's name", author),
            status=Status.DRAFT if old.status == Status.DRAFT else Status.DONE,
            source=old.source,
            comment=checked_comment(comment) or f"restored from revision {revision_id}",
            seconds=0.0,
            save_key=_checked_key(save_key),
            sha256=old.sha256,
            num_bytes=old.num_bytes,
            pixel_counts=dict(old.pixel_counts),
        )
        return self._append(old.face_id, entry, self.png(revision_id))

    def review(
        self,
        revision_id: int,
        reviewer: str,
        *,
        accept: bool,
        comment: str = "",
        save_key: str | None = None,
    ) -> Revision:
        """Accept or reject the mask in force, as a new revision with the same pixels.

        Raises StaleRevisionError if another one is in force by now, BadRequestError for a
        draft, NotFoundError.
        """
        reviewed = self.revision(revision_id)
        if reviewed.status == Status.DRAFT:
            raise BadRequestError(
                f"Revision {revision_id} is a draft of {reviewed.author}. "
                "Only finished masks are accepted or rejected; wait until it is done."
            )
        entry = Entry(
            parent_id=revision_id,
            author=checked_name("A reviewer's name", reviewer),
            status=Status.ACCEPTED if accept else Status.REJECTED,
            source=reviewed.source,
            comment=checked_comment(comment),
            seconds=0.0,
            save_key=_checked_key(save_key),
            sha256=reviewed.sha256,
            num_bytes=reviewed.num_bytes,
            pixel_counts=dict(reviewed.pixel_counts),
        )
        with self._database.writing() as session:
            state = locked_state(session, reviewed.face_id)
            if again := repeated(session, state, entry):
                return again.revision
            if state.current_id != revision_id:
                raise StaleRevisionError(reviewed.face_id, revision_id, state.current_id)
            return revision_record(append(session, state, entry, None, self._now()))

    def revision(self, revision_id: int) -> Revision:
        """Read-only. Raises NotFoundError."""
        with self._database.reading() as session:
            return revision_record(found_revision(session, revision_id))

    def history(self, face_id: int) -> tuple[Revision, ...]:
        """All revisions of a face, oldest first; by `parent_id` they form a tree. Read-only.

        Raises NotFoundError.
        """
        query = select(RevisionRow).where(RevisionRow.face_id == face_id).order_by(RevisionRow.id)
        with self._database.reading() as session:
            if session.get(FaceRow, face_id) is None:
                raise NotFoundError("face", face_id, DELETED_HINT)
            return tuple(revision_record(row) for row in session.scalars(query))

    def png(self, revision_id: int) -> bytes:
        """The mask's PNG bytes, checked against their sha256. Read-only.

        Raises NotFoundError, BadMaskError for a thinned draft, DamagedDatabaseError.
        """
        query = (
            select(RevisionRow.sha256, MaskRow.png)
            .join(MaskRow, RevisionRow.face_id == MaskRow.face_id)
            .where(RevisionRow.id == revision_id, RevisionRow.sha256 == MaskRow.sha256)
        )
        with self._database.reading() as session:
            row = session.execute(query).one_or_none()
        if row is None:
            raise NotFoundError("mask revision", revision_id, DELETED_HINT)
        sha256, png = row
        if png is None:
            raise BadMaskError(
                f"The pixels of draft {revision_id} were thinned out after its author finished "
                "the mask. Choose the finished revision that came of it."
            )
        if hashlib.sha256(png).hexdigest() != sha256:
            raise DamagedDatabaseError(
                self._database.where,
                f"The stored mask of revision {revision_id} is damaged: its bytes do not match "
                "their sha256. Restore another revision of the face, or a backup.",
            )
        return png

    def labels(self, revision_id: int) -> LabelMap:
        """The mask as label map uint8 [H, W]. Read-only. Raises as `png` does."""
        scheme, size_hw = self._scheme_and_size(self.revision(revision_id).face_id)
        return decode_mask(self.png(revision_id), scheme, size_hw)

    def _append(self, face_id: int, entry: Entry, png: bytes) -> SaveResult:
        with self._database.writing() as session:
            state = locked_state(session, face_id)
            if again := repeated(session, state, entry):
                return again
            row = append(session, state, entry, png, self._now())
            return SaveResult(revision_record(row), _current(session, state.current_id), False)

    def _scheme_and_size(self, face_id: int) -> tuple[LabelScheme, tuple[int, int]]:
        query = (
            select(ProjectRow.scheme_id, FaceRow.height, FaceRow.width)
            .join(ProjectRow, ProjectRow.id == FaceRow.project_id)
            .where(FaceRow.id == face_id)
        )
        with self._database.reading() as session:
            row = session.execute(query).one_or_none()
            if row is None:
                raise NotFoundError("face", face_id, DELETED_HINT)
            scheme_id, height, width = row
            return self._schemes.get(session, scheme_id), (height, width)


def _current(session: Session, current_id: int | None) -> Revision:
    assert current_id is not None, "a face with a revision has one in force"
    return revision_record(session.get_one(RevisionRow, current_id))


def _checked_key(save_key: str | None) -> str:
    if save_key is None:
        return str(uuid.uuid4())
    return checked_name("A save key", save_key, MAX_KEY)
