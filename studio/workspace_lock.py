"""One studio a workspace: a second one would fight over caches, jobs and exports."""

from __future__ import annotations

import json
import os
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import InvalidRequestError

LOCK_FILE, ADDRESS_FILE = "studio.lock", "studio.json"


class WorkspaceLock:
    """Held while a studio runs; the system lets go of it when the process ends, however it ends."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._lock = FileLock(workspace / LOCK_FILE)

    def take(self) -> None:
        """Raises InvalidRequestError, naming the studio that holds the workspace."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise InvalidRequestError(
                f"Another studio works in {self._workspace}{self._where()}. Open that one, stop "
                "it, or choose another folder with --workspace. Nothing was touched."
            ) from error

    def announce(self, address: str) -> None:
        """Tell whoever finds the workspace taken where the studio is."""
        said = json.dumps({"address": address, "pid": os.getpid()})
        (self._workspace / ADDRESS_FILE).write_text(said, encoding="utf-8")

    def release(self) -> None:
        """Safe to call again."""
        self._lock.release(force=True)

    def _where(self) -> str:
        try:
            said = json.loads((self._workspace / ADDRESS_FILE).read_text(encoding="utf-8"))
            return f": {said['address']} (process {said['pid']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""
