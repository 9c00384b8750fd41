"""What an export wrote so far, as its journal says; read without holding it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import InvalidRequestError
from core.export.journal import NAME as JOURNAL
from core.export.sample import DatasetFacts


class Written(NamedTuple):
    """faces: on disk, by split. files: path -> size and sha256. dropped: number by reason."""

    facts: DatasetFacts
    faces: Mapping[str, int]
    files: Mapping[str, Mapping[str, Any]]
    dropped: Mapping[str, int]
    is_finished: bool

    @property
    def bytes(self) -> int:
        return sum(int(file["size"]) for file in self.files.values())


def read_written(folder: Path) -> Written:
    """A last line that a kill cut short, or that is being written now, does not count.

    Raises InvalidRequestError for a folder without a journal, or a damaged one.
    """
    path = folder / JOURNAL
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        header, *lines = [json.loads(line) for line in whole.splitlines()]
        facts = DatasetFacts.from_json(header["asked"])
        faces: dict[str, int] = {}
        files: dict[str, Mapping[str, Any]] = {}
        dropped: dict[str, int] = {}
        for line in lines:
            if "finished" in line:
                files |= line["finished"]["files"]
                continue
            faces[line["split"]] = faces.get(line["split"], 0) + line["faces"]
            files |= line["files"]
            for reason, number in line["dropped"].items():
                dropped[reason] = dropped.get(reason, 0) + number
    except FileNotFoundError as error:
        raise InvalidRequestError(
            f"{folder} has no {JOURNAL}, so no export wrote it. Name the folder of an export."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequestError(f"{path} cannot be read as a journal: {error}.") from error
    is_finished = any("finished" in line for line in lines)
    return Written(facts, faces, files, dropped, is_finished)
