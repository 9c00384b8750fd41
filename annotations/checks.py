"""What people and programs hand in as text, checked before it reaches the database."""

from __future__ import annotations

import math

from annotations.errors import BadRequestError

MAX_NAME = 100
MAX_KEY = 200
MAX_COMMENT = 10_000


def checked_name(what: str, name: str, max_length: int = MAX_NAME) -> str:
    """One line of text without outer spaces. Raises BadRequestError naming `what`."""
    stripped = name.strip()
    if not 0 < len(stripped) <= max_length or not stripped.isprintable():
        raise BadRequestError(
            f"{what} must be 1 to {max_length} printable characters, is {name[:120]!r}."
        )
    return stripped


def checked_comment(comment: str) -> str:
    """Free text of several lines. Raises BadRequestError."""
    if len(comment) > MAX_COMMENT or "\0" in comment:
        raise BadRequestError(
            f"A comment must be at most {MAX_COMMENT} characters without NUL, "
            f"has {len(comment)}. Shorten it."
        )
    return comment


def checked_seconds(seconds: float) -> float:
    """A time spent, in seconds. Raises BadRequestError unless it is finite and not negative."""
    if not math.isfinite(seconds) or seconds < 0:
        raise BadRequestError(f"The time spent must be 0 s or more, is {seconds}.")
    return float(seconds)


def checked_limit(what: str, value: int, most: int) -> int:
    """Raises BadRequestError unless 0 <= value <= most."""
    if not 0 <= value <= most:
        raise BadRequestError(f"{what} must be 0 to {most}, is {value}.")
    return value
