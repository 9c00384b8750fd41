"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from core.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there if the block succeeds.

    A failure (full disk, Ctrl-C, any exception) removes the temporary file and leaves
    whatever was at `path` as it was. A kill leaves the temporary file; it has no suffix, so
    that nobody who looks for pictures or latents takes it for one. Raises OutputError where
    the system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.parent / f".unfinished-{secrets.token_hex(8)}"
        handle = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        mode = stat.S_IMODE(os.fstat(handle).st_mode)  # as the umask, which threads share, has it
        os.close(handle)
    except OSError as error:
        raise _explained(error, path) from error
    try:
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.chmod(mode)  # some writers replace the file by one of their own
        unfinished.replace(path)
    except SafetensorError as error:  # safetensors' writer wraps what the system says
        raise _explained(_system_error(error), path) from error
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` whole or not at all."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _system_error(error: SafetensorError) -> OSError:
    """What it was raised for: its text ends in '(os error 28)', say."""
    found = re.search(r"os error (\d+)", str(error))
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else OSError(str(error))


def _explained(error: OSError, path: Path) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"The disk is full while writing {path}. Finished files are whole; "
            "free some space and run the same command again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{path.parent} is not writable ({error.strerror}). Choose another folder."
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return OutputError(f"{path.parent} is a file, not a folder. Choose another folder.")
    return OutputError(f"Could not write {path}: {error.strerror or error}.")
