"""Which page and which address a request came from: other sites get no answer.

A browser tells (Sec-Fetch-Site, Origin) and no page can make it lie; programs that are no
browser send neither header, and are let through to the sign-in.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_READING = ("GET", "HEAD")


def is_this_machine(host: str) -> bool:
    """Whether a host (no port) can only be reached from here: localhost, 127.0.0.0/8, ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def foreign_host(headers: Headers) -> str | None:
    """The Host of a request that is not meant for this machine; None: it is.

    Another site may give its own name this machine's address, and its page then passes for ours
    (DNS rebinding); its name is still in the Host header.
    """
    host = headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    return None if is_this_machine(name) else host


def foreign_origin(method: str, headers: Headers) -> str | None:
    """The other site whose page sent a request; None: our own page, or no page at all.

    Sec-Fetch-Site settles it where the browser sends it (https and localhost). Elsewhere Origin
    must be the host that was asked, which a proxy hands on as Host or X-Forwarded-Host.
    """
    origin = headers.get("origin")
    if site := headers.get("sec-fetch-site"):
        if site in ("same-origin", "none") or (method in _READING and origin is None):
            return None  # the latter: a link to us, or a picture that the other page cannot read
        return origin or f"another site ({site})"
    if origin is None:
        return None
    asked = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")[:1]]
    return None if any(_is_at(origin, host.strip()) for host in asked) else origin


def _is_at(origin: str, host: str) -> bool:
    try:
        from_page = urlsplit(origin)
        port = _DEFAULT_PORTS.get(from_page.scheme)
        asked = urlsplit(f"//{host}")
        return (
            port is not None
            and bool(asked.hostname)
            and from_page.hostname == asked.hostname
            and (from_page.port or port) == (asked.port or port)
        )
    except ValueError:
        return False
