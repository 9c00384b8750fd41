"""Many masks at once, from an import or a prediction: all of them, or none."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from annotations.checks import checked_comment, checked_name
from annotations.database import Database
from annotations.errors import BadRequestError, NotFoundError
from annotations.mask_codec import EncodedMask
from annotations.models import FaceStateRow, MaskRow, RevisionRow
from annotations.records import Source, Status
from annotations.revision_writing import Entry, new_row, put_in_force
from annotations.row_records import DELETED_HINT

_TOGETHER = 200  # faces a statement


@dataclass(frozen=True)
class BulkMask:
    """A mask for a face. mask: prepared with the face's scheme and size."""

    face_id: int
    mask: EncodedMask
    comment: str = ""


@dataclass(frozen=True)
class BulkResult:
    """num_current: are in force now. num_beside: kept beside what was there.

    num_known: were there already and not kept twice.
    """

    num_current: int
    num_beside: int
    num_known: int


class BulkSaving:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def save_all(
        self,
        masks: Sequence[BulkMask],
        author: str,
        *,
        status: Status,
        source: Source,
        replace: bool = False,
    ) -> BulkResult:
        """Keep masks in one transaction, in order of their faces.

        A face that has a mask keeps it in force and gets the new one beside it, unless
        `replace`. The same mask offered to the same mask in force again is recognised.
        Raises NotFoundError if one of the faces is gone; then none was kept.
        """
        author = checked_name("A person's name", author)
        if status not in (Status.DRAFT, Status.DONE):
            raise BadRequestError(f"An import is a draft or done, not {status}. Use a review.")
        ordered = sorted(masks, key=lambda one: one.face_id)  # one order: no deadlocks
        for one, other in itertools.pairwise(ordered):
            if one.face_id == other.face_id:
                raise BadRequestError(f"Face {one.face_id} was given two masks; give it one.")
        num_current = num_beside = 0
        with self._database.writing() as session:
            for start in range(0, len(ordered), _TOGETHER):
                chunk = ordered[start : start + _TOGETHER]
                states = _locked_states(session, [one.face_id for one in chunk])
                entries = [
                    _entry(
                        one,
                        author,
                        status,
                        source,
                        states[one.face_id].current_id if replace else None,
                    )
                    for one in chunk
                ]
                rows = _write(session, chunk, states, entries, self._now())
                num_beside += sum(row.was_stale for row in rows)
                num_current += sum(not row.was_stale for row in rows)
                session.expunge_all()
        return BulkResult(num_current, num_beside, len(ordered) - num_current - num_beside)


def _locked_states(session: Session, face_ids: list[int]) -> dict[int, FaceStateRow]:
    """Raises NotFoundError for the first face that is not there."""
    query = (
        select(FaceStateRow)
        .where(FaceStateRow.face_id.in_(face_ids))
        .order_by(FaceStateRow.face_id)
        .with_for_update()
    )
    states = {state.face_id: state for state in session.scalars(query)}
    for face_id in face_ids:
        if face_id not in states:
            raise NotFoundError("face", face_id, DELETED_HINT)
    return states


def _write(
    session: Session,
    chunk: Sequence[BulkMask],
    states: dict[int, FaceStateRow],
    entries: Sequence[Entry],
    now: datetime,
) -> list[RevisionRow]:
    """Add what is not there already, in few statements."""
    known_keys = set(
        session.scalars(
            select(RevisionRow.save_key).where(
                RevisionRow.save_key.in_([entry.save_key for entry in entries])
            )
        )
    )
    in_force = _masks_in_force(session, list(states))
    rows = []
    for one, entry in zip(chunk, entries, strict=True):
        state = states[one.face_id]
        is_in_force = in_force.get(one.face_id) == (entry.sha256, entry.status)
        if entry.save_key not in known_keys and not is_in_force:
            rows.append(new_row(state, entry, now))
    _keep_bytes(session, {(row.face_id, row.sha256) for row in rows}, chunk)
    session.add_all(rows)
    session.flush()
    for row in rows:
        put_in_force(states[row.face_id], row)
    session.flush()
    return rows


def _masks_in_force(session: Session, face_ids: list[int]) -> dict[int, tuple[str, Status]]:
    """Face id -> sha256 and status of its current mask."""
    query = (
        select(RevisionRow.face_id, RevisionRow.sha256, RevisionRow.status)
        .join(FaceStateRow, FaceStateRow.current_id == RevisionRow.id)
        .where(FaceStateRow.face_id.in_(face_ids))
    )
    return {face_id: (sha256, status) for face_id, sha256, status in session.execute(query)}


def _keep_bytes(session: Session, wanted: set[tuple[int, str]], chunk: Sequence[BulkMask]) -> None:
    """Store the bytes of new masks, and those again that had been thinned."""
    this = tuple_(MaskRow.face_id, MaskRow.sha256)
    query = select(MaskRow.face_id, MaskRow.sha256, MaskRow.png.is_(None))
    there = {
        (face_id, sha256): is_thinned
        for face_id, sha256, is_thinned in session.execute(query.where(this.in_(wanted)))
    }
    for one in chunk:
        key = (one.face_id, one.mask.sha256)
        if key in wanted and key not in there:
            session.add(MaskRow(face_id=key[0], sha256=key[1], png=one.mask.png))
        elif there.get(key):
            session.execute(update(MaskRow).where(this == key).values(png=one.mask.png))
    session.flush()


def _entry(
    one: BulkMask, author: str, status: Status, source: Source, parent_id: int | None
) -> Entry:
    facts = (one.face_id, one.mask.sha256, author, str(status), str(source), parent_id)
    return Entry(
        parent_id=parent_id,
        author=author,
        status=status,
        source=source,
        comment=checked_comment(one.comment),
        seconds=0.0,
        save_key=f"bulk-{hashlib.sha256(repr(facts).encode()).hexdigest()}",
        sha256=one.mask.sha256,
        num_bytes=len(one.mask.png),
        pixel_counts=one.mask.pixel_counts,
    )
