"""Serving: a port of our own, headers that keep the page at home, one line when it is up."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import InvalidRequestError

_TRIED = 20  # ports looked at for one to suggest

# The browser itself refuses every other host. 'unsafe-eval': Gradio builds the scripts of
# its HTML components from text; 'unsafe-inline': it writes its configuration into the page.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)


class HomeHeaders:
    """ASGI middleware that adds HEADERS to every answer; streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                extra = [header for header in HEADERS if header[0] not in given]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything slow is done.

    Raises InvalidRequestError, naming a free port, where it is in use, or naming the host
    where that is not this machine's.
    """
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(1)
        taken.setblocking(False)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            other = _free_port(host, port + 1)
            raise InvalidRequestError(
                f"Port {port} on {host} is in use, perhaps by another studio. Try: --port {other}"
            ) from error
        raise InvalidRequestError(
            f"Cannot listen on {host}:{port} ({error.strerror}). Try: --host 127.0.0.1 --port 7860"
        ) from error
    return taken


def serve(app: Any, taken: socket.socket, on_up: Callable[[], None]) -> None:  # noqa: ANN401
    """Serve an ASGI app on a bound socket until Ctrl-C; on_up is called once it answers."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            on_up()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Every open page holds a stream that ends only now; cutting it is no error.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
            await super().shutdown(sockets=sockets)

    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    with taken, suppress(KeyboardInterrupt):  # how uvicorn hands on the Ctrl-C that ended it
        Server(config).run(sockets=[taken])


def _free_port(host: str, first: int) -> int:
    for port in range(first, min(first + _TRIED, 65_536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    return 0  # the system chooses
