"""The one place where a mask revision is written, inside a transaction of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotations.errors import BadRequestError, NotFoundError
from annotations.models import FaceStateRow, MaskRow, RevisionRow
from annotations.records import FaceStatus, SaveResult, Source, Status
from annotations.row_records import revision_record


@dataclass(frozen=True)
class Entry:
    """What a new revision says, checked; its face, time and place in the tree come later."""

    parent_id: int | None
    author: str
    status: Status
    source: Source
    comment: str
    seconds: float
    save_key: str
    sha256: str
    num_bytes: int
    pixel_counts: Mapping[int, int]


def repeated(session: Session, state: FaceStateRow, entry: Entry) -> SaveResult | None:
    """The save that came with this key before, or None. Read-only.

    state: of the face, locked. Raises BadRequestError if the key came with something else.
    """
    row = session.scalar(select(RevisionRow).where(RevisionRow.save_key == entry.save_key))
    if row is None:
        return None
    offered = (state.face_id, entry.sha256, entry.author, entry.status)
    if (row.face_id, row.sha256, row.author, row.status) != offered:
        raise BadRequestError(
            f"The save key '{entry.save_key}' was used for revision {row.id} of face "
            f"{row.face_id}, which is another save. Make a new key for each save."
        )
    current = session.get_one(RevisionRow, state.current_id)
    return SaveResult(revision_record(row), revision_record(current), True)


def append(
    session: Session, state: FaceStateRow, entry: Entry, png: bytes | None, now: datetime
) -> RevisionRow:
    """Add a revision; it becomes the current one if it was painted on the current one.

    state: of the face, locked, and updated here. png: None where its bytes are known to be
    there. Raises NotFoundError for a parent that is no revision of the face.
    """
    if entry.parent_id is not None and entry.parent_id != state.current_id:
        _check_parent(session, state.face_id, entry.parent_id)
    if png is not None:
        _keep_bytes(session, state.face_id, entry.sha256, png)
    row = new_row(state, entry, now)
    session.add(row)
    session.flush()
    put_in_force(state, row)
    session.flush()
    return row


def new_row(state: FaceStateRow, entry: Entry, now: datetime) -> RevisionRow:
    """The row of an entry, not yet in the session."""
    return RevisionRow(
        face_id=state.face_id,
        parent_id=entry.parent_id,
        author=entry.author,
        source=entry.source,
        status=entry.status,
        comment=entry.comment,
        seconds=entry.seconds,
        created_at=now,
        was_stale=entry.parent_id != state.current_id,
        sha256=entry.sha256,
        num_bytes=entry.num_bytes,
        pixel_counts={str(value): count for value, count in entry.pixel_counts.items()},
        save_key=entry.save_key,
    )


def put_in_force(state: FaceStateRow, row: RevisionRow) -> None:
    """Make a flushed row the current one of its face, unless it was stale."""
    if row.was_stale:
        return
    state.current_id = row.id
    state.status = FaceStatus(row.status.value)
    if row.status != Status.DRAFT:
        state.settled_id = row.id


def _check_parent(session: Session, face_id: int, parent_id: int) -> None:
    """Raise unless the parent is a revision of the same face."""
    found = session.scalar(select(RevisionRow.face_id).where(RevisionRow.id == parent_id))
    if found != face_id:
        raise NotFoundError(
            "mask revision", parent_id, f"Face {face_id} has none of that id; reload the face."
        )


def _keep_bytes(session: Session, face_id: int, sha256: str, png: bytes) -> None:
    """Store a mask's bytes once per face, or again where they had been thinned."""
    this = (MaskRow.face_id == face_id, MaskRow.sha256 == sha256)
    is_thinned = session.scalar(select(MaskRow.png.is_(None)).where(*this))
    if is_thinned is None:
        mask = MaskRow(face_id=face_id, sha256=sha256, png=png)
        session.add(mask)
        session.flush()
        session.expunge(mask)
    elif is_thinned:
        session.execute(update(MaskRow).where(*this).values(png=png))
