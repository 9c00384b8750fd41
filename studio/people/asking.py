"""Who asks: what routes and tabs take from a request."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import HTTPConnection

from core.errors import InvalidRequestError
from studio.people.accounts import clean_name

STATE = "person"  # where the gate puts the name of who is signed in
HEADER, COOKIE = "x-faceloom-person", "faceloom-person"


def signed_in(request: HTTPConnection) -> str | None:
    """Who is signed in; None where the studio has no accounts."""
    name: str | None = request.scope.get("state", {}).get(STATE)
    return name


def person_of(request: HTTPConnection) -> str:
    """The name that work is kept under: of who is signed in, else the one that is said.

    Said is it in the header X-Faceloom-Person or else in the cookie faceloom-person, both
    percent-encoded UTF-8. '' if there is none, or one that no name can be.
    """
    if name := signed_in(request):
        return name
    said = request.headers.get(HEADER) or request.cookies.get(COOKIE, "")
    try:
        return clean_name(unquote(said, errors="strict"))
    except (InvalidRequestError, UnicodeDecodeError):
        return ""
