"""What was labelled, by class and by person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from annotations.database import Database
from annotations.models import FaceRow, FaceStateRow, RevisionRow
from annotations.records import (
    ClassStatistics,
    FaceStatus,
    PersonStatistics,
    ProjectStatistics,
    Status,
)
from annotations.row_records import found_project, status_counts
from annotations.store_projects import Schemes
from annotations.taxonomy import IGNORE_ID, LabelScheme

_VERDICTS = (Status.ACCEPTED, Status.REJECTED)


class Statistics:
    """Each method is one transaction, and read-only."""

    def __init__(self, database: Database, schemes: Schemes) -> None:
        self._database = database
        self._schemes = schemes

    def of_project(
        self, project_id: int, statuses: Collection[FaceStatus] | None = None
    ) -> ProjectStatistics:
        """Counts of a project. statuses: count the classes on such faces only, None: on all.

        Raises NotFoundError.
        """
        with self._database.reading() as session:
            project = found_project(session, project_id)
            scheme = self._schemes.get(session, project.scheme_id)
            return ProjectStatistics(
                num_faces=status_counts(session, [project_id])[project_id],
                classes=_classes(session, project_id, scheme, statuses),
                people=_people(session, project_id),
            )


def _classes(
    session: Session, project_id: int, scheme: LabelScheme, statuses: Collection[FaceStatus] | None
) -> tuple[ClassStatistics, ...]:
    query = (
        select(RevisionRow.pixel_counts)
        .join(FaceStateRow, FaceStateRow.current_id == RevisionRow.id)
        .where(FaceStateRow.project_id == project_id)
    )
    if statuses is not None:
        query = query.where(FaceStateRow.status.in_(statuses))
    pixels: Counter[str] = Counter()
    faces: Counter[str] = Counter()
    for counts in session.scalars(query):
        for value, count in counts.items():
            pixels[value] += count
            faces[value] += 1
    named = [(label.id, label.name) for label in scheme.classes] + [(IGNORE_ID, "not labelled")]
    return tuple(
        ClassStatistics(value, name, pixels[str(value)], faces[str(value)]) for value, name in named
    )


@dataclass
class _Tally:
    """One person's counts while they are gathered."""

    by_status: Counter[Status] = field(default_factory=Counter)
    verdicts: Counter[Status] = field(default_factory=Counter)
    num_faces: int = 0
    seconds: float = 0.0

    def as_record(self, person: str) -> PersonStatistics:
        return PersonStatistics(
            person=person,
            num_drafts=self.by_status[Status.DRAFT],
            num_done=self.by_status[Status.DONE],
            num_faces=self.num_faces,
            num_accepted=self.verdicts[Status.ACCEPTED],
            num_rejected=self.verdicts[Status.REJECTED],
            num_reviews=sum(self.by_status[verdict] for verdict in _VERDICTS),
            seconds=self.seconds,
        )


def _people(session: Session, project_id: int) -> tuple[PersonStatistics, ...]:
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    saves = (
        select(RevisionRow.author, RevisionRow.status, func.count(), func.sum(RevisionRow.seconds))
        .join(FaceRow, FaceRow.id == RevisionRow.face_id)
        .where(FaceRow.project_id == project_id)
        .group_by(RevisionRow.author, RevisionRow.status)
    )
    for author, status, count, seconds in session.execute(saves):
        tallies[author].by_status[status] += count
        tallies[author].seconds += seconds or 0.0
    faces = (
        select(RevisionRow.author, func.count(RevisionRow.face_id.distinct()))
        .join(FaceRow, FaceRow.id == RevisionRow.face_id)
        .where(FaceRow.project_id == project_id, RevisionRow.status.not_in(_VERDICTS))
        .group_by(RevisionRow.author)
    )
    for author, count in session.execute(faces):
        tallies[author].num_faces = count
    for painter, verdict, count in session.execute(_verdicts_on_painters(project_id)):
        tallies[painter].verdicts[verdict] += count
    return tuple(tallies[person].as_record(person) for person in sorted(tallies))


def _verdicts_on_painters(project_id: int) -> Select[str, Status, int]:
    """Verdicts by who made the reviewed mask; a verdict on a verdict counts for nobody."""
    reviewed = aliased(RevisionRow)
    return (
        select(reviewed.author, RevisionRow.status, func.count())
        .join(reviewed, reviewed.id == RevisionRow.parent_id)
        .join(FaceRow, FaceRow.id == RevisionRow.face_id)
        .where(FaceRow.project_id == project_id, RevisionRow.status.in_(_VERDICTS))
        .where(reviewed.status.not_in(_VERDICTS))
        .group_by(reviewed.author, RevisionRow.status)
    )
