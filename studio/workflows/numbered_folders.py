"""Folders '<id>-<name>' of one parent, and small JSON files that are looked at again and again."""

from __future__ import annotations

import functools
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import OutputError
from core.files import write_whole

log = logging.getLogger(__name__)

NAME = re.compile(r"(\d+)-[a-z0-9][a-z0-9._-]{0,63}")
MOST = 100_000


def id_of(path: Path) -> int:
    return int(path.name.split("-", 1)[0])


def numbered(parent: Path) -> list[Path]:
    """Its numbered folders, newest first."""
    paths = [path for path in parent.glob("*-*") if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(paths, key=id_of, reverse=True)


def make_numbered(parent: Path, title: str, what: str) -> Path:
    """A new, empty folder with the next free number. what: as people call it, such as 'run'.

    A number counts as taken by a file of that number, too. Raises OutputError.
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("-._")[:48] or what
    try:
        parent.mkdir(parents=True, exist_ok=True)
        first = max(map(id_of, numbered(parent)), default=0) + 1
        for number in range(first, first + MOST):
            if any(parent.glob(f"{number}-*")):
                continue
            path = parent / f"{number}-{name}"
            path.mkdir()
            return path
    except OSError as error:
        raise OutputError(
            f"No folder for the {what} can be made in {parent} ({error.strerror}). "
            "Free some space or choose another --workspace."
        ) from error
    raise OutputError(f"{parent} is full. Choose another --workspace.")


def read_facts(path: Path) -> dict[str, Any]:
    """What a JSON file says; {} where it is missing or damaged, which is logged."""
    try:
        return dict(_facts(path, path.stat().st_mtime_ns))
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return {}


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Replace the file whole. Raises OutputError."""
    write_whole(path, json.dumps(facts, indent=1).encode())


@functools.lru_cache(maxsize=512)
def _facts(path: Path, changed: int) -> dict[str, Any]:
    """Parsed once for each change: pages look at all of them again and again."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
