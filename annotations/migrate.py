"""Brings a database to the schema of this Faceloom, or leaves it exactly as it was.

The steps are Alembic revisions in migrations/versions, in order, append-only. A step and
its record commit together, under a lock, so that two studios may start at once. Fresh
databases are made by the same steps, from nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from annotations.errors import DamagedDatabaseError, NewerDatabaseError

MIGRATIONS = Path(__file__).parent / "migrations"

_VERSION_TABLE = "alembic_version"
_ADVISORY_LOCK = 0x_FACE_1005  # any number that only Faceloom uses on a server


def migrate(engine: Engine, where: str, migrations: Path = MIGRATIONS) -> Path | None:
    """Bring the database up to date; the backup's path if a file was changed, else None.

    engine: one whose transactions take the write lock at once. Raises NewerDatabaseError,
    DamagedDatabaseError for a database of another program, or what a step raises; then
    nothing was changed.
    """
    script = ScriptDirectory(str(migrations))
    is_current = _is_current(engine, script, where)
    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)
    if is_current:
        return None
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        found = _version(connection, script, where)
        if found == script.get_current_head():
            return None  # another studio did it while we waited for the lock
        backup = None
        if found is not None and connection.dialect.name == "sqlite":
            backup = back_up(Path(where), found)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrations).replace("%", "%%"))
        command.upgrade(config, "head")
    return backup


def back_up(file: Path, version: str) -> Path:
    """Copy a SQLite file, open or not, to `backups/` beside it, whole or not at all.

    Named by time and schema version. Raises sqlite3.Error or OSError.
    """
    folder = file.parent / "backups"
    folder.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    target = folder / f"{file.stem}-{stamp}-schema-{version}.db"
    unfinished = folder / f".unfinished-{secrets.token_hex(8)}"
    try:
        with (
            contextlib.closing(sqlite3.connect(file)) as source,
            contextlib.closing(sqlite3.connect(unfinished)) as copy,
        ):
            source.backup(copy)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _is_current(engine: Engine, script: ScriptDirectory, where: str) -> bool:
    """A look without the write lock, so that opening does not wait for somebody's save."""
    with engine.execution_options(faceloom_writes=False).connect() as connection:
        return _version(connection, script, where) == script.get_current_head()


def _use_write_ahead_log(engine: Engine) -> None:
    """Readers and a writer do not wait for each other. The file remembers it.

    Not among the pragmas of every connection: it writes to the file, which must not happen
    before the file was found to be ours.
    """
    with contextlib.closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            cursor.execute("PRAGMA journal_mode = WAL")


def _version(connection: Connection, script: ScriptDirectory, where: str) -> str | None:
    """The schema version, None for an empty database. Raises if it is not one of ours."""
    tables = inspect(connection).get_table_names()
    if _VERSION_TABLE not in tables:
        if tables:
            raise DamagedDatabaseError(
                where,
                f"{where} is a database of another program (it has the table '{tables[0]}'). "
                "It was not touched; choose another file or an empty database.",
            )
        return None
    known = [revision.revision for revision in script.walk_revisions()][::-1]
    found = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))
    if found is not None and found not in known:
        raise NewerDatabaseError(where, str(found), known)
    return None if found is None else str(found)
