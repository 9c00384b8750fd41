"""What a studio tidies when it starts: parts of files that a killed one left, and the cache."""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from studio.cache_limits import prune_soon
from studio.services import Services

log = logging.getLogger(__name__)

LEFT = 24 * 3600.0  # s without a change; whatever is that old, nobody writes any more

# As core/files.py and annotations/interchange/new_folder.py name what they have not finished.
_UNFINISHED = re.compile(r"\.unfinished-[0-9a-f]{16}")


def tidy_up(services: Services) -> threading.Thread:
    """In the background, so that the page need not wait."""

    def work() -> None:
        if count := remove_leftovers(services.workspace):
            log.info("Removed %d leftovers of writing that was cut off", count)
        prune_soon(services.cache).join()

    thread = threading.Thread(target=work, name="tidy-up", daemon=True)
    thread.start()
    return thread


def remove_leftovers(folder: Path, older_than: float = LEFT) -> int:
    """Remove unfinished files and folders below `folder`; returns how many.

    older_than: s; one in which anything changed since then is let alone. Links are not
    followed.
    """
    count = 0
    for path in list(_unfinished(folder)):
        try:
            if _last_change(path) > time.time() - older_than:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:  # somebody else was faster, or may remove it
            log.warning("%s is a leftover that could not be removed (%s)", path, error.strerror)
            continue
        count += 1
    return count


def _unfinished(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if _UNFINISHED.fullmatch(name):
                yield Path(place, name)
        folders[:] = [name for name in folders if not _UNFINISHED.fullmatch(name)]


def _last_change(path: Path) -> float:
    """Of a file or link, or of anything in a folder; s since 1970."""
    walked = [] if path.is_symlink() else os.walk(path)
    inside = [Path(place, name) for place, folders, files in walked for name in [*folders, *files]]
    return max(found.lstat().st_mtime for found in [path, *inside])
