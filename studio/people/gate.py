"""Every request comes through here: from which page, to which host, from whom.

Pure ASGI: what is let through is not touched, so streams stay streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.people.asking import STATE
from studio.people.origins import foreign_host, foreign_origin
from studio.people.people import People, SignInRefusedError
from studio.people.sessions import SECONDS
from studio.people.sign_in import sign_in_page

SIGN_IN, SIGN_OUT, LOGIN = "/sign-in", "/sign-out", "/login"  # the last: gradio_client's
MOST_BYTES = 32 * 1024  # of a form; a name and a password of 1000 characters are less
_PATIENCE = 15  # seconds for a form to arrive
_NOT_KEPT = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Gate:
    """ASGI middleware around the whole studio.

    people: who may come in; None: everybody who reaches the studio, unless only_here: then
    only requests to this machine's own names, so that no other site's name leads here.
    """

    def __init__(self, app: ASGIApp, people: People | None, only_here: bool) -> None:
        self.app, self.people, self.only_here = app, people, only_here

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        answer = self._stranger(scope)
        if answer is None and self.people is not None:
            asked = HTTPConnection(scope)
            if page := self._page(scope):
                answer = await page(Request(scope, receive), self.people)
            elif name := self.people.person(asked.cookies):
                scope = {**scope, "state": {**scope.get("state", {}), STATE: name}}
            else:
                answer = _nobody(scope)
        if answer is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    def _stranger(self, scope: Scope) -> Response | None:
        """The refusal of what another site's page sent, or sent under another site's name."""
        headers = Headers(scope=scope)
        if self.only_here and (host := foreign_host(headers)) is not None:
            return _refusal(
                403,
                "foreign_host",
                f"This studio answers only as localhost or 127.0.0.1, and was asked as {host!r}. "
                "To be reached under other names it must be started with --auth FILE.",
            )
        # Opening a websocket, or signing out by a link, does something as much as a POST does.
        is_writing = scope["type"] == "websocket" or _path(scope) == SIGN_OUT
        method = "POST" if is_writing else scope["method"]
        if (origin := foreign_origin(method, headers)) is not None:
            return _refusal(
                403,
                "foreign_origin",
                f"A page of {origin} asked, and only the studio's own page may. Open the studio "
                "itself. Behind a proxy, let it hand on the Host header.",
            )
        return None

    @staticmethod
    def _page(scope: Scope) -> Callable[[Request, People], Awaitable[Response]] | None:
        if scope["type"] != "http":
            return None
        path = _path(scope)
        if path == LOGIN and scope["method"] == "POST":
            return _login
        return {SIGN_IN: _sign_in, SIGN_OUT: _sign_out}.get(path)


async def _sign_in(request: Request, people: People) -> Response:
    """The page for people, and what its form sends."""
    if request.method in ("GET", "HEAD"):
        return _onward(request) if people.person(request.cookies) else sign_in_page()
    if request.method != "POST":
        return _refusal(405, "bad_request", "Sign in with a form (POST).")
    name = ""
    try:
        name, password = await _name_and_password(request)
        session = await people.sign_in(name, password, _address(request))
    except HTTPException as error:
        return sign_in_page(error.status_code, complaint=error.detail)
    except SignInRefusedError as error:
        page = sign_in_page(429 if error.wait else 401, name, str(error))
        return _to_wait(page, error)
    return _with_session(_onward(request), request, people, session)


async def _login(request: Request, people: People) -> Response:
    """The same for programs, as gradio_client wants it."""
    try:
        name, password = await _name_and_password(request)
        session = await people.sign_in(name, password, _address(request))
    except HTTPException as error:
        return _refusal(error.status_code, "bad_request", error.detail)
    except SignInRefusedError as error:
        if error.wait:
            return _to_wait(_refusal(429, "too_many_attempts", str(error)), error)
        return _refusal(401, "wrong_password", str(error))
    answer = JSONResponse({"success": True}, headers=_NOT_KEPT)
    return _with_session(answer, request, people, session)


async def _sign_out(request: Request, people: People) -> Response:
    if request.method != "POST" and not _is_visit(request.scope):  # no picture does it
        return _refusal(405, "bad_request", "Sign out by visiting this page, or with POST.")
    await people.sign_out(request.cookies)
    answer = RedirectResponse(f".{SIGN_IN}", 303, _NOT_KEPT)
    answer.delete_cookie(people.sessions.cookie, path=_cookie_path(request))
    return answer


async def _name_and_password(request: Request) -> tuple[str, str]:
    """From a form, urlencoded or multipart. Raises HTTPException."""
    arrived = 0

    async def receive_little() -> Message:
        nonlocal arrived
        message = await request.receive()
        arrived += len(message.get("body", b""))
        if arrived > MOST_BYTES:
            raise HTTPException(413, f"Name and password have more than {MOST_BYTES} bytes.")
        return message

    try:
        async with asyncio.timeout(_PATIENCE):
            form = await Request(request.scope, receive_little).form(max_files=0, max_fields=10)
    except TimeoutError as error:
        raise HTTPException(408, "The form did not arrive in time. Try again.") from error
    except (MultiPartException, ClientDisconnect, UnicodeError) as error:
        raise HTTPException(400, "The form cannot be read. Try again.") from error
    name, password = form.get("username"), form.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise HTTPException(400, "The form must have the fields username and password.")
    return name, password


def _nobody(scope: Scope) -> Response:
    """Browsers are led to the sign-in page; programs, and scripts of a page, are told."""
    if not _is_visit(scope):
        return _refusal(401, "no_person", "You are not signed in, or not any more. Sign in first.")
    path = _raw_path(scope)
    query = scope["query_string"].decode("latin-1")
    wanted = quote(path + (f"?{query}" if query else ""), safe="/")
    up = "../" * (path.count("/") - 1) or "./"  # relative: a proxy may have cut off a sub-path
    query = f"?next={wanted}" if wanted != "/" else ""
    return RedirectResponse(f"{up}{SIGN_IN[1:]}{query}", 303, _NOT_KEPT)


def _is_visit(scope: Scope) -> bool:
    """Whether a browser goes to a page."""
    is_reading = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    return is_reading and "text/html" in Headers(scope=scope).get("accept", "")


def _onward(request: Request) -> Response:
    """To where they wanted; relative, so that it cannot lead to another host."""
    wanted = request.query_params.get("next", "/")
    is_path = wanted.startswith("/") and wanted.isascii() and wanted.isprintable()
    is_safe = is_path and not set(wanted) & set(' \\"<>')
    return RedirectResponse(f".{wanted if is_safe else '/'}", 303, _NOT_KEPT)


def _with_session(answer: Response, request: Request, people: People, session: str) -> Response:
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    answer.set_cookie(
        people.sessions.cookie,
        session,
        max_age=SECONDS,
        path=_cookie_path(request),
        secure="https" in (request.url.scheme, forwarded),
        httponly=True,
        samesite="lax",
    )
    return answer


def _to_wait(answer: Response, error: SignInRefusedError) -> Response:
    if error.wait:
        answer.headers["retry-after"] = str(error.wait)
    return answer


def _refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": message, "code": code}, status, _NOT_KEPT)


def _address(request: Request) -> str:
    return request.client.host if request.client else "nowhere"


def _cookie_path(request: Request) -> str:
    return request.scope.get("root_path", "") or "/"


def _path(scope: Scope) -> str:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path


def _raw_path(scope: Scope) -> str:
    """As it was asked, still percent-encoded, below the root path."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.decode("latin-1").removeprefix(scope.get("root_path", ""))
