"""Recipes as people write them: YAML files, options and forms become a Recipe."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from core.errors import InvalidRequestError
from core.export.recipe import AgeBand, Base, Filter, Limit, ProjectMasks, Recipe, Trait, Variants

MAX_BYTES = 1_000_000  # of a file
GENDER_RATIO = 0.5  # where 'gender' is balanced and no ratio is given
_BAND = re.compile(r"(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?")
_NAMES = {"female": "gender_ratio"}  # fields that people know by another name
KEYS = tuple(_NAMES.get(known.name, known.name) for known in fields(Recipe))


def read_recipe(path: Path, instead: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a YAML file. instead: values that replace those of the file.

    Raises InvalidRequestError naming the file and the key.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidRequestError(f"{path} is larger than a recipe ever is.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from error
    try:
        return recipe_of({**parse_recipe(text), **(instead or {})})
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{path}: {error}") from error


def parse_recipe(text: str) -> Mapping[Any, Any]:
    """Keys and values of a YAML text, not looked at any further. Raises InvalidRequestError."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise InvalidRequestError("A recipe has no aliases (*name). Write the values out.")
        content = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidRequestError(f"This cannot be read as YAML: {error}") from error
    if not isinstance(content, Mapping):
        raise InvalidRequestError("A recipe must hold 'key: value' lines.")
    return content


def recipe_text(recipe: Recipe) -> str:
    """As YAML; what keeps its default by being left out is left out."""
    told = {key: _without_none(value) for key, value in recipe.plain().items()}
    content = {key: value for key, value in told.items() if value is not None}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def recipe_of(content: Mapping[Any, Any]) -> Recipe:
    """The recipe that these keys and values mean; absent keys, and None, keep their defaults.

    Raises InvalidRequestError naming the key and what is allowed.
    """
    _check_keys("", content, KEYS)
    given = {str(key): value for key, value in content.items() if value is not None}
    read = {key: _READERS[key](key, value) for key, value in given.items()}
    if "gender" in read.get("balance", ()):
        read.setdefault("gender_ratio", GENDER_RATIO)
    if "gender_ratio" in read:
        read["female"] = read.pop("gender_ratio")
    return Recipe(**read)


