"""How long work reports itself: a callable that gets a `Step`, and may raise `Cancelled`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Where long work stands: `done` of `total` units (total 0: unknown), and what it is doing."""

    done: int
    total: int
    doing: str
    unit: str = "steps"


OnStep = Callable[[Step], None]


def ignore(step: Step) -> None:
    """The `on_step` of callers that do not watch."""
