"""The exports of a workspace, and what can be read of one at any moment.

exports/<id>-<name>/       the dataset, as `launch.py export` writes it, and nothing else
exports/<id>-<name>.json   what was asked, by whom, and whether it was to be paused

Folders that the command wrote there have no such file, and any name.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import InvalidRequestError
from core.export.journal import NAME as JOURNAL
from core.export.recipe import Recipe
from core.export.recipe_text import recipe_of
from core.export.written import read_written
from studio.workflows.numbered_folders import make_numbered, numbered, read_facts, write_facts

FOLDER = "exports"


@dataclass(frozen=True)
class OnDisk:
    """What a journal says. count: faces of the whole; faces: those that are there. dropped:
    number by reason. recipe: as asked."""

    count: int
    faces: int
    bytes: int
    dropped: Mapping[str, int]
    is_finished: bool
    recipe: Mapping[str, Any]


@dataclass(frozen=True)
class ExportFolder:
    """A view of the folder; nothing is kept in memory."""

    path: Path

    @property
    def name(self) -> str:
        """Which also names the export in jobs and addresses."""
        return self.path.name

    @property
    def facts_path(self) -> Path:
        return self.path.with_name(f"{self.name}.json")

    def facts(self) -> dict[str, Any]:
        """What was asked; {} where the command made it."""
        return read_facts(self.facts_path) if self.facts_path.is_file() else {}

    def note(self, **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """Add to the facts, or change in them. Raises OutputError."""
        write_facts(self.facts_path, {**self.facts(), **facts})

    def on_disk(self) -> OnDisk | None:
        """None where nothing is yet. Raises InvalidRequestError for a damaged journal."""
        path = self.path / JOURNAL
        try:
            return _on_disk(self.path, path.stat().st_mtime_ns)
        except FileNotFoundError:
            return None

    def recipe(self) -> Recipe:
        """Raises InvalidRequestError where nothing says it."""
        plain: Mapping[str, Any] | None = self.facts().get("recipe")
        if plain is None and (there := self.on_disk()) is not None:
            plain = there.recipe
        if not plain:
            raise InvalidRequestError(
                f"Nothing says what the export {self.name} was to be. Start a new one."
            )
        return recipe_of(plain)

    @property
    def created_at(self) -> datetime:
        if said := self.facts().get("created_at"):
            return datetime.fromisoformat(said)
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)


@functools.lru_cache(maxsize=512)
def _on_disk(folder: Path, changed: int) -> OnDisk:
    """Read once for each change: the journal of many files is large."""
    written = read_written(folder)
    return OnDisk(
        written.facts.count,
        sum(written.faces.values()),
        written.bytes,
        written.dropped,
        written.is_finished,
        written.facts.recipe,
    )


def make_export(
    workspace: Path, recipe: Recipe, person: str, count: int, engine: str = "local"
) -> ExportFolder:
    """A new, empty folder that says what is to be done. count: faces, painted ones counted in.

    Raises OutputError.
    """
    made = ExportFolder(make_numbered(workspace / FOLDER, recipe.name, "export"))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    asked = {"created_at": now, "count": count, "engine": engine, "recipe": recipe.plain()}
    made.note(export=made.name, person=person, **asked)
    return made


def list_exports(workspace: Path) -> list[ExportFolder]:
    """All of them, newest first; also those that the command wrote there."""
    parent = workspace / FOLDER
    ours = [path for path in numbered(parent) if path.with_name(f"{path.name}.json").is_file()]
    others = [path.parent for path in parent.glob(f"*/{JOURNAL}") if path.parent not in ours]
    found = [ExportFolder(path) for path in [*ours, *others]]
    return sorted(found, key=lambda export: export.created_at, reverse=True)


def find_export(workspace: Path, name: str) -> ExportFolder:
    """Raises InvalidRequestError that names the newest ones."""
    known = list_exports(workspace)
    for export in known:
        if export.name == name:
            return export
    newest = ", ".join(export.name for export in known[:8]) or "none yet"
    raise InvalidRequestError(f"There is no export '{name:.80}' here. Exports: {newest}.")
