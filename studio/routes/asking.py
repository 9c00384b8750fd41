"""Who asks and what for: what routes take from a request, checked."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Annotated, TypeAlias

from fastapi import Depends, Query, Request
from starlette.requests import ClientDisconnect

from annotations import FaceStatus
from core.errors import Cancelled
from studio.people import person_of
from studio.routes.refusals import RefusedError
from studio.services import Services

_NO_TAB = "program"  # a client that is no browser tab and says no name for itself


def services_of(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def person(request: Request) -> str:
    """The name that work is kept under."""
    name = person_of(request)
    if not name:
        raise RefusedError(401, "no_person", "Nobody's name was given. Say your name first.")
    return name


def tab(request: Request) -> str:
    return request.headers.get("x-faceloom-tab", "").strip() or _NO_TAB


def statuses(status: Annotated[list[FaceStatus] | None, Query()] = None) -> Statuses:
    """Statuses of faces to list; None: all."""
    return tuple(status) if status else None


def raise_if(sign: threading.Event) -> None:
    """Raise Cancelled once the same tab has asked for the same again, or wants it stopped."""
    if sign.is_set():
        raise Cancelled("A newer request took its place.")


async def body_of(request: Request, most: int, what: str) -> bytes:
    """The request's body; refused as soon as it is known to have more than `most` bytes."""
    too_large = RefusedError(
        413, "too_large", f"{what} has more than {most >> 20} MiB. Nothing was kept; send less."
    )
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > most:
        raise too_large
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise too_large
    except ClientDisconnect as error:  # nobody reads this
        raise RefusedError(400, "cut_off", f"{what} was cut off. Nothing was kept.") from error
    return bytes(body)


Statuses: TypeAlias = Collection[FaceStatus] | None
Studio = Annotated[Services, Depends(services_of)]
Person = Annotated[str, Depends(person)]
Tab = Annotated[str, Depends(tab)]
WantedStatuses = Annotated[Statuses, Depends(statuses)]
