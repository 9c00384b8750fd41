"""Who has which face open. A lease warns others; it never stops a save."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotations.checks import checked_name
from annotations.database import Database
from annotations.models import LeaseRow
from annotations.records import Presence
from annotations.row_records import lease_record, locked_state

LEASE_SECONDS = 45.0  # three missed heartbeats of 15 s


class Leases:
    """Each method is one transaction. session: one browser tab or program, any text.

    Times are this machine's; studios that share a PostgreSQL server should agree on the time
    to within some seconds.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def hold(
        self, face_id: int, person: str, session: str, seconds: float = LEASE_SECONDS
    ) -> Presence:
        """Open a face, or say again that it is open; others learn of it until `seconds` pass.

        Whoever came first is the holder until they leave or fall silent. Raises
        NotFoundError, BadRequestError.
        """
        person, session = (
            checked_name("A person's name", person),
            checked_name("A session", session),
        )
        with self._database.writing() as database:
            now = self._now()
            locked_state(database, face_id)
            database.execute(
                delete(LeaseRow).where(LeaseRow.face_id == face_id, LeaseRow.expires_at <= now)
            )
            row = database.get(LeaseRow, (face_id, session))
            if row is None:
                row = LeaseRow(face_id=face_id, session=session, since=now)
                database.add(row)
            row.person = person
            row.expires_at = now + timedelta(seconds=seconds)
            database.flush()
            return _presence(database, face_id, now)

    def release(self, face_id: int, session: str) -> None:
        """Close a face; harmless if it was not open."""
        with self._database.writing() as database:
            query = delete(LeaseRow).where(LeaseRow.face_id == face_id)
            database.execute(query.where(LeaseRow.session == session))

    def release_all(self, session: str) -> None:
        """Close every face that a session has open, as when its tab is closed."""
        with self._database.writing() as database:
            database.execute(delete(LeaseRow).where(LeaseRow.session == session))

    def presence(self, face_id: int) -> Presence:
        """Who has a face open now. Read-only."""
        with self._database.reading() as database:
            return _presence(database, face_id, self._now())


def _presence(database: Session, face_id: int, now: datetime) -> Presence:
    query = (
        select(LeaseRow)
        .where(LeaseRow.face_id == face_id, LeaseRow.expires_at > now)
        .order_by(LeaseRow.since, LeaseRow.session)
    )
    leases = [lease_record(row) for row in database.scalars(query)]
    return Presence(leases[0], tuple(leases[1:])) if leases else Presence(None)
