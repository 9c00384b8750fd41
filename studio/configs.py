"""Configurations: YAML files or forms whose keys are the fields of a frozen dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as checked

from core.errors import InvalidRequestError

Config = TypeVar("Config")


def read_config(path: Path, kind: type[Config]) -> Config:
    """The dataclass `kind` from a YAML file; absent keys keep their defaults.

    Raises InvalidRequestError naming every key that is unknown or holds another type, and
    whatever `kind` itself refuses.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequestError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise InvalidRequestError(f"{path} must hold 'key: value' lines.")
    return config_of(content, kind, str(path))


def config_of(content: Mapping[Any, Any], kind: type[Config], source: str) -> Config:
    """The dataclass `kind` from keys and values; absent keys keep their defaults.

    source: where they come from, for messages. Raises as `read_config` does.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if strange := [str(key) for key in content if key not in names]:
        raise InvalidRequestError(
            f"{source}: unknown {', '.join(strange)}. Known: {', '.join(names)}."
        )
    try:
        made: Any = checked(kind, frozen=True, config=ConfigDict(strict=True))(
            **{str(key): value for key, value in content.items()}
        )
    except ValidationError as error:
        complaints = (_complaint(found) for found in error.errors())
        raise InvalidRequestError(f"{source}: {'; '.join(complaints)}.") from error
    return kind(**{name: getattr(made, name) for name in names})


def _complaint(found: Any) -> str:  # noqa: ANN401 - pydantic's own dict
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg']}, is {found['input']!r}"
