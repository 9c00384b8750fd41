"""A real PostgreSQL server for tests: one that is given, or one of our own for a while."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url

from studio.bench.postgres import server_programs, temporary_server

GIVEN = "FACELOOM_TEST_POSTGRES_URL"


@contextmanager
def running_server() -> Iterator[str | None]:
    """The SQLAlchemy URL of an empty database, None where there is no server to be had.

    A server of our own does not wait for the disk.
    """
    if url := os.environ.get(GIVEN):
        yield url
        return
    programs = server_programs()
    if programs is None:
        yield None
        return
    with temporary_server(programs, is_durable=False) as url:
        yield url


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
