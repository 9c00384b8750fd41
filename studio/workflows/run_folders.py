"""The folder of one training, runs/<id>-<name>/, and what can be read in it at any moment.

config.yaml         the configuration, as `train segmenter --config` reads it
run.json            who, when, which faces and masks, which generator, versions; how it ended
history.jsonl       one line an epoch
samples/            predictions for a few validation faces, as they became better
checkpoint.*        what a training that was cut off goes on from
best.safetensors    the segmenter of the best epoch
report/             index.html and the files it shows
events.out.*        for TensorBoard
log.txt             what the process wrote
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InvalidRequestError, OutputError
from core.files import write_whole
from studio.workflows.numbered_folders import (
    id_of,
    make_numbered,
    numbered,
    read_facts,
    write_facts,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFolder:
    """A view of the folder; nothing is kept in memory."""

    path: Path

    @property
    def name(self) -> str:
        """'<id>-<name>', which also names the run in jobs and addresses."""
        return self.path.name

    @property
    def id(self) -> int:
        return id_of(self.path)

    @property
    def title(self) -> str:
        return self.name.split("-", 1)[1]

    @property
    def best(self) -> Path:
        return self.path / "best.safetensors"

    @property
    def report(self) -> Path:
        return self.path / "report" / "index.html"

    def facts(self) -> dict[str, Any]:
        """What run.json says; {} where it is missing or damaged, which is logged."""
        return read_facts(self.path / "run.json")

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace run.json whole. Raises OutputError."""
        write_facts(self.path / "run.json", facts)

    def note(self, **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """Add to run.json, or change in it."""
        self.write_facts({**self.facts(), **facts})

    def history(self) -> list[dict[str, Any]]:
        """One entry an epoch. A last line that a kill cut off is left out."""
        try:
            lines = (self.path / "history.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        entries = []
        for line in lines:
            try:
                entries.append(json.loads(line))
            except ValueError:
                log.warning("%s/history.jsonl has a torn line", self.path)
        return [entry for entry in entries if isinstance(entry, dict)]

    def add_to_history(self, entry: Mapping[str, Any]) -> None:
        """Append a line; after a torn one it begins on a line of its own."""
        path = self.path / "history.jsonl"
        try:
            with path.open("ab+") as file:
                is_torn = file.tell() > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
                file.write((b"\n" if is_torn else b"") + json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"Could not write {path}: {error.strerror or error}.") from error

    def replace_history(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """As a checkpoint has it: what came after that is trained again."""
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        write_whole(self.path / "history.jsonl", text.encode())

    def samples(self) -> list[Path]:
        """Pictures of predictions, oldest first; the file's stem ends with the epoch."""
        return sorted((self.path / "samples").glob("epoch-*.jpg"))

    def log_end(self, size: int = 4000) -> str:
        """The last characters of log.txt."""
        try:
            return (self.path / "log.txt").read_text(errors="replace")[-size:]
        except FileNotFoundError:
            return ""


def make_run(workspace: Path, title: str) -> RunFolder:
    """A new, empty folder with the next free number. Raises OutputError."""
    return RunFolder(make_numbered(workspace / "runs", title, "run"))


def list_runs(workspace: Path) -> list[RunFolder]:
    """All runs, newest first."""
    return [RunFolder(path) for path in numbered(workspace / "runs")]


def find_run(workspace: Path, name: str) -> RunFolder:
    """By its name or its number. Raises InvalidRequestError that names the newest ones."""
    known = list_runs(workspace)
    for run in known:
        if name in (run.name, str(run.id)):
            return run
    newest = ", ".join(run.name for run in known[:8]) or "none yet"
    raise InvalidRequestError(f"There is no run '{name}' here. Runs: {newest}.")
