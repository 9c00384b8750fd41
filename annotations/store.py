"""Everything that is remembered: one object, its parts by subject.

    with AnnotationStore.open(Path("workspace")) as store:
        project = store.projects.create("faces")
        added = store.faces.add(project.id, [NewFace(...)])
        saved = store.masks.save(added.face_ids[0], labels, "Ann", parent_id=None)

All writes of Faceloom to its database go through these methods. Each is one transaction:
it happened wholly and is on disk when the method returns, or nothing of it happened.
Threads may share a store; another process opens its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from annotations.bulk_saving import BulkSaving
from annotations.database import Database, open_database, workspace_url
from annotations.drafts import Drafts
from annotations.jobs import Jobs
from annotations.leases import Leases
from annotations.statistics import Statistics
from annotations.store_faces import Faces
from annotations.store_masks import Masks
from annotations.store_projects import Projects, Schemes


def utc_now() -> datetime:
    return datetime.now(UTC)


class AnnotationStore:
    """now: the clock, for times in rows and for leases; a test may bring its own."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        schemes = Schemes()
        self._database = database
        self.projects = Projects(database, now, schemes)
        self.faces = Faces(database, now)
        self.masks = Masks(database, now, schemes)
        self.imports = BulkSaving(database, now)
        self.drafts = Drafts(database, now)
        self.leases = Leases(database, now)
        self.jobs = Jobs(database, now)
        self.statistics = Statistics(database, schemes)

    @classmethod
    def open(cls, workspace: Path) -> Self:
        """Open a workspace's store, making or updating its database.

        $FACELOOM_DATABASE_URL replaces the file in the workspace. Raises DatabaseError.
        """
        return cls(open_database(workspace_url(workspace)))

    @classmethod
    def open_url(cls, url: str) -> Self:
        """Open a store by SQLAlchemy URL. Raises DatabaseError."""
        return cls(open_database(url))

    @property
    def where(self) -> str:
        """The file, or the URL without its password."""
        return self._database.where

    def close(self) -> None:
        """Let go of the database; safe to call again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
