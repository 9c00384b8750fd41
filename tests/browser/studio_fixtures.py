"""The real studio in a process of its own, and a page of it that must behave."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.errors import WeightsError
from core.weights import WeightStore
from tests.browser.profiles import Profiles, Size
from tests.launching import started


@dataclass
class Studio:
    """A running studio. `lines`: what it said."""

    address: str
    workspace: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    def kill(self) -> None:
        """As a crash does; it is gone when this returns."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_studio(workspace: Path, port: int = 0, *options: object) -> Iterator[Studio]:
    """With the default generator; port 0 takes a free one. A studio that lives on ends in peace."""
    with started("--port", port, "--workspace", workspace, *options) as process:
        assert process.stdout is not None and process.stderr is not None
        first = process.stdout.readline()
        match = re.fullmatch(
            r"Faceloom is at (http://127\.0\.0\.1:\d+) \(Ctrl-C stops it\)\n", first
        )
        assert match, first + process.stderr.read()
        running = Studio(match[1], workspace, process)
        reader = threading.Thread(target=lambda: running.lines.extend(process.stderr), daemon=True)
        reader.start()
        try:
            yield running
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
        finally:
            process.kill()  # where the test failed; else it has ended
        reader.join(timeout=5)
    assert code in (0, -signal.SIGKILL), running.lines
    assert "Traceback" not in "".join(running.lines), running.lines


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for many tests, in a workspace of its own."""
    store = WeightStore()
    try:
        store.get(store.default("generator"))
    except WeightsError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    with running_studio(tmp_path_factory.mktemp("workspace")) as running:
        yield running


@pytest.fixture
def sample_page(studio: Studio, profiles: Profiles) -> Iterator[Any]:
    """A fresh visit."""
    with visited(studio, profiles, (1280, 720)) as page:
        page.wait_for_selector("button#sample-button")
        page.wait_for_selector(".fl-empty-title")
        yield page


@contextmanager
def visited(studio: Studio, profiles: Profiles, size: Size) -> Iterator[Any]:
    """The studio's page in a window of this size. Complaints in the console and requests to
    other hosts fail the test that leaves it."""
    page = profiles.open(studio.address, size)
    page.set_default_timeout(60_000)
    complaints: list[str] = []
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: None if is_home(asked.url, studio) else complaints.append(asked.url),
    )
    page.goto(studio.address)
    yield page
    profiles.close(page)
    assert complaints == []


def is_home(url: str, studio: Studio) -> bool:
    """Of this studio, or from no host at all."""
    return urlsplit(url).scheme in ("data", "blob") or url.startswith(studio.address + "/")
