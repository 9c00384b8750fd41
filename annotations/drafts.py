"""Thinning of drafts: autosaves pile up, and few of them are worth their bytes for ever.

The rule: the bytes of a draft may go once its author finished the mask, that is, where an
unbroken run of drafts by one author leads up to a finished revision by the same author,
and the draft is older than some days. Everything else stays: unfinished drafts, drafts of
other people, stale ones, whatever is in force. The revision itself always stays, with its
sha256, so the history remains whole. Triggers of the database refuse anything beyond this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotations.database import Database
from annotations.models import FaceRow, MaskRow, RevisionRow
from annotations.records import Status
from annotations.row_records import found_project, locked_state

KEEP_DAYS = 7.0


@dataclass(frozen=True)
class Thinned:
    """num_masks: whose pixels were dropped; num_bytes: what they took."""

    num_masks: int
    num_bytes: int


class Drafts:
    """Housekeeping, safe to run at any time and to interrupt."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def thin(self, project_id: int, keep_days: float = KEEP_DAYS) -> Thinned:
        """Drop the pixels of superseded drafts older than `keep_days`.

        One short transaction a face, so that nobody's save waits. Raises NotFoundError.
        """
        before = self._now() - timedelta(days=keep_days)
        thinned = [
            self._thin_face(face_id, before) for face_id in self._candidates(project_id, before)
        ]
        return Thinned(sum(one.num_masks for one in thinned), sum(one.num_bytes for one in thinned))

    def _candidates(self, project_id: int, before: datetime) -> list[int]:
        """Faces with old drafts whose pixels are still there."""
        query = (
            select(RevisionRow.face_id)
            .join(FaceRow, FaceRow.id == RevisionRow.face_id)
            .join(
                MaskRow,
                (MaskRow.face_id == RevisionRow.face_id) & (MaskRow.sha256 == RevisionRow.sha256),
            )
            .where(FaceRow.project_id == project_id, MaskRow.png.is_not(None))
            .where(RevisionRow.status == Status.DRAFT, RevisionRow.created_at < before)
            .distinct()
        )
        with self._database.reading() as session:
            found_project(session, project_id)
            return list(session.scalars(query))

    def _thin_face(self, face_id: int, before: datetime) -> Thinned:
        with self._database.writing() as session:
            locked_state(session, face_id)
            query = select(RevisionRow).where(RevisionRow.face_id == face_id)
            revisions = {row.id: row for row in session.scalars(query)}
            superseded = _superseded(revisions, before)
            kept = {row.sha256 for row in revisions.values() if row.id not in superseded}
            return _drop(session, face_id, {revisions[one].sha256 for one in superseded} - kept)


def _superseded(revisions: dict[int, RevisionRow], before: datetime) -> set[int]:
    """Ids of old drafts that led up to a finished revision by the same author."""
    found: set[int] = set()
    for finished in revisions.values():
        if finished.status == Status.DRAFT:
            continue
        draft = revisions.get(finished.parent_id or 0)
        while draft and draft.status == Status.DRAFT and draft.author == finished.author:
            if draft.created_at < before:
                found.add(draft.id)
            draft = revisions.get(draft.parent_id or 0)
    return found


def _drop(session: Session, face_id: int, sha256s: set[str]) -> Thinned:
    these = (MaskRow.face_id == face_id, MaskRow.sha256.in_(sha256s), MaskRow.png.is_not(None))
    sizes = session.scalars(select(func.length(MaskRow.png)).where(*these)).all()
    session.execute(update(MaskRow).where(*these).values(png=None))
    return Thinned(len(sizes), sum(sizes))
