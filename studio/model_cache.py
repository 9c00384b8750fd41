"""Opened generators, quality scales and compiled passes: each made once, then shared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from core.generators import (
    Device,
    Generator,
    Outputs,
    Precision,
    RenderPass,
    Runtime,
    open_runtime,
)
from core.progress import OnStep, ignore
from core.quality import QualityScale
from core.weights import WeightStore

Thing = TypeVar("Thing")


class ModelCache:
    """Opens models when they are first asked for and keeps them. Safe to use from threads.

    Two threads that want the same thing wait for one making of it; a failed making leaves
    nothing behind, so that the next request tries again.
    """

    def __init__(self, weights: WeightStore, device: Device = "auto") -> None:
        self.weights = weights
        self.device = device
        self._things: dict[tuple[object, ...], Any] = {}
        self._locks: dict[tuple[object, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Of the registered generators, the default one first."""
        default = self.weights.default("generator")
        known = self.weights.entries().values()
        generators = [entry.name for entry in known if entry.is_generator]
        return sorted(generators, key=lambda name: (name != default, name))

    def name(self, asked: str | None) -> str:
        """The generator asked for, or the default one; raises UnknownGeneratorError."""
        return self.weights.entry(asked or self.weights.default("generator")).name

    def generator(self, name: str, on_step: OnStep = ignore) -> Generator:
        return self._once(("generator", name), lambda: self.weights.open_generator(name, on_step))

    def quality_scale(self, name: str) -> QualityScale:
        return self._once(("scale", name), lambda: QualityScale.of(self.generator(name)))

    def runtime(
        self,
        name: str,
        outputs: Outputs,
        *,
        device: Device | None = None,
        precision: Precision = "auto",
    ) -> Runtime:
        """A compiled pass of that generator; device None takes the cache's own."""
        device = device or self.device

        def make() -> Runtime:
            render_pass = RenderPass(self.generator(name), outputs)
            return open_runtime(render_pass, device=device, precision=precision)

        return self._once(("runtime", name, outputs, device, precision), make)

    def _once(self, key: tuple[object, ...], make: Callable[[], Thing]) -> Thing:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._things:
                self._things[key] = make()
            thing: Thing = self._things[key]
            return thing