def _without_none(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {key: part for key, part in value.items() if part is not None}


def _check_keys(prefix: str, content: Mapping[Any, Any], known: tuple[str, ...]) -> None:
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"Did you mean {prefix}{near[0]}?" if near else f"Known: {', '.join(known)}."
            raise InvalidRequestError(f"There is no key '{prefix}{key!s:.80}'. {hint}")


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequestError(f"{key} must be a text, is {_told(value)}.")
    return value.strip()


def _name(key: str, value: object) -> str:
    text = _text(key, value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise InvalidRequestError(
            f"{key} must be up to 64 letters, digits, '-', '_' and '.', is '{text:.80}'."
        )
    return text


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidRequestError(f"{key} must be a whole number, is {_told(value)}.")
    return value


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequestError(f"{key} must be a number, is {_told(value)}.")
    return float(value)


def _switch(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{key} must be true or false, is {_told(value)}.")
    return value


def _table(key: str, value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidRequestError(f"{key} must hold 'key: value' lines, is {_told(value)}.")
    return value


def _names(key: str, value: object) -> tuple[str, ...]:
    """A list of texts, or one text with commas."""
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise InvalidRequestError(f"{key} must be a list of names, is {_told(value)}.")
    return tuple(_text(key, part) for part in value)


def _as_shares(key: str, asked: Mapping[str, float]) -> dict[str, float]:
    """Percentages that add up to 100 become shares; what adds up to neither is left to Recipe."""
    is_percent = abs(math.fsum(asked.values()) - 100) < 1e-4
    return {name: share / 100 if is_percent else share for name, share in asked.items()}


def _ages(key: str, value: object) -> tuple[AgeBand, ...]:
    """{'18-30': 0.5, ...}, ['18-30', ...], '18-30, 31-50', '18-30:2, 31-50:1' or one age."""
    if isinstance(value, Mapping):
        given = {str(band): _number(f"{key}.{band}", share) for band, share in value.items()}
        return _bands(key, _as_shares(key, given))
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = [f"{value:g}"]
    names = _names(key, value)
    if not any(":" in name for name in names):
        even = tuple(AgeBand(*_ends(key, name), 1 / len(names)) for name in names)
        return even
    pairs = [name.partition(":")[::2] for name in names]
    weights = [_parsed_number(key, weight) for _, weight in pairs]
    total = math.fsum(weights)
    if total <= 0 or min(weights) < 0:
        raise InvalidRequestError(f"{key}: weights must be 0 or more and not all 0, are {weights}.")
    bands = zip(pairs, weights, strict=True)
    return tuple(AgeBand(*_ends(key, name), weight / total) for (name, _), weight in bands)


def _bands(key: str, shares: Mapping[str, float]) -> tuple[AgeBand, ...]:
    return tuple(AgeBand(*_ends(key, name), share) for name, share in shares.items())


def _ends(key: str, text: str) -> tuple[float, float]:
    match = _BAND.fullmatch(text.strip())
    if match is None:
        raise InvalidRequestError(
            f"{key} must be ranges of years such as 18-30, found '{text.strip():.80}'."
        )
    return float(match[1]), float(match[2] or match[1])


def _parsed_number(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequestError(f"{key}: '{text.strip():.40}' is no number.")
    return value


def _gender_ratio(key: str, value: object) -> float:
    """The share of women, or 'women:men' such as '1:1'."""
    allowed = "the share of women, 0 to 1, or women to men in quotes, such as '1:1'"
    if isinstance(value, str) and ":" in value:
        women, men = (_parsed_number(key, part) for part in value.split(":", 1))
        if women < 0 or men < 0 or women + men == 0:
            raise InvalidRequestError(f"{key} must be {allowed}; is '{value:.80}'.")
        return women / (women + men)
    if isinstance(value, str):
        value = _parsed_number(key, value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise InvalidRequestError(f"{key} must be {allowed}; is {value}.")
    return _number(key, value)


def _traits(key: str, value: object) -> tuple[Trait, ...]:
    found = []
    for name, asked in _table(key, value).items():
        here = f"{key}.{name}"
        keys = ("share", "value", "amount", "otherwise")
        _check_keys(f"{here}.", _table(here, asked), keys)
        numbers = {part: _number(f"{here}.{part}", number) for part, number in asked.items()}
        if "share" not in numbers:
            raise InvalidRequestError(f"{here} needs a share, 0 to 1: of how many people.")
        found.append(Trait(_text(key, str(name)), **numbers))
    return tuple(found)


def _balance(key: str, value: object) -> tuple[str, ...]:
    """'ages x gender', or a list."""
    if isinstance(value, str):
        value = re.split(r"\s+x\s+|\s*,\s*", value.strip())
    return _names(key, value)


def _variants(key: str, value: object) -> Variants:
    if isinstance(value, int):
        return Variants(_whole(key, value))
    return Variants(**_part(key, value, {"count": _whole, "change": _names, "strength": _number}))


def _filter(key: str, value: object) -> Filter:
    readers: dict[str, Callable[[str, object], Any]] = {
        "uncertainty": _limit,
        "artifact": _limit,
        "one_face": _switch,
        "target": _switch,
        "tries": _whole,
        "pilot": _whole,
    }
    return Filter(**_part(key, value, readers))


def _limit(key: str, value: object) -> Limit:
    """A number is a threshold, a text such as '10%' a share to drop."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return Limit(_parsed_number(key, value.strip()[:-1]) / 100, is_share=True)
    if isinstance(value, str):
        return Limit(_parsed_number(key, value))
    return Limit(_number(key, value))


def _part(
    key: str, value: object, readers: Mapping[str, Callable[[str, object], Any]]
) -> dict[str, Any]:
    content = _table(key, value)
    _check_keys(f"{key}.", content, tuple(readers))
    return {
        name: readers[name](f"{key}.{name}", given)
        for name, given in content.items()
        if given is not None
    }


def _splits(key: str, value: object) -> dict[str, float]:
    """{'train': 0.8, ...} in shares or percent, or '80/10/10' for train, validation, test."""
    if isinstance(value, str):
        parts = [_parsed_number(key, part) for part in re.split(r"[/,]", value)]
        if len(parts) > 3:
            raise InvalidRequestError(f"{key} must be train/validation/test, is '{value:.80}'.")
        names = ("train", "validation", "test")
        return _as_shares(key, dict(zip(names, parts, strict=False)))
    table = _table(key, value)
    return _as_shares(key, {str(name): _number(f"{key}.{name}", s) for name, s in table.items()})


def _project(key: str, value: object) -> ProjectMasks:
    """A name or an id, or {name: ..., masks: reviewed}."""
    if not isinstance(value, Mapping):
        return ProjectMasks(_project_name(key, value))
    found = _part(key, value, {"name": _project_name, "masks": _text})
    if "name" not in found:
        raise InvalidRequestError(f"{key} needs a name, or the id of a project.")
    return ProjectMasks(**found)


def _project_name(key: str, value: object) -> str:
    is_id = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_id else _text(key, value)


def _base(key: str, value: object) -> Base:
    """A name, or {name: ..., sha256: ...}."""
    if not isinstance(value, Mapping):
        return Base(_text(key, value))
    found = _part(key, value, {"name": _text, "sha256": _text})
    if "name" not in found:
        raise InvalidRequestError(f"{key} needs a name: photo: with the id of a photo, or a file.")
    return Base(**found)


def _told(value: object) -> str:
    return f"{value!r:.80}"


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "name": _name,
    "count": _whole,
    "generator": _text,
    "segmenter": _text,
    "psi": _number,
    "size": _whole,
    "ages": _ages,
    "gender_ratio": _gender_ratio,
    "traits": _traits,
    "balance": _balance,
    "variants": _variants,
    "filter": _filter,
    "seed": _whole,
    "splits": _splits,
    "formats": _names,
    "images": _text,
    "mark": _switch,
    "measure": _switch,
    "project": _project,
    "base": _base,
}
