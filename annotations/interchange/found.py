"""What every format hands to an import, and takes from an export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from annotations.errors import BadMaskError
from annotations.mask_codec import LabelMap
from annotations.png_chunks import MAX_FILE_BYTES
from annotations.taxonomy import LabelScheme

MAX_JSON_BYTES = 2**30

# Called with the files done and the files there are; may raise to stop.
OnFile = Callable[[int, int], None]


class IndexOrder(StrEnum):
    """What the numbers of an index PNG mean: ids of the scheme, or one of the two orders of
    CelebAMask-HQ that are in wide use."""

    SCHEME = "scheme"
    CELEBAMASK = "celebamask"
    BISENET = "bisenet"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one file. file: relative to the folder that was read."""

    file: str
    message: str


@dataclass(frozen=True)
class FoundMask:
    """A mask in a folder, not read yet.

    name: what it says of its face, as '00012'. read: gives the label map uint8 [H, W] with
    ids of the scheme; raises BadMaskError.
    """

    name: str
    file: str
    read: Callable[[], LabelMap]


@dataclass(frozen=True)
class Found:
    masks: list[FoundMask] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class NamedMask:
    """A mask to write. labels: uint8 [H, W] with ids of the scheme."""

    name: str
    labels: LabelMap


@dataclass(frozen=True)
class Format:
    """One way to keep masks in a folder.

    find: looks at names and headers, raises only if the folder as a whole is unusable.
    write: writes masks one by one into an empty folder. check: raises BadSchemeError for a
    scheme that the format cannot hold. has_ids: its numbers or colours mean ids of the
    scheme, so that they need the very same scheme. export_size: pixels, None as they are.
    """

    name: str
    find: Callable[[Path, LabelScheme, IndexOrder], Found]
    write: Callable[[Path, LabelScheme, Iterable[NamedMask]], None]
    check: Callable[[LabelScheme], None] = lambda scheme: None
    has_ids: bool = False
    export_size: int | None = None


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises BadMaskError, also for a file too large to be a mask."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadMaskError(f"The file is larger than {MAX_FILE_BYTES} bytes, no mask is.")
        return path.read_bytes()
    except OSError as error:
        raise BadMaskError(f"The file cannot be read: {error.strerror}.") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises BadMaskError."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise BadMaskError(f"{path.name} is larger than {MAX_JSON_BYTES} bytes.")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadMaskError(f"{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise BadMaskError(f"{path.name} must hold a JSON object.")
    return content
