"""The real studio in a process of its own, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from annotations.database import URL_VARIABLE
from core.errors import CoreError

LAUNCHER = Path(__file__).parents[2] / "launch.py"
LONGEST_START = 120.0  # s

_LOOK_EVERY = 0.02  # s
_LONGEST_END = 15.0  # s


class StudioProcess:
    """A studio on a port that stays the same. Used with `with`, it never outlives the block."""

    def __init__(self, workspace: Path, url: str, generator: str | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._workspace = workspace
        self._environment = os.environ | {URL_VARIABLE: url}
        self._options = ["--generator", generator] if generator else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until it answers. Returns the seconds; raises CoreError."""
        begin = time.perf_counter()
        command = [sys.executable, str(LAUNCHER), "studio", "--port", str(self.port)]
        command += ["--workspace", str(self._workspace), *self._options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=LAUNCHER.parent,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - begin > LONGEST_START:
                raise CoreError(f"The studio did not start. It said: {self._said()}")
            time.sleep(_LOOK_EVERY)
        return time.perf_counter() - begin

    def kill(self) -> None:
        """SIGKILL, with all it started: nothing of it gets to finish anything."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Ask it to stop, and do not take no for an answer; safe to call again."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_LONGEST_END)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()

    @property
    def _log(self) -> Path:
        return self._workspace / "bench.log"

    def _answers(self) -> bool:
        try:
            url = f"{self.address}/annotate/projects"
            return httpx.get(url, timeout=1, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace").strip()[-1000:] or "nothing"
