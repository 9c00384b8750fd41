"""A real PostgreSQL server for tests: one that is given, or one of our own for a while."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

GIVEN = "FACELOOM_TEST_POSTGRES_URL"
_USER = "postgres"  # the server refuses to run as root


def server_programs() -> Path | None:
    """The folder of the newest installed server's programs, None where there is none."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(found, key=lambda file: float(file.parent.parent.name))
    if newest:
        return newest[-1].parent
    in_path = shutil.which("initdb")
    return Path(in_path).parent if in_path else None


@contextmanager
def running_server() -> Iterator[str | None]:
    """The SQLAlchemy URL of an empty database, None where there is no server to be had.

    A server of our own has its data and its socket in a temporary folder, listens to no
    network, does not wait for the disk, and is stopped and deleted at the end.
    """
    if url := os.environ.get(GIVEN):
        yield url
        return
    programs = server_programs()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="faceloom-postgres-"))
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        _run(folder, programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses='' -c max_connections=150 -c fsync=off"
        log = folder / "log"
        _run(folder, programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{_USER}@/postgres?host={folder}"
        finally:
            _run(folder, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, *command: str | Path) -> None:
    """Run a program of the server, as its user where we are root."""
    as_user = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*as_user, *map(str, command)],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,  # pg_ctl's server would keep a pipe open
        timeout=60,
    )


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """A database of its own on the server, dropped at the end; what is there is not touched."""
    name = f"faceloom_test_{os.getpid()}_{secrets.token_hex(4)}"
    with _administrator(server_url) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        url = make_url(server_url).set(database=name)
        yield url.render_as_string(hide_password=False)
    finally:
        with _administrator(server_url) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def emptied(url: str) -> None:
    """Remove every row of a migrated database, and count ids from 1 again."""
    with _administrator(url) as connection:
        connection.execute("TRUNCATE label_schemes, projects, jobs RESTART IDENTITY CASCADE")


def _administrator(url: str) -> psycopg.Connection[tuple[object, ...]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)
