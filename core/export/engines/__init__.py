"""Who makes the faces of an export: this process, or workers of a Ray cluster.

Engines differ in speed alone. A face depends on the recipe and its place, never on which worker
makes it or what was made before.
"""

from __future__ import annotations

from importlib.util import find_spec

from core.export.engines.engine import BuildMaker, Engine, MadeChunk, Maker, OnChunk, OnFaces
from core.export.engines.local import LocalEngine
from core.export.engines.ray import RayEngine
from core.export.recipe import one_of

ENGINES = ("local", "ray")


def engines_here() -> tuple[str, ...]:
    """Those of ENGINES whose packages are installed."""
    return ENGINES if find_spec("ray") else ENGINES[:1]


def open_engine(name: str, workers: int | None = None, address: str | None = None) -> Engine:
    """workers, address: for Ray. Raises InvalidRequestError for what is not there."""
    one_of("engine", name, ENGINES)
    return LocalEngine() if name == "local" else RayEngine(workers, address)


__all__ = [
    "ENGINES",
    "BuildMaker",
    "Engine",
    "LocalEngine",
    "MadeChunk",
    "Maker",
    "OnChunk",
    "OnFaces",
    "RayEngine",
    "engines_here",
    "open_engine",
]
