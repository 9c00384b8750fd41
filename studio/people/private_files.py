"""Small files that only their owner may read, whole or not there at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import OutputError


def write_private(path: Path, content: bytes) -> None:
    """Put `content` in the place of whatever is at `path`, readable by its owner only (0600).

    A link is followed; the owner of a file that was there stays. Raises OutputError, and then
    what was there is as it was.
    """
    path = path.resolve()
    with _written(path, content) as unfinished:
        with suppress(FileNotFoundError, PermissionError):  # none yet, or not ours to give away
            before = path.stat()
            os.chown(unfinished, before.st_uid, before.st_gid)
        unfinished.replace(path)


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[Path]:
    """A temporary file beside `path` with `content`, on the disk; gone after the block."""
    unfinished = path.parent / f".unfinished-{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield unfinished
    except OSError as error:
        raise OutputError(
            f"Could not write {path} ({error.strerror or error}). What was there before is as "
            "it was. Free some space, or choose a folder that you may write to."
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
