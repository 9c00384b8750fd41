"""Projects and their label schemes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotations.checks import checked_name
from annotations.database import Database
from annotations.errors import MasksWouldBeLostError, NameTakenError, NotFoundError
from annotations.models import FaceRow, ProjectRow, RevisionRow, SchemeRow
from annotations.records import Project
from annotations.row_records import found_project, project_record, status_counts
from annotations.taxonomy import LabelScheme, default_scheme, parse_scheme


class Schemes:
    """Label schemes by their id; they never change, so each is parsed once."""

    def __init__(self) -> None:
        self._parsed: dict[int, LabelScheme] = {}

    def get(self, session: Session, scheme_id: int) -> LabelScheme:
        if scheme_id not in self._parsed:
            row = session.get_one(SchemeRow, scheme_id)
            self._parsed[scheme_id] = parse_scheme(row.yaml, f"Label scheme {scheme_id}")
        return self._parsed[scheme_id]

    def put(self, session: Session, scheme: LabelScheme) -> int:
        """The id of an equal scheme, which is added if there is none. Writes."""
        found = session.scalar(select(SchemeRow.id).where(SchemeRow.sha256 == scheme.sha256))
        if found is not None:
            return found
        row = SchemeRow(name=scheme.name, sha256=scheme.sha256, yaml=scheme.to_yaml())
        session.add(row)
        session.flush()
        return row.id


class Projects:
    """Each method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime], schemes: Schemes) -> None:
        self._database = database
        self._now = now
        self._schemes = schemes

    def create(self, name: str, scheme: LabelScheme | None = None) -> Project:
        """Make an empty project, by default with the 18 classes of a face.

        Raises NameTakenError, or BadRequestError for a name that is none.
        """
        name = checked_name("The name of a project", name)
        with self._database.writing() as session:
            if session.scalar(select(ProjectRow.id).where(ProjectRow.name == name)) is not None:
                raise NameTakenError("project", name)
            scheme_id = self._schemes.put(session, scheme or default_scheme())
            row = ProjectRow(name=name, scheme_id=scheme_id, created_at=self._now())
            session.add(row)
            session.flush()
            return self._record(session, row)

    def list(self) -> tuple[Project, ...]:
        """All projects, oldest first. Read-only."""
        with self._database.reading() as session:
            rows = session.scalars(select(ProjectRow).order_by(ProjectRow.id)).all()
            counts = status_counts(session, [row.id for row in rows])
            return tuple(
                project_record(row, self._schemes.get(session, row.scheme_id), counts[row.id])
                for row in rows
            )

    def get(self, project_id: int) -> Project:
        """Read-only. Raises NotFoundError."""
        with self._database.reading() as session:
            return self._record(session, found_project(session, project_id))

    def named(self, name: str) -> Project:
        """Read-only. Raises NotFoundError that lists the names there are."""
        with self._database.reading() as session:
            row = session.scalar(select(ProjectRow).where(ProjectRow.name == name))
            if row is None:
                names = session.scalars(select(ProjectRow.name).order_by(ProjectRow.id)).all()
                known = ", ".join(f"'{known}'" for known in names) or "none yet"
                raise NotFoundError("project", f"'{name}'", f"Projects: {known}.")
            return self._record(session, row)

    def remove(self, project_id: int, *, with_masks: bool = False) -> None:
        """Delete a project with its faces, for good.

        Raises NotFoundError, or MasksWouldBeLostError if it has masks and not `with_masks`.
        """
        with self._database.writing() as session:
            row = found_project(session, project_id)
            query = select(func.count()).select_from(RevisionRow).join(FaceRow)
            num_masks = session.scalar(query.where(FaceRow.project_id == project_id)) or 0
            if num_masks and not with_masks:
                raise MasksWouldBeLostError(f"Project '{row.name}'", num_masks)
            session.execute(delete(ProjectRow).where(ProjectRow.id == project_id))

    def _record(self, session: Session, row: ProjectRow) -> Project:
        scheme = self._schemes.get(session, row.scheme_id)
        return project_record(row, scheme, status_counts(session, [row.id])[row.id])
