"""A direction: what is added to the ws of a face to change one thing about it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InvalidRequestError
from core.generators import Identity
from core.latents import LatentSpace

NAME = r"[a-z0-9][a-z0-9_-]{0,63}"
MAX_TITLE = 120  # characters
MAX_FACTS = 64 * 1024  # characters of JSON
UNMEASURED = (-3.0, 3.0)  # the range of a direction whose range nobody measured


@dataclass(frozen=True, eq=False)
class Direction:
    """One slider. Raises InvalidRequestError for what cannot be a direction.

    name: for files and programs, [a-z0-9_-]. title: for people. attribute: the name of the
    measure that it is meant to move, or ''.
    vector: float32 [L, D], added to ws for an amount of +1: one standard deviation of the
    attribute among random faces where it has one, else one standard deviation of random faces
    along the vector. Zero in the layers that it leaves alone.
    generator, generator_sha256: whose ws it fits. safe: the lowest and highest amount at which
    faces are still whole, lowest < 0 < highest.
    facts: what JSON can hold, at most 64 KiB: how it was made and what was measured on it.
    """

    name: str
    title: str
    attribute: str
    vector: NDArray[np.float32]
    generator: str
    generator_sha256: str
    safe: tuple[float, float] = UNMEASURED
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_texts()
        vector = self.vector
        if vector.dtype != np.float32 or vector.ndim != 2 or 0 in vector.shape:
            raise InvalidRequestError(
                f"The vector of direction '{self.name}' must be float32 [L, D], is "
                f"{vector.dtype} {list(vector.shape)}."
            )
        if not np.isfinite(vector).all() or not vector.any():
            raise InvalidRequestError(
                f"The vector of direction '{self.name}' must be finite and not zero everywhere. "
                "Fit it again with more faces, or with faces that differ."
            )
        low, high = self.safe
        if not (-math.inf < low < 0 < high < math.inf):
            raise InvalidRequestError(
                f"The safe range of direction '{self.name}' must go from below 0 to above 0, "
                f"is {low} to {high}."
            )
        facts_as_json(self.name, self.facts)

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that it changes."""
        return tuple(int(layer) for layer in np.flatnonzero(self.vector.any(axis=1)))

    @property
    def identity(self) -> Identity:
        return Identity(self.generator, self.generator_sha256)

    def apply(self, ws: NDArray[np.floating], amount: ArrayLike) -> NDArray[np.float32]:
        """ws [..., L, D] moved by `amount` units: a new float32 array; ws stay as they are.

        amount: one number, or one a face [...]. Amounts outside `safe` are taken as they are.
        Raises InvalidRequestError for ws of another generator's shape and for amounts that are
        not finite.
        """
        amounts = np.asarray(amount, np.float64)
        if ws.shape[-2:] != self.vector.shape:
            raise InvalidRequestError(
                f"Direction '{self.name}' is for ws [..., {self.vector.shape[0]}, "
                f"{self.vector.shape[1]}] of generator '{self.generator}', got {list(ws.shape)}."
            )
        if not np.isfinite(amounts).all() or amounts.shape not in ((), ws.shape[:-2]):
            raise InvalidRequestError(
                f"Direction '{self.name}' moves by one finite amount, or one a face "
                f"{list(ws.shape[:-2])}; got {amounts if amounts.ndim == 0 else amounts.shape}."
            )
        moved: NDArray[np.float64] = ws + amounts[..., None, None] * self.vector
        return moved.astype(np.float32)

    def scaled(self, factor: float) -> Direction:
        """The same line with another unit: +1 is what +factor was. Negative: the other way."""
        if not math.isfinite(factor) or factor == 0:
            raise InvalidRequestError(
                f"Direction '{self.name}' cannot have a unit of {factor}; give a number not 0."
            )
        low, high = sorted(bound / factor for bound in self.safe)
        vector = (self.vector * np.float64(factor)).astype(np.float32)
        return replace(self, vector=vector, safe=(low, high))

    def _check_texts(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(NAME, self.name):
            raise InvalidRequestError(
                f"A direction's name has 1 to 64 of a-z, 0-9, '_' and '-', got '{self.name!s:.80}'."
            )
        if not isinstance(self.title, str) or not self.title.strip():
            raise InvalidRequestError(f"Direction '{self.name}' needs a title.")
        if len(self.title) > MAX_TITLE or not self.title.isprintable():
            raise InvalidRequestError(
                f"The title of direction '{self.name}' must be one line of at most {MAX_TITLE} "
                f"printable characters, has {len(self.title)}."
            )


def facts_as_json(name: str, facts: Mapping[str, Any]) -> str:
    """Always the same text for the same facts. Raises InvalidRequestError if JSON cannot say it."""
    try:
        text = json.dumps(dict(facts), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(
            f"The facts of direction '{name}' must be what JSON can hold ({error}). "
            "Use texts, finite numbers, lists and dicts."
        ) from error
    if len(text) > MAX_FACTS:
        raise InvalidRequestError(
            f"The facts of direction '{name}' are {len(text)} characters of JSON; at most "
            f"{MAX_FACTS} are kept. Leave out the long ones."
        )
    return text


def in_layers(
    change: NDArray[np.floating],
    layers: Sequence[int],
    space: LatentSpace,
    *,
    name: str,
    title: str = "",
    attribute: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Direction:
    """A direction with the same `change` [D] in each of these layers; its range is not measured.

    title: the name where none is given. Raises InvalidRequestError if the change does not fit
    the space.
    """
    if change.shape != (space.w_dim,):
        raise InvalidRequestError(
            f"Direction '{name}' was fitted on w of {list(change.shape)}, generator "
            f"'{space.identity.name}' has [{space.w_dim}]. Use faces made with it."
        )
    vector = np.zeros((space.num_ws, space.w_dim), np.float32)
    vector[list(layers)] = change
    return Direction(
        name=name,
        title=title or name,
        attribute=attribute,
        vector=vector,
        generator=space.identity.name,
        generator_sha256=space.identity.sha256,
        facts={**(facts or {}), "layers": list(layers)},
    )
