"""A real server with a gradio page behind the gate, and the real gradio_client before it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AuthenticationError

from tests.launching import REPOSITORY
from tests.people import written
from tests.people_server import PAUSE


@contextmanager
def served(kind: str, folder: Path, accounts: Path, port: int = 0) -> Iterator[str]:
    """Ends by kill -9, as a crash would."""
    arguments = [kind, str(port), str(folder / "workspace"), str(accounts)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.people_server", *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("people")
    with served("gradio", folder, written(folder / "people.txt")) as address:
        yield address


def client(address: str, folder: Path, auth: tuple[str, str] | None = None) -> Client:
    return Client(address, auth=auth, verbose=False, analytics_enabled=False, download_files=folder)


def test_gradio_client_signs_in_and_works(address: str, tmp_path: Path) -> None:
    zoe = client(address, tmp_path, ("Zoë", "battery stäple"))
    assert zoe.predict("Good morning", api_name="/greet") == "Good morning, Zoë"


def test_gradio_client_gets_streams_piece_by_piece(address: str, tmp_path: Path) -> None:
    ada = client(address, tmp_path, ("Ada", "correct horse"))
    arrivals = [(time.time(), piece) for piece in ada.submit(api_name="/count")]
    delays = [arrived - float(piece.split()[1]) for arrived, piece in arrivals]
    assert len(delays) == 3 and delays[0] < 2 * PAUSE  # held back, the first comes 3 pauses late


@pytest.mark.parametrize("auth", [None, ("Ada", "wrong word"), ("Nobody", "correct horse")])
def test_gradio_client_stays_outside_without_the_right_password(
    address: str, tmp_path: Path, auth: tuple[str, str] | None
) -> None:
    with pytest.raises(AuthenticationError, match=r"Invalid credentials|not provided"):
        client(address, tmp_path, auth)


def test_what_nobody_uploads_is_refused(address: str) -> None:
    files = {"files": ("a.bin", bytes(5 * 2**20))}
    answer = httpx.post(f"{address}/gradio_api/upload", files=files)
    assert (answer.status_code, answer.json()["code"]) == (401, "no_person")


def test_a_killed_studio_still_knows_its_people(tmp_path: Path) -> None:
    accounts = written(tmp_path / "people.txt")
    with httpx.Client() as browser:
        with served("echo", tmp_path, accounts) as address:
            form = {"username": "Ada", "password": "correct horse"}
            assert browser.post(f"{address}/sign-in", data=form).status_code == 303
            assert browser.get(f"{address}/echo").status_code == 200
        with pytest.raises(httpx.ConnectError, match="refused"):
            browser.get(f"{address}/echo")
        with served("echo", tmp_path, accounts, port=urlsplit(address).port or 0) as again:
            assert again == address
            assert browser.get(f"{address}/echo").status_code == 200
