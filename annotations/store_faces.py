"""Faces: their pictures and latents, and the way through many of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from annotations.checks import checked_limit
from annotations.database import Database
from annotations.errors import MasksWouldBeLostError, NotFoundError
from annotations.models import FaceContentRow, FaceRow, FaceStateRow, LeaseRow, RevisionRow
from annotations.pictures import CheckedFace, check_face, decode_latent
from annotations.records import Face, FaceStatus, NewFace
from annotations.row_records import DELETED_HINT, face_record, found_project, locked_state

MAX_PAGE = 1000

FaceQuery: TypeAlias = "Select[FaceRow, FaceStateRow, RevisionRow]"


@dataclass(frozen=True)
class FacePage:
    """Some faces of a filtered list. offset: the place of the first; total: of the list."""

    faces: tuple[Face, ...]
    offset: int
    total: int


@dataclass(frozen=True)
class Added:
    """face_ids: in the order they came. num_new: those that were not there before."""

    face_ids: tuple[int, ...]
    num_new: int


class Faces:
    """Each method is one transaction. statuses: None means faces of any status."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, project_id: int, faces: Sequence[NewFace]) -> Added:
        """Add faces, all or none; a face that is there already is found, not doubled.

        Raises BadPictureError, BadRequestError or NotFoundError.
        """
        checked = [check_face(face) for face in faces]
        with self._database.writing() as session:
            found_project(session, project_id)
            wanted = [face.identity_sha256 for face in checked]
            known = _known_faces(session, project_id, wanted)
            num_known = len(known)
            for face in checked:
                if face.identity_sha256 not in known:
                    row = self._insert(session, project_id, face)
                    known[face.identity_sha256] = row.id
            return Added(tuple(known[identity] for identity in wanted), len(known) - num_known)

    def get(self, face_id: int, project_id: int | None = None) -> Face:
        """Read-only. Raises NotFoundError, also where it is not a face of that project."""
        query = _faces().where(FaceRow.id == face_id)
        if project_id is not None:
            query = query.where(FaceRow.project_id == project_id)
        with self._database.reading() as session:
            row = session.execute(query).one_or_none()
            if row is None:
                raise NotFoundError("face", face_id, DELETED_HINT)
            return _record(row)

    def page(
        self,
        project_id: int,
        statuses: Collection[FaceStatus] | None = None,
        *,
        offset: int = 0,
        limit: int = 50,
    ) -> FacePage:
        """Faces in the order they were added. Read-only.

        Raises NotFoundError, or BadRequestError for a limit beyond 1000.
        """
        checked_limit("The number of faces on a page", limit, MAX_PAGE)
        checked_limit("The first face of a page", offset, 2**31)
        wanted = _wanted(project_id, statuses)
        with self._database.reading() as session:
            found_project(session, project_id)
            total = session.scalar(select(func.count()).select_from(FaceStateRow).where(wanted))
            ids = select(FaceStateRow.face_id).where(wanted).order_by(FaceStateRow.face_id)
            chosen = session.scalars(ids.offset(offset).limit(limit)).all()
            rows = session.execute(_faces().where(FaceRow.id.in_(chosen)).order_by(FaceRow.id))
            return FacePage(tuple(_record(row) for row in rows), offset, total or 0)

    def next(
        self,
        project_id: int,
        after: int | None = None,
        statuses: Collection[FaceStatus] | None = None,
        *,
        free_for: str | None = None,
    ) -> Face | None:
        """The first face after the face `after` (None: from the start), or None. Read-only.

        free_for: a session; faces that others have open are passed over.
        """
        query = self._neighbours(project_id, statuses, free_for)
        if after is not None:
            query = query.where(FaceStateRow.face_id > after)
        return self._first(query.order_by(FaceStateRow.face_id))

    def previous(
        self,
        project_id: int,
        before: int,
        statuses: Collection[FaceStatus] | None = None,
        *,
        free_for: str | None = None,
    ) -> Face | None:
        """The last face before the face `before`, or None. Read-only."""
        query = self._neighbours(project_id, statuses, free_for)
        query = query.where(FaceStateRow.face_id < before)
        return self._first(query.order_by(FaceStateRow.face_id.desc()))

    def place(
        self, project_id: int, face_id: int, statuses: Collection[FaceStatus] | None = None
    ) -> int:
        """How many faces of the filtered list come before a face, in it or not. Read-only."""
        query = select(func.count()).select_from(FaceStateRow).where(_wanted(project_id, statuses))
        with self._database.reading() as session:
            return session.scalar(query.where(FaceStateRow.face_id < face_id)) or 0

    def picture(self, face_id: int) -> bytes:
        """PNG bytes as they were added. Read-only. Raises NotFoundError."""
        return self._content(face_id, FaceContentRow.picture)

    def thumbnail(self, face_id: int) -> bytes:
        """JPEG bytes, at most 160 px a side. Read-only. Raises NotFoundError."""
        return self._content(face_id, FaceContentRow.thumbnail)

    def latent(self, face_id: int) -> NDArray[np.float32]:
        """ws float32 [L, C]. Read-only. Raises NotFoundError."""
        return decode_latent(self._content(face_id, FaceContentRow.latent))

    def remove(self, face_id: int, *, with_masks: bool = False) -> None:
        """Delete a face for good; saves for it are refused from then on.

        Raises NotFoundError, or MasksWouldBeLostError if it has masks and not `with_masks`.
        """
        with self._database.writing() as session:
            locked_state(session, face_id)
            query = select(func.count()).where(RevisionRow.face_id == face_id)
            num_masks = session.scalar(query) or 0
            if num_masks and not with_masks:
                raise MasksWouldBeLostError(f"Face {face_id}", num_masks)
            session.execute(delete(FaceRow).where(FaceRow.id == face_id))

    def _insert(self, session: Session, project_id: int, checked: CheckedFace) -> FaceRow:
        face = checked.face
        row = FaceRow(
            project_id=project_id,
            seed=face.seed,
            psi=float(face.psi),
            noise=face.noise,
            generator=face.generator,
            generator_sha256=face.generator_sha256,
            width=checked.width,
            height=checked.height,
            identity_sha256=checked.identity_sha256,
            created_at=self._now(),
        )
        session.add(row)
        session.flush()
        content = FaceContentRow(
            face_id=row.id,
            picture_sha256=checked.picture_sha256,
            thumbnail=checked.thumbnail,
            latent=checked.latent,
            picture=face.picture,
        )
        state = FaceStateRow(face_id=row.id, project_id=project_id, status=FaceStatus.TODO)
        session.add_all([content, state])
        session.flush()
        session.expunge(content)  # its bytes need not stay in memory until the end
        return row

    def _neighbours(
        self, project_id: int, statuses: Collection[FaceStatus] | None, free_for: str | None
    ) -> FaceQuery:
        query = _faces().where(_wanted(project_id, statuses)).limit(1)
        if free_for is not None:
            held = (
                exists()
                .where(LeaseRow.face_id == FaceStateRow.face_id)
                .where(LeaseRow.expires_at > self._now(), LeaseRow.session != free_for)
            )
            query = query.where(~held)
        return query

    def _first(self, query: FaceQuery) -> Face | None:
        with self._database.reading() as session:
            row = session.execute(query).first()
            return _record(row) if row else None

    def _content(self, face_id: int, column: InstrumentedAttribute[bytes]) -> bytes:
        with self._database.reading() as session:
            content = session.scalar(select(column).where(FaceContentRow.face_id == face_id))
            if content is None:
                raise NotFoundError("face", face_id, DELETED_HINT)
            return content


def _record(row: Row[FaceRow, FaceStateRow, RevisionRow]) -> Face:
    face, state, current = row
    return face_record(face, state, current)


def _faces() -> FaceQuery:
    """Faces with their state and current revision, which is None where there is none."""
    return (
        select(FaceRow, FaceStateRow, RevisionRow)
        .join(FaceStateRow, FaceStateRow.face_id == FaceRow.id)
        .outerjoin(RevisionRow, RevisionRow.id == FaceStateRow.current_id)
    )


def _wanted(project_id: int, statuses: Collection[FaceStatus] | None) -> ColumnElement[bool]:
    of_project = FaceStateRow.project_id == project_id
    if statuses is None:
        return of_project
    return and_(of_project, FaceStateRow.status.in_(statuses))


def _known_faces(session: Session, project_id: int, identities: list[str]) -> dict[str, int]:
    query = select(FaceRow.identity_sha256, FaceRow.id).where(FaceRow.project_id == project_id)
    known: dict[str, int] = {}
    for start in range(0, len(identities), 500):  # SQLite allows some number of values only
        some = FaceRow.identity_sha256.in_(identities[start : start + 500])
        known |= {identity: face_id for identity, face_id in session.execute(query.where(some))}
    return known
