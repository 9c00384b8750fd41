"""How much memory a program needs at its peak, with all it starts."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError, InvalidRequestError

LOOK_EVERY = 0.1  # s
_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Peak:
    """megabytes: resident, the peaks of all processes added up. seconds: from start to end."""

    megabytes: int
    processes: int
    seconds: float


def peak_of(command: Sequence[str], folder: Path) -> Peak:
    """Run a program in `folder`. The system counts each process's peak; it is read every
    LOOK_EVERY seconds, so that what grows in the last moment is missed.

    Raises InvalidRequestError where the system does not tell, CoreError where the program fails.
    """
    if not (_PROCESSES / "self" / "status").is_file():
        raise InvalidRequestError("Peak memory is read from /proc, which this system lacks.")
    began = time.monotonic()
    peaks: dict[int, int] = {}  # process -> kB
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, cwd=folder, stdout=said, stderr=said) as program:
            try:
                while program.poll() is None:
                    for process in _family(program.pid):
                        peaks[process] = max(peaks.get(process, 0), _peak(process))
                    time.sleep(LOOK_EVERY)
            finally:
                program.kill()  # only where something was raised; else it has ended
        said.seek(0)
        last = said.read()[-1000:].decode(errors="replace").strip()
    if program.returncode:
        raise CoreError(f"'{' '.join(command)}' failed. It said: {last or 'nothing'}")
    return Peak(sum(peaks.values()) // 1024, len(peaks), time.monotonic() - began)


def _family(process: int) -> list[int]:
    """The process and all that descend from it."""
    found = [process]
    for each in found:  # grows while it is walked
        for children in (_PROCESSES / str(each)).glob("task/*/children"):
            found += map(int, _read(children).split())
    return found


def _peak(process: int) -> int:
    """kB; 0 for one that has ended."""
    for line in _read(_PROCESSES / str(process) / "status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended meanwhile
        return ""
