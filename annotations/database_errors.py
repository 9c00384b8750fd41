"""What a database driver raises, in terms of `annotations.errors`; the only such place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, TimeoutError

from annotations.errors import (
    DamagedDatabaseError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
    ReadOnlyError,
)

# The beginnings of SQLite's extended error names, and of PostgreSQL's SQLSTATE codes.
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "57014", "40P01", "40001", "53300")
_FULL = ("SQLITE_FULL", "53100", "53200")
_READ_ONLY = ("SQLITE_READONLY", "25006", "42501")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
_INPUT_OUTPUT = ("SQLITE_IOERR", "58030")
_CANNOT_OPEN = ("SQLITE_CANTOPEN",)


@contextmanager
def in_our_terms(where: str) -> Iterator[None]:
    """Turn a driver's error into a DatabaseError that says what to do next.

    where: the file, or the URL without its password. A broken rule of the schema
    (IntegrityError) passes as it is: callers know which rule they met.
    """
    try:
        yield
    except TimeoutError as error:
        raise busy(where) from error
    except (DBAPIError, sqlite3.Error) as error:
        driver_error = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(driver_error, sqlite3.IntegrityError) or _code(driver_error).startswith("23"):
            raise
        raise _explained(where, driver_error) from error


def busy(where: str) -> DatabaseBusyError:
    return DatabaseBusyError(
        where,
        f"{where} is locked by another program that has been writing for too long. "
        "Nothing was changed; try again, and close other programs that have it open.",
    )


def _explained(where: str, error: BaseException | None) -> DatabaseError:
    code = _code(error)
    if code.startswith(_BUSY):
        return busy(where)
    if code.startswith(_FULL):
        return DiskFullError(
            where,
            f"The disk of {where} is full. Nothing was changed, and what was saved before is "
            "safe; free some space and try again.",
        )
    if code.startswith(_READ_ONLY):
        return ReadOnlyError(
            where, f"{where} may not be written here. Nothing was changed; check its permissions."
        )
    if code.startswith(_DAMAGED):
        return DamagedDatabaseError(
            where,
            f"{where} is damaged or not a database ({error}). It was left as it is; "
            "restore the newest copy in the folder 'backups' beside it, or choose another.",
        )
    if code.startswith(_CANNOT_OPEN):
        return DatabaseError(
            where, f"{where} cannot be opened. Check that its folder exists and may be written."
        )
    if code.startswith(_INPUT_OUTPUT):
        return DiskFullError(
            where,
            f"The disk of {where} could not be written ({error}): full, over a quota, or failing. "
            "Nothing was changed, and what was saved before is safe; check it and try again.",
        )
    return DatabaseError(where, f"{where} cannot be used: {' '.join(str(error).split())}.")


def _code(error: BaseException | None) -> str:
    """SQLite's name of the error or PostgreSQL's SQLSTATE; empty where there is neither."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return str(code or "")
