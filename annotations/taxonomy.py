"""The label scheme: which classes a mask may hold, their names, colours and keys.

Nothing here or elsewhere assumes 18 classes; `face18.yaml` is only the default.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from annotations.errors import BadSchemeError

IGNORE_ID = 255  # the value of pixels that are not labelled, in every mask file
DEFAULT_SCHEME_FILE = Path(__file__).parent / "face18.yaml"

_MAX_BYTES = 2**20
_COLOR = re.compile(r"#[0-9a-f]{6}")
_SIDES = {"left": "right", "right": "left"}
_SIDE = re.compile(r"\b(left|right)\b")


@dataclass(frozen=True)
class LabelClass:
    """One class.

    id: 0 to 254, the value of its pixels. color: '#rrggbb'. key: one character, or None.
    part: its CelebAMask-HQ part name, None for what has no file of its own.
    """

    id: int
    name: str
    color: str
    part: str | None = None
    key: str | None = None

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green and blue, 0 to 255."""
        red, green, blue = bytes.fromhex(self.color[1:])
        return red, green, blue


@dataclass(frozen=True)
class LabelScheme:
    """Classes in order of their ids. conventions: pairs of a subject and what is agreed on it."""

    name: str
    classes: tuple[LabelClass, ...]
    conventions: tuple[tuple[str, str], ...] = ()

    @functools.cached_property
    def ids(self) -> frozenset[int]:
        return frozenset(label.id for label in self.classes)

    @functools.cached_property
    def by_id(self) -> Mapping[int, LabelClass]:
        return {label.id: label for label in self.classes}

    @functools.cached_property
    def by_name(self) -> Mapping[str, LabelClass]:
        return {label.name: label for label in self.classes}

    @functools.cached_property
    def by_part(self) -> Mapping[str, LabelClass]:
        return {label.part: label for label in self.classes if label.part}

    @functools.cached_property
    def background(self) -> LabelClass | None:
        """The class of what belongs to no part: the one named background, else none."""
        return self.by_name.get("background")

    @property
    def ignore_rgb(self) -> tuple[int, int, int]:
        """A colour for pixels that are not labelled, which no class has."""
        taken = {label.rgb for label in self.classes}
        return next(grey for level in range(256) if (grey := (level,) * 3) not in taken)

    def palette(self) -> NDArray[np.uint8]:
        """Colours uint8 [256, 3] by class id; ids without a class have `ignore_rgb`."""
        colors = np.full((256, 3), self.ignore_rgb, np.uint8)
        for label in self.classes:
            colors[label.id] = label.rgb
        return colors

    def mirror_pairs(self) -> tuple[tuple[int, int], ...]:
        """(left id, right id) of classes whose names differ only in left and right."""
        pairs = []
        for label in self.classes:
            other = self.by_name.get(_SIDE.sub(lambda side: _SIDES[side[0]], label.name))
            if other and re.search(r"\bleft\b", label.name):
                pairs.append((label.id, other.id))
        return tuple(pairs)

    def mirror_table(self) -> NDArray[np.uint8]:
        """uint8 [256]: `table[labels[:, ::-1]]` is the mask of the mirrored picture."""
        table = np.arange(256, dtype=np.uint8)
        for left, right in self.mirror_pairs():
            table[left], table[right] = right, left
        return table

    def to_yaml(self) -> str:
        """The scheme as a YAML file; equal schemes make equal text."""
        classes = [
            {k: getattr(label, k) for k in ("id", "name", "color", "part", "key")}
            for label in self.classes
        ]
        content = {"name": self.name, "ignore_id": IGNORE_ID, "classes": classes}
        if self.conventions:
            content["conventions"] = dict(self.conventions)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)

    @functools.cached_property
    def sha256(self) -> str:
        """Hex sha256 of `to_yaml`, by which a scheme is recognised."""
        return hashlib.sha256(self.to_yaml().encode()).hexdigest()


@functools.cache
def default_scheme() -> LabelScheme:
    """The 18 classes of a face that ship."""
    return load_scheme(DEFAULT_SCHEME_FILE)


def load_scheme(path: Path) -> LabelScheme:
    """Read a scheme's YAML file. Raises BadSchemeError, naming the file."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadSchemeError(f"{path} is larger than {_MAX_BYTES} bytes, no label scheme is.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSchemeError(f"{path} cannot be read as a label scheme: {error}.") from error
    return parse_scheme(text, str(path))


def parse_scheme(text: str, source: str = "The label scheme") -> LabelScheme:
    """A scheme from YAML text. Raises BadSchemeError, naming `source` and what is wrong."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadSchemeError(f"{source} is not YAML: {' '.join(str(error).split())}.") from error
    try:
        return _scheme_of(content)
    except BadSchemeError as error:
        raise BadSchemeError(f"{source}: {error}") from error


def _scheme_of(content: Any) -> LabelScheme:  # noqa: ANN401 - whatever YAML gave
    if not isinstance(content, dict) or not isinstance(content.get("classes"), list):
        raise BadSchemeError("a scheme needs 'name' and a list 'classes'.")
    name = _text(content, "name", "the scheme")
    if content.get("ignore_id", IGNORE_ID) != IGNORE_ID:
        raise BadSchemeError(f"ignore_id must be {IGNORE_ID}, is {content['ignore_id']!r}.")
    classes = sorted((_class_of(item) for item in content["classes"]), key=lambda c: c.id)
    if not classes:
        raise BadSchemeError("'classes' must list at least one class, is empty.")
    for what in ("id", "name", "color", "part", "key"):
        _check_unique(what, [getattr(label, what) for label in classes])
    conventions = content.get("conventions") or {}
    if not isinstance(conventions, dict):
        raise BadSchemeError("'conventions' must map a subject to a text.")
    pairs = tuple((str(subject), str(text)) for subject, text in conventions.items())
    return LabelScheme(name, tuple(classes), pairs)


def _class_of(item: Any) -> LabelClass:  # noqa: ANN401
    if not isinstance(item, dict):
        raise BadSchemeError(f"a class must have id, name and color, is {item!r}.")
    class_id = item.get("id")
    if type(class_id) is not int or not 0 <= class_id < IGNORE_ID:
        raise BadSchemeError(f"a class id must be 0 to {IGNORE_ID - 1}, is {class_id!r}.")
    where = f"class {class_id}"
    color = _text(item, "color", where).lower()
    if not _COLOR.fullmatch(color):
        raise BadSchemeError(f"color of {where} must look like '#1b2c3d', is '{color}'.")
    key = _text(item, "key", where) if item.get("key") is not None else None
    if key is not None and len(key) != 1:
        raise BadSchemeError(f"key of {where} must be one character, is '{key}'.")
    part = _text(item, "part", where) if item.get("part") is not None else None
    if part is not None and not re.fullmatch(r"[A-Za-z0-9_-]+", part):
        raise BadSchemeError(f"part of {where} must be letters, digits, _ and -, is '{part}'.")
    return LabelClass(class_id, _text(item, "name", where), color, part, key)


def _text(item: Mapping[str, Any], field: str, where: str) -> str:
    text = item.get(field)
    if not isinstance(text, str) or not text.strip() or len(text) > 100 or not text.isprintable():
        raise BadSchemeError(f"{field} of {where} must be a text of 1 to 100, is {text!r}.")
    return text.strip()


def _check_unique(what: str, values: list[Any]) -> None:
    seen: set[Any] = set()
    for value in values:
        if value is not None and value in seen:
            raise BadSchemeError(f"{what} {value!r} is used by two classes; make them differ.")
        seen.add(value)
