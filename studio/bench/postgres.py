"""A PostgreSQL server of our own for a while, for measurements and for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
def temporary_server(programs: Path, *, is_durable: bool = True) -> Iterator[str]:
    """Start a server and yield the SQLAlchemy URL of its empty database.

    Its data and its socket are in a temporary folder, it listens to no network, and it is
    stopped and deleted at the end. is_durable: commits wait for the disk, as they do on a
    server that people use.
    """
    folder = Path(tempfile.mkdtemp(prefix="faceloom-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
        data = folder / "data"
        _run(folder, programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8")
        fsync = "on" if is_durable else "off"
        options = f"-k {folder} -c listen_addresses='' -c max_connections=150 -c fsync={fsync}"
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
