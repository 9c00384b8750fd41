"""The registries of weights: their entries, read, looked up and changed.

`weights/registry.yaml` ships with the code; a folder's `local.yaml` has the same form.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from core.errors import OutputError, UnknownGeneratorError, WeightsError
from core.files import system_refused, write_whole
from core.inversion.difference import KIND as TUNED

PATIENCE = 20.0  # s, for others who change the same registry
REQUIRED = ("kind", "file", "sha256", "made_by", "licence")

# A registry is read anew whenever it is asked: 0.6 ms by the parser in C, 6 ms by the other.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class KnownWeights:
    """One entry of the registry. `facts` are its further keys, as written there."""

    name: str
    kind: str  # generator, preview, segmenter, ...
    path: Path
    sha256: str
    made_by: str
    licence: str
    source: dict[str, str] = field(default_factory=dict)  # empty: it lies beside the registry
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str | None:
        """The generator that a tuned one was made of."""
        return str(self.facts["base"]) if self.kind == TUNED else None

    @property
    def is_generator(self) -> bool:
        return self.kind in ("generator", TUNED)


def read_registry(path: Path, folder: Path, shipped: Path) -> dict[str, KnownWeights]:
    """The entries of a registry by name; none where there is no file.

    folder: where files lie that were fetched or made; shipped: where those lie that have no source.
    Raises WeightsError for what cannot be read or lacks a key.
    """
    entries = {}
    for name, raw in _read_yaml(path).items():
        facts = dict(raw) if isinstance(raw, dict) else {}
        if missing := [key for key in REQUIRED if key not in facts]:
            raise WeightsError(f"{path}: '{name}' lacks {', '.join(missing)}. Mend or remove it.")
        if facts["kind"] == TUNED and "base" not in facts:
            raise WeightsError(f"{path}: '{name}' lacks base. Mend or remove it.")
        kind, file, sha256, made_by, licence = (str(facts.pop(key)) for key in REQUIRED)
        source = facts.pop("source", {})
        home = folder if source else shipped
        entries[name] = KnownWeights(
            name, kind, home / file, sha256, made_by, licence.strip(), source, facts
        )
    return entries


def named(name: str, entries: dict[str, KnownWeights]) -> KnownWeights:
    """Raises UnknownGeneratorError, naming what there is."""
    if name not in entries:
        raise UnknownGeneratorError(
            f"There are no weights named '{name}'. Known: {', '.join(sorted(entries))}. "
            "Your own checkpoint: python launch.py weights add FILE --name NAME"
        )
    return entries[name]


def is_base(name: str, entries: dict[str, KnownWeights]) -> bool:
    """Whether that is a generator which others can have been tuned from."""
    known = entries.get(name)
    return known is not None and known.kind == "generator"


@contextmanager
def changing(local: Path) -> Iterator[dict[str, Any]]:
    """The raw entries of a registry, to be changed; written in the end. A studio, its worker and a
    command may all want to: they wait for each other. Raises OutputError, WeightsError."""
    lock = FileLock(local.parent / f".{local.name}.lock", timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout as error:
        raise OutputError(f"Somebody else changes {local} for long. Try again.") from error
    except OSError as error:
        raise system_refused(error, local) from error
    try:
        registry = _read_yaml(local)
        yield registry
        write_whole(local, yaml.safe_dump(registry, sort_keys=False).encode())
    finally:
        lock.release()


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WeightsError(
            f"{path} cannot be read as YAML ({error}). Mend or remove it."
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} must hold names with their entries. Mend or remove it.")
    return content
