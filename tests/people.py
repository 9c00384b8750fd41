"""A small studio's gate for tests: accounts, a workspace, an application behind it that echoes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from studio.people import Accounts, Gate, People, open_people, person_of, signed_in
from studio.people.passwords import PasswordHash

PASSWORDS = {"Ada": "correct horse", "Zoë": "battery stäple"}
CHEAP = 16  # scrypt's n


@dataclass
class Time:
    """A clock that goes only when it is told to."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def written(path: Path, passwords: Mapping[str, str] = PASSWORDS) -> Path:
    lines = [f"{name}:{PasswordHash.of(word, CHEAP)}" for name, word in passwords.items()]
    path.write_text("\n".join(["# people", *lines, ""]), encoding="utf-8")
    path.chmod(0o600)
    return path


def people_in(folder: Path) -> People:
    return open_people(Accounts(written(folder / "people.txt")), folder / "workspace")


def application() -> Starlette:
    """Says who asks, and what was sent."""

    async def echo(request: Request) -> JSONResponse:
        body = (await request.body()).decode()
        said = {"person": person_of(request), "signed_in": signed_in(request), "body": body}
        return JSONResponse(said)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", echo, methods=methods)])


def gated(people: People | None = None, only_here: bool = False) -> Gate:
    return Gate(application(), people, only_here)
