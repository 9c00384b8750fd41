"""The cache stays within a budget: what has not been used for longest goes first.

The time of a file's last use is its access time, which `is_cached` sets itself, since many
disks are mounted so that reading does not.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

BUDGET = 2 << 30  # bytes
IN_USE = 3600.0  # s after its last use; pages ask late for pictures that are scrolled to

_using = threading.Lock()  # between looking at a file's age and removing it
_pruning = threading.Lock()


@dataclass(frozen=True)
class Freed:
    """What was removed from a cache."""

    num_files: int
    num_bytes: int


def is_cached(path: Path) -> bool:
    """Whether a file of the cache is there; if so, it counts as used now."""
    with _using:
        try:
            found = path.stat()
        except OSError:
            return False
        with suppress(OSError):  # somebody else's file, which we may read all the same
            os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
        return stat.S_ISREG(found.st_mode)


def prune(cache: Path, budget: int = BUDGET, in_use: float = IN_USE) -> Freed:
    """Remove files, those not used for longest first, until the rest is within the budget.

    budget: bytes. in_use: s; files used since then stay, even if they are too many.
    """
    oldest = time.time() - in_use
    files = sorted(_files(cache), key=lambda file: file.used)
    total = sum(file.num_bytes for file in files)
    num_files = num_bytes = 0
    for file in files:
        if total - num_bytes <= budget or file.used > oldest:
            break
        if _remove(file.path, oldest):
            num_files, num_bytes = num_files + 1, num_bytes + file.num_bytes
    _remove_empty_folders(cache, oldest)
    return Freed(num_files, num_bytes)


def prune_soon(cache: Path) -> threading.Thread:
    """`prune` in the background; where that is under way already, once is enough."""

    def work() -> None:
        if not _pruning.acquire(blocking=False):
            return
        try:
            freed = prune(cache)
            if freed.num_files:
                log.info("Removed %d files (%d bytes) from the cache", *vars(freed).values())
        finally:
            _pruning.release()

    thread = threading.Thread(target=work, name="prune-cache", daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True)
class _File:
    path: Path
    used: float  # s since 1970
    num_bytes: int


def _files(cache: Path) -> list[_File]:
    found = []
    for top in _tops(cache):
        for folder, _, names in os.walk(top):
            for path in (Path(folder, name) for name in names):
                try:
                    facts = path.lstat()
                except FileNotFoundError:  # finished or removed meanwhile
                    continue
                found.append(_File(path, _last_used(facts), facts.st_size))
    return found


def _tops(cache: Path) -> list[Path]:
    """What lies in the cache; a folder may be a link to another disk."""
    return list(cache.iterdir()) if cache.is_dir() else []


def _last_used(facts: os.stat_result) -> float:
    return max(facts.st_atime, facts.st_mtime)


def _remove(path: Path, oldest: float) -> bool:
    """Unless it was used meanwhile."""
    with _using:
        try:
            if _last_used(path.lstat()) > oldest:
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            log.warning("%s stays in the cache (%s)", path, error.strerror)
            return False
        return True


def _remove_empty_folders(cache: Path, oldest: float) -> None:
    """Young ones stay: somebody may be about to write into them."""
    for top in _tops(cache):
        for folder, _, _ in os.walk(top, topdown=False):
            path = Path(folder)
            try:
                if path != top and path.stat().st_mtime <= oldest:
                    path.rmdir()
            except OSError:  # not empty, or gone
                continue
