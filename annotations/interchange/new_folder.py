"""A folder that is whole or not there."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotations.errors import AnnotationError, BadRequestError


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`, which becomes `target` if the block succeeds.

    A failure leaves nothing behind. Raises BadRequestError if `target` has something in it
    already, AnnotationError where the system refuses.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadRequestError(f"{target} exists and is not an empty folder. Choose another.")
    unfinished = target.parent / f".unfinished-{secrets.token_hex(8)}"
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        _flush(unfinished)
        if target.exists():
            target.rmdir()
        unfinished.rename(target)
    except OSError as error:
        raise _explained(error, target) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Wait until the disk has every file: only then is a full one noticed for sure."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _explained(error: OSError, target: Path) -> AnnotationError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return AnnotationError(
            f"The disk is full while writing {target}. Nothing of it was left; "
            "free some space and try again."
        )
    return AnnotationError(
        f"{target} cannot be written ({error.strerror or error}). Choose another folder."
    )
