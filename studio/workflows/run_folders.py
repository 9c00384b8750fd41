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

import functools
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InvalidRequestError, OutputError
from core.files import write_whole

log = logging.getLogger(__name__)

NAME = re.compile(r"(\d+)-[a-z0-9][a-z0-9._-]{0,63}")
MAX_RUNS = 100_000


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
        return int(self.name.split("-", 1)[0])

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
        path = self.path / "run.json"
        try:
            return dict(_facts(path, path.stat().st_mtime_ns))
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read: %s", path, error)
            return {}

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace run.json whole. Raises OutputError."""
        write_whole(self.path / "run.json", json.dumps(facts, indent=1).encode())

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


@functools.lru_cache(maxsize=256)
def _facts(path: Path, changed: int) -> dict[str, Any]:
    """Parsed once for each change: pages look at all runs again and again."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def make_run(workspace: Path, title: str) -> RunFolder:
    """A new, empty folder with the next free number. Raises OutputError."""
    runs = workspace / "runs"
    name = re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("-._")[:48] or "run"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        first = max((run.id for run in list_runs(workspace)), default=0) + 1
        for number in range(first, first + MAX_RUNS):
            if any(runs.glob(f"{number}-*")):
                continue
            path = runs / f"{number}-{name}"
            path.mkdir()
            return RunFolder(path)
    except OSError as error:
        raise OutputError(
            f"No folder for the run can be made in {runs} ({error.strerror}). "
            "Free some space or choose another --workspace."
        ) from error
    raise OutputError(f"{runs} is full. Choose another --workspace.")


def list_runs(workspace: Path) -> list[RunFolder]:
    """All runs, newest first."""
    paths = [path for path in (workspace / "runs").glob("*-*") if NAME.fullmatch(path.name)]
    found = [RunFolder(path) for path in paths if path.is_dir()]
    return sorted(found, key=lambda run: run.id, reverse=True)


def find_run(workspace: Path, name: str) -> RunFolder:
    """By its name or its number. Raises InvalidRequestError that names the newest ones."""
    known = list_runs(workspace)
    for run in known:
        if name in (run.name, str(run.id)):
            return run
    newest = ", ".join(run.name for run in known[:8]) or "none yet"
    raise InvalidRequestError(f"There is no run '{name}' here. Runs: {newest}.")
