"""The studio's routes without its page: a client that asks as a browser tab does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.weights import WeightStore
from studio.routes import add_routes
from studio.services import Services, open_services


@pytest.fixture
def services(small_store: WeightStore, tmp_path: Path) -> Iterator[Services]:
    opened = open_services(tmp_path / "workspace", "small", "cpu", weights=small_store)
    yield opened
    opened.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    app = FastAPI()
    add_routes(app, services)
    return TestClient(app, "http://127.0.0.1", raise_server_exceptions=False, headers=asking("Ann"))


def asking(person: str, tab: str = "tab 1") -> dict[str, str]:
    return {"X-Faceloom-Person": quote(person), "X-Faceloom-Tab": tab}


def refused(answer: Any) -> tuple[int, str, str]:
    """Status, code and message of an answer that says no."""
    said = answer.json()
    assert set(said) == {"error", "code"}
    return answer.status_code, said["code"], said["error"]
