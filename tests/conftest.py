"""What tests of several folders share: databases. Each test has one of its own, empty."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.painted_faces import Clock
from tests.postgres_server import emptied, fresh_database, running_server

if TYPE_CHECKING:
    from annotations import AnnotationStore


def pytest_configure() -> None:
    """A shell that starts tests in the background lets them, and all they start, ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, with -n
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return OneStudio(config, log)


class OneStudio(LoadScopeScheduling):
    """On several workers: one studio at a time, so all browser tests go to one of them; the
    others go by file, as their fixtures do."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "browser" if path.startswith("tests/browser/") else path


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database file, to be copied."""
    from annotations.database import open_database

    path = tmp_path_factory.mktemp("template") / "faceloom.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real server. Without one these tests are skipped, but never in CI."""
    with running_server() as url:
        if url is None and os.environ.get("CI") == "true":
            pytest.fail("CI must have a PostgreSQL server: apt-get install postgresql")
        if url is None:
            pytest.skip("no PostgreSQL server here: apt-get install postgresql")
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> Iterator[str]:
    from annotations.database import open_database

    with fresh_database(postgres_server) as url:
        open_database(url).close()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the present schema; the test runs on each kind."""
    if request.param == "sqlite":
        return sqlite_url(request, tmp_path)
    url: str = request.getfixturevalue("migrated_postgres")
    emptied(url)
    return url


@pytest.fixture
def sqlite_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty SQLite database, for what only a file can show."""
    return sqlite_url(request, tmp_path)


def sqlite_url(request: pytest.FixtureRequest, folder: Path) -> str:
    template: Path = request.getfixturevalue("sqlite_template")
    shutil.copy(template, folder / "faceloom.db")
    return f"sqlite:///{folder / 'faceloom.db'}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[AnnotationStore]:
    """An empty store on either database."""
    from annotations import AnnotationStore
    from annotations.database import open_database

    with AnnotationStore(open_database(database_url), clock) as opened:
        yield opened
