"""Passwords: what is kept of them, and how one is compared with that."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass, field

from core.errors import InvalidRequestError

SHORTEST, LONGEST = 8, 1000  # characters
SCHEME = "scrypt"
# 84 ms and 32 MiB a comparison on a 2-core Intel Xeon with AMX; twice the n costs twice both.
N, R, P = 2**15, 8, 1
_MOST_MEMORY = 2**28  # bytes; a file must not be able to ask for more
_MOST_TURNS = 16
_FORM = re.compile(r"n=(\d{1,7}),r=(\d{1,2}),p=(\d{1,2})", re.ASCII)


@dataclass(frozen=True)
class PasswordHash:
    """What is kept of a password: `scrypt$n=32768,r=8,p=1$salt$digest`, the last two base64.

    n, r, p: the costs of scrypt (RFC 7914). The digest is not shown by repr.
    """

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str, n: int = N) -> PasswordHash:
        """With a new salt."""
        salt = secrets.token_bytes(16)
        return cls(n, R, P, salt, _scrypt(password, salt, n, R, P))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Raises ValueError that says what is wrong without showing the text."""
        parts = text.split("$")
        if len(parts) != 4 or parts[0] != SCHEME:
            raise ValueError(f"the password hash is not {SCHEME}$params$salt$hash")
        form = _FORM.fullmatch(parts[1])
        if form is None:
            raise ValueError("the parameters of the hash are not n=...,r=...,p=...")
        n, r, p = (int(number) for number in form.groups())
        is_power = n > 1 and n & (n - 1) == 0
        if not is_power or not 0 < r * 128 * n <= _MOST_MEMORY or not 0 < p <= _MOST_TURNS:
            raise ValueError(f"the parameters of the hash are out of range: {form.group()}")
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in parts[2:])
        except binascii.Error as error:
            raise ValueError("salt or hash is not base64") from error
        if len(salt) < 8 or len(digest) != 32:
            raise ValueError("salt or hash has not the right length; is the line cut off?")
        return cls(n, r, p, salt, digest)

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(part).decode() for part in (self.salt, self.digest))
        return f"{SCHEME}$n={self.n},r={self.r},p={self.p}${salt}${digest}"

    def matches(self, password: str) -> bool:
        """Takes its time on purpose: not for the event loop."""
        return hmac.compare_digest(
            self.digest, _scrypt(password, self.salt, self.n, self.r, self.p)
        )


def check_strength(password: str, name: str) -> None:
    """Raises InvalidRequestError for a password that is no protection, or cannot be typed."""
    password = unicodedata.normalize("NFC", password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequestError(
            f"The password has {len(password)} characters; {SHORTEST} to {LONGEST} are allowed. "
            "Take a few words that nobody would put together. Nothing was changed."
        )
    if password.casefold() == name.casefold() or len(set(password)) == 1:
        raise InvalidRequestError(
            "The password is the name, or one character again and again: anybody could guess "
            "it. Take another one. Nothing was changed."
        )
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise InvalidRequestError(
            "The password holds control characters (a line break, a tab), which cannot be typed "
            "into the sign-in page. Take another one. Nothing was changed."
        )


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    """Composed first: keyboards disagree on whether an accent is a character of its own."""
    composed = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(composed, salt=salt, n=n, r=r, p=p, maxmem=2 * _MOST_MEMORY, dklen=32)
