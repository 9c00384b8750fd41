"""Who is signed in: signed cookies that outlive the studio, and those that were ended early.

The secret that signs them lies in the workspace, so that a studio that was killed and started
again still knows its people.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import OutputError
from studio.people.accounts import People
from studio.people.passwords import PasswordHash
from studio.people.private_files import write_private

log = logging.getLogger(__name__)

SECONDS = 30 * 24 * 3600
FOLDER = "sessions"  # below the workspace
_SECRET_BYTES = 32
_MOST_CHARACTERS = 2000  # of a cookie
_LINE = re.compile(r"(\d{1,12}) ([0-9a-f]{32})")


class Sessions:
    """Makes, reads and ends cookies. Each holds an id, a name, its end, and a fingerprint of the
    password hash: a new password ends the sessions begun with the old one.
    """

    def __init__(self, workspace: Path, clock: Callable[[], float] = time.time) -> None:
        """Raises OutputError for a workspace or a secret that cannot be used."""
        folder = workspace / FOLDER
        self._secret = _secret_in(folder / "secret")
        self._clock = clock
        self._ended = _Ended(folder / "ended", clock())
        # Ports share their cookies: two studios on one host must not put each other's out.
        self.cookie = f"faceloom-session-{self._mark('cookie')[:8]}"

    def begin(self, name: str, password: PasswordHash) -> str:
        """The cookie's value for somebody whose password was right."""
        ends = int(self._clock()) + SECONDS
        facts = [secrets.token_hex(16), name, ends, self._mark(str(password))]
        said = _text(json.dumps(facts, ensure_ascii=False).encode())
        return f"{said}.{self._mark(said)}"

    def person(self, cookies: Mapping[str, str], accounts: People) -> str | None:
        """Whose session it is; None: nobody's, or not any more."""
        facts = self._facts(cookies)
        if facts is None:
            return None
        session, name, ends, fingerprint = facts
        password = accounts.get(name)
        if password is None or ends <= self._clock() or session in self._ended:
            return None
        is_same = hmac.compare_digest(fingerprint, self._mark(str(password)))
        return name if is_same else None

    def end(self, cookies: Mapping[str, str]) -> None:
        """For good, also for copies of the cookie and after a restart."""
        if facts := self._facts(cookies):
            self._ended.add(facts[0], facts[2])

    def _facts(self, cookies: Mapping[str, str]) -> tuple[str, str, int, str] | None:
        """What a cookie says; None if we did not say it."""
        said, _, mark = cookies.get(self.cookie, "")[:_MOST_CHARACTERS].partition(".")
        if not hmac.compare_digest(mark.encode("utf-8", "replace"), self._mark(said).encode()):
            return None
        try:
            session, name, ends, fingerprint = json.loads(_bytes(said))
        except (binascii.Error, ValueError):
            return None
        return session, name, ends, fingerprint

    def _mark(self, said: str) -> str:
        content = said.encode("utf-8", "replace")
        return _text(hmac.digest(self._secret, content, hashlib.sha256))


class _Ended:
    """Ids of sessions that people signed out of, kept until they would have ended anyway."""

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        lines = path.read_text("ascii", "replace").splitlines() if path.exists() else []
        found = [_LINE.fullmatch(line) for line in lines]  # one cut off by a crash is none
        left = [match for match in found if match and int(match[1]) > now]
        self._ids = {match[2] for match in left}
        if len(left) < len(lines):
            write_private(path, "".join(f"{match[0]}\n" for match in left).encode())

    def __contains__(self, session: str) -> bool:
        return session in self._ids

    def add(self, session: str, ends: int) -> None:
        if session in self._ids:
            return
        self._ids.add(session)
        try:
            with self._path.open("a", encoding="ascii") as file:
                file.write(f"{ends} {session}\n")
        except OSError as error:
            log.warning("A sign-out holds only until the next start: %s", error)


def _secret_in(path: Path) -> bytes:
    """Made once. There is one studio a workspace, so that nobody else makes it meanwhile."""
    if not path.exists():
        write_private(path, secrets.token_bytes(_SECRET_BYTES))
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read ({error.strerror}). It must belong to whoever runs the studio."
        ) from error
    if len(secret) != _SECRET_BYTES:
        raise OutputError(
            f"{path} has {len(secret)} bytes, not {_SECRET_BYTES}: it is damaged. "
            "Delete it and start again; everybody then has to sign in once more."
        )
    return secret


def _text(content: bytes) -> str:
    """Of characters that a cookie holds without quotes."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
