"""Rows to records: the only place where a row becomes what the store hands out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotations.errors import NotFoundError
from annotations.models import FaceRow, FaceStateRow, JobRow, LeaseRow, ProjectRow, RevisionRow
from annotations.records import Face, FaceStatus, Job, Lease, Project, Revision
from annotations.taxonomy import LabelScheme

DELETED_HINT = "It may have been deleted in the meantime; reload the page."


def revision_record(row: RevisionRow) -> Revision:
    return Revision(
        id=row.id,
        face_id=row.face_id,
        parent_id=row.parent_id,
        author=row.author,
        source=row.source,
        status=row.status,
        comment=row.comment,
        seconds=row.seconds,
        created_at=row.created_at,
        was_stale=row.was_stale,
        sha256=row.sha256,
        num_bytes=row.num_bytes,
        pixel_counts={int(value): count for value, count in row.pixel_counts.items()},
    )


def face_record(face: FaceRow, state: FaceStateRow, current: RevisionRow | None) -> Face:
    return Face(
        id=face.id,
        project_id=face.project_id,
        seed=face.seed,
        psi=face.psi,
        noise=face.noise,
        generator=face.generator,
        generator_sha256=face.generator_sha256,
        width=face.width,
        height=face.height,
        identity_sha256=face.identity_sha256,
        created_at=face.created_at,
        status=state.status,
        current=revision_record(current) if current else None,
        settled_id=state.settled_id,
    )


def project_record(
    row: ProjectRow, scheme: LabelScheme, num_faces: Mapping[FaceStatus, int]
) -> Project:
    return Project(row.id, row.name, scheme, row.created_at, num_faces)


def lease_record(row: LeaseRow) -> Lease:
    return Lease(row.face_id, row.person, row.session, row.since, row.expires_at)


def job_record(row: JobRow) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        payload=row.payload,
        result=row.result,
        person=row.person,
        done=row.done,
        total=row.total,
        doing=row.doing,
        error=row.error,
        traceback=row.traceback,
        is_cancel_requested=row.is_cancel_requested,
        host=row.host,
        pid=row.pid,
        created_at=row.created_at,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
    )


def status_counts(session: Session, project_ids: Iterable[int]) -> dict[int, dict[FaceStatus, int]]:
    """Project id -> number of faces by status, every status present. Read-only."""
    counts = {project_id: dict.fromkeys(FaceStatus, 0) for project_id in project_ids}
    query = (
        select(FaceStateRow.project_id, FaceStateRow.status, func.count())
        .where(FaceStateRow.project_id.in_(counts))
        .group_by(FaceStateRow.project_id, FaceStateRow.status)
    )
    for project_id, status, count in session.execute(query):
        counts[project_id][status] = count
    return counts


def found_project(session: Session, project_id: int) -> ProjectRow:
    """Raises NotFoundError."""
    row = session.get(ProjectRow, project_id)
    if row is None:
        raise NotFoundError("project", project_id, DELETED_HINT)
    return row


def found_revision(session: Session, revision_id: int) -> RevisionRow:
    """Raises NotFoundError."""
    row = session.get(RevisionRow, revision_id)
    if row is None:
        raise NotFoundError("mask revision", revision_id, DELETED_HINT)
    return row


def locked_state(session: Session, face_id: int) -> FaceStateRow:
    """What is in force on a face; nobody else changes it until this transaction ends.

    Raises NotFoundError for a face that is not there, or no longer.
    """
    query = select(FaceStateRow).where(FaceStateRow.face_id == face_id).with_for_update()
    row = session.scalar(query)
    if row is None:
        raise NotFoundError("face", face_id, DELETED_HINT)
    return row
