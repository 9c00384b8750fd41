"""SHA256SUMS: the hash of every file of a dataset, as `sha256sum -c` reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from core.errors import InvalidRequestError
from core.files import write_whole

FILE = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def write_sums(folder: Path, sums: Mapping[str, str]) -> Path:
    """Write the file. sums: path relative to the folder -> hex sha256."""
    lines = [f"{sums[path]}  {path}\n" for path in sorted(sums)]
    write_whole(folder / FILE, "".join(lines).encode())
    return folder / FILE


def read_sums(folder: Path) -> dict[str, str]:
    """As `write_sums` takes them. Raises InvalidRequestError for a file that is none."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{folder / FILE} cannot be read: {error}.") from error
    sums = {}
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if not found:
            raise InvalidRequestError(f"{folder / FILE}, line {number}: it is no hash and name.")
        sums[found[2]] = found[1]
    return sums
