"""The file of `--auth`: one account a line, `name:scrypt$params$salt$hash`; `#` begins a comment.

It is read again whenever it changed, so that people come and go while the studio runs.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from core.errors import InvalidRequestError, OutputError
from studio.people.passwords import PasswordHash
from studio.people.private_files import write_private

log = logging.getLogger(__name__)

LONGEST_NAME = 100  # characters, as many as the database keeps
_MOST_BYTES = 4 * 2**20
_SETTLED_NS = 2 * 10**9  # two changes within a tick of the file's clock look like one
_HEADING = (
    "# People of a Faceloom studio, one a line: name:password hash.\n"
    "# Made with: python launch.py people add NAME --auth FILE\n"
)

People = Mapping[str, PasswordHash]
Stamp = tuple[int, ...]


def clean_name(name: str) -> str:
    """A name as it is kept: composed (NFC), no space around it. Raises InvalidRequestError."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(cleaned) <= LONGEST_NAME:
        raise InvalidRequestError(
            f"A name has 1 to {LONGEST_NAME} characters; this one has {len(cleaned)}."
        )
    if not cleaned.isprintable() or ":" in cleaned or cleaned.startswith("#"):
        raise InvalidRequestError(
            f"A name is made of printable characters without ':' and does not begin with '#'; "
            f"this one is {cleaned!r}."
        )
    return cleaned


class Accounts:
    """The people of a file, as it is now."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidRequestError for a file that is missing, broken or without anybody."""
        self.path = path
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._read_at = 0
        self._problem = ""
        self._people = self._read()
        if not self._people:
            raise InvalidRequestError(
                f"Nobody is in the accounts file {path}. "
                f"Add somebody with: python launch.py people add NAME --auth {path}"
            )
        if problem := readable_by_others(path):
            log.warning("%s", problem)

    def current(self) -> People:
        """Name -> password hash. While the file is missing or broken: the last good ones."""
        with self._lock:
            try:
                if self._has_changed():
                    self._people = self._read()
                    log.info("Read %d accounts from %s", len(self._people), self.path)
                self._problem = ""
            except InvalidRequestError as error:
                if str(error) != self._problem:  # once, not at every request
                    log.error("%s Until then the people of before may come in.", error)
                self._problem = str(error)
            return self._people

    def _has_changed(self) -> bool:
        stamp = _stamp(self.path)
        is_settled = stamp is not None and self._read_at - stamp[0] > _SETTLED_NS
        return stamp != self._stamp or not is_settled

    def _read(self) -> People:
        self._read_at = time.time_ns()
        self._stamp = _stamp(self.path)
        return read_accounts(self.path)


def read_accounts(path: Path) -> dict[str, PasswordHash]:
    """Raises InvalidRequestError that names the line, never what a hash is."""
    return _parsed(_text_of(path), path)


@contextmanager
def changing(path: Path) -> Iterator[dict[str, PasswordHash | None]]:
    """Yield the accounts to change in place; None takes one away. All of it is written or none.

    Comments and the order of lines stay. A file that is not there is made. Raises
    InvalidRequestError for a broken file, OutputError where it cannot be written.
    """
    try:
        lock = FileLock(path.resolve().parent / f".{path.name}.lock", timeout=10)
        lock.acquire()
    except (OSError, TimeoutError) as error:
        raise OutputError(
            f"Cannot change {path}: {error}. Is its folder there, may you write to it, and is "
            "nobody else changing the file?"
        ) from error
    try:
        text = _text_of(path) if path.exists() else _HEADING
        before = _parsed(text, path)
        people: dict[str, PasswordHash | None] = {**before}
        yield people
        if people != before:
            write_private(path, _changed(text, people).encode())
    finally:
        lock.release()


def readable_by_others(path: Path) -> str:
    """A warning where others on this machine may read the hashes; '' if not."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name != "posix" or not mode & 0o077:
        return ""
    return (
        f"Others on this machine may read or change the accounts file {path} (mode {mode:03o}). "
        f"Better: chmod 600 {path}"
    )


def _text_of(path: Path) -> str:
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "is not there"
            raise InvalidRequestError(
                f"The accounts file {path} {what}. "
                f"Make one with: python launch.py people add NAME --auth {path}"
            )
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidRequestError(
            f"The accounts file {path} cannot be read ({error.strerror}). "
            "It must belong to whoever runs the studio."
        ) from error
    if len(content) > _MOST_BYTES:
        raise InvalidRequestError(
            f"{path} has more than {_MOST_BYTES >> 20} MiB: that is no accounts file. "
            "Is --auth the right one?"
        )
    if not content:  # half of an editor's save, perhaps: nobody is locked out by that
        raise InvalidRequestError(f"The accounts file {path} is empty. Put its lines back.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidRequestError(
            f"{path}, line {line}: not UTF-8 text. Save the file as UTF-8."
        ) from error


def _parsed(text: str, path: Path) -> dict[str, PasswordHash]:
    people: dict[str, PasswordHash] = {}
    for number, line in enumerate(text.split("\n"), 1):
        try:
            account = _account(line)
            if account and account[0] in people:
                raise ValueError(f"{account[0]!r} is there already, further up")
        except (ValueError, InvalidRequestError) as error:
            raise InvalidRequestError(
                f"{path}, line {number}: {str(error).rstrip('.')}. Each line is name:password "
                "hash, as `python launch.py people add` writes it; comments begin with #."
            ) from error
        if account:
            people[account[0]] = account[1]
    return people


def _account(line: str) -> tuple[str, PasswordHash] | None:
    """None: nothing on the line but space or a comment."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    name, colon, secret = line.partition(":")
    if not colon:  # not shown: it may be a password or a hash
        raise ValueError("there is no ':' between a name and a password hash")
    return clean_name(name), PasswordHash.parse(secret.strip())


def _changed(text: str, people: Mapping[str, PasswordHash | None]) -> str:
    left = {name: secret for name, secret in people.items() if secret is not None}
    lines = []
    for line in text.split("\n"):
        account = _account(line)
        if account is None:
            lines.append(line.rstrip("\r"))
        elif account[0] in left:
            lines.append(f"{account[0]}:{left.pop(account[0])}")
    while lines and not lines[-1]:
        lines.pop()
    lines += [f"{name}:{secret}" for name, secret in left.items()]
    return "\n".join(lines) + "\n"


def _stamp(path: Path) -> Stamp | None:
    """What differs between two versions of a file, its time first. None: not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    when = max(found.st_mtime_ns, found.st_ctime_ns)  # the latter: its mode was put right
    return when, found.st_mtime_ns, found.st_size, found.st_ino
