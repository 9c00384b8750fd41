"""One database, SQLite by default and PostgreSQL by URL, and its transactions.

A save that was acknowledged is on disk. SQLite runs in WAL with synchronous=FULL: every
commit waits for fsync. NORMAL would survive a killed process but may lose the last
commits when the power fails; FULL costs one fsync (4 ms here), once per save.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from annotations.database_errors import busy, in_our_terms
from annotations.errors import DatabaseError
from annotations.migrate import MIGRATIONS, migrate

DATABASE_FILE = "faceloom.db"
URL_VARIABLE = "FACELOOM_DATABASE_URL"
BUSY_SECONDS = 15.0  # how long to wait for another program's write before giving up

_WRITES = "faceloom_writes"
_POOL = {"pool_size": 8, "max_overflow": 56, "pool_timeout": BUSY_SECONDS}


class Database:
    """An open database. Threads may share it; other processes open their own.

    where: the file, or the URL without its password, for messages.
    """

    def __init__(self, engine: Engine, busy_seconds: float = BUSY_SECONDS) -> None:
        self.where = engine.url.database or "" if _is_file(engine) else str(engine.url)
        self._reader = engine
        self._writer = engine.execution_options(**{_WRITES: True})
        self._busy_seconds = busy_seconds
        # SQLite has one writer at a time and lets the others poll; threads of one process
        # wait in line instead, so that none starves. A PostgreSQL server does better itself.
        self._turn = threading.Lock() if _is_file(engine) else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database and writes nothing."""
        with in_our_terms(self.where), Session(self._reader, autoflush=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed and on disk when the block ends, or nothing of it is.

        Raises DatabaseBusyError, DiskFullError, ReadOnlyError or another DatabaseError.
        """
        with (
            self._turn_to_write(),
            in_our_terms(self.where),
            Session(self._writer, autoflush=False) as session,
            session.begin(),
        ):
            session.connection()  # BEGIN IMMEDIATE now: what is read stays true
            yield session

    def close(self) -> None:
        """Give the connections back; safe to call again."""
        self._reader.dispose()

    @contextmanager
    def _turn_to_write(self) -> Iterator[None]:
        with nullcontext() if self._turn is None else self._locked(self._turn):
            yield

    @contextmanager
    def _locked(self, turn: threading.Lock) -> Iterator[None]:
        if not turn.acquire(timeout=self._busy_seconds):
            raise busy(self.where)
        try:
            yield
        finally:
            turn.release()


def workspace_url(workspace: Path) -> str:
    """Where a workspace keeps its masks: $FACELOOM_DATABASE_URL, else its `faceloom.db`."""
    if url := os.environ.get(URL_VARIABLE):
        return url
    return URL.create("sqlite", database=str(workspace / DATABASE_FILE)).render_as_string()


def workspace_exists(workspace: Path) -> bool:
    """Whether a workspace has a database already, or is given one by the environment."""
    return bool(os.environ.get(URL_VARIABLE)) or (workspace / DATABASE_FILE).exists()


def open_database(
    url: str, *, busy_seconds: float = BUSY_SECONDS, migrations: Path = MIGRATIONS
) -> Database:
    """Open a database by SQLAlchemy URL, make it if missing, and bring it up to date.

    A SQLite file is copied to `backups/` beside it before its schema changes. Raises
    NewerDatabaseError and leaves it alone if a newer Faceloom made it, or a DatabaseError.
    """
    engine = _engine(_parsed(url), busy_seconds)
    database = Database(engine, busy_seconds)
    try:
        with in_our_terms(database.where):
            migrate(engine.execution_options(**{_WRITES: True}), database.where, migrations)
    except BaseException:
        database.close()
        raise
    return database


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(
            "the database URL",
            "The database URL cannot be read. It should look like sqlite:////path/faceloom.db or "
            f"postgresql://name:password@host/database; check {URL_VARIABLE}.",
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "postgresql+psycopg"):
        return parsed
    raise DatabaseError(
        parsed.render_as_string(),
        f"'{parsed.drivername}' is not supported. Use sqlite or postgresql.",
    )


def _engine(url: URL, busy_seconds: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise DatabaseError("sqlite", "Masks need a file: sqlite:////path/faceloom.db")
        if not url.database.startswith("file:"):
            _make_folder(Path(url.database).parent)
        engine = create_engine(url, connect_args={"timeout": busy_seconds}, **_POOL)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = create_engine(url, pool_pre_ping=True, **_POOL)
    except ImportError as error:
        raise DatabaseError(
            url.render_as_string(),
            "PostgreSQL needs its driver. Run: pip install 'faceloom[postgres]'",
        ) from error
    lock_timeout = f"SET lock_timeout = {int(busy_seconds * 1000)}"
    event.listen(engine, "connect", lambda raw, _: _set_up_postgres(raw, lock_timeout))
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            str(folder), f"The folder {folder} cannot be made ({error.strerror}). Choose another."
        ) from error


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
    connection.isolation_level = None  # the driver begins nothing on its own; we do
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "journal_size_limit = 67108864"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: one that reads first could not get it later."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up_postgres(connection: Any, lock_timeout: str) -> None:  # noqa: ANN401 - the driver's
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # whatever the server's default
        cursor.execute(lock_timeout)
    connection.commit()


def _is_file(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"
