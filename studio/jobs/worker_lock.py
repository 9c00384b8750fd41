"""One worker a workspace: who holds this lock lives, whatever its process number is."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = "worker.lock"


class WorkerLock:
    """Held by a worker as long as it lives; the system lets go of it, however the worker ends.

    A number of a process says less: another process may have it by now.
    """

    def __init__(self, workspace: Path) -> None:
        self._lock = FileLock(workspace / "runs" / LOCK_FILE)

    def take(self, patience: float = 0.0) -> bool:
        """Whether it could be had within so many seconds."""
        try:
            self._lock.acquire(timeout=patience)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Safe to call again."""
        self._lock.release(force=True)

    def is_held(self) -> bool:
        """Whether a worker lives. Takes the lock for a moment; workers are patient enough."""
        if not self.take():
            return True
        self.release()
        return False
