"""Style mixing: a grid of faces, each with layers of its column's face in its row's.

As figure 3 of the StyleGAN paper [Karras et al. 2019, arXiv:1812.04948].
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidRequestError
from core.images import write_jpeg
from core.latent_paths import mix_styles, parse_layers
from core.progress import OnStep, Step, ignore
from studio.cache_limits import is_cached
from studio.model_cache import ModelCache
from studio.workflows.gallery import FaceRenderer, FaceSettings

MAX_CELLS = 144  # of one grid; 12 x 12 still fits a screen


@dataclass(frozen=True)
class MixRequest:
    """The sources of a grid. Each cell is its row's face with `layers` of its column's."""

    settings: FaceSettings
    rows: tuple[int, ...]  # seeds
    columns: tuple[int, ...]  # seeds
    layers: str = "0-3"
    size: int = 512  # px of a cell


@dataclass(frozen=True)
class Cell:
    """A picture of the grid; row or column -1 are the sources themselves."""

    row: int
    column: int
    picture: Path


def mix_faces(
    request: MixRequest,
    models: ModelCache,
    folder: Path,
    on_cell: Callable[[Cell], None],
    on_step: OnStep = ignore,
) -> None:
    """Make the sources and then the grid, row by row.

    Raises InvalidRequestError, before anything is made, for no rows or columns, too many
    cells or layers that the generator does not have.
    """
    count = _checked_count(request)
    renderer = FaceRenderer(request.settings, models, folder, on_step)
    layers = parse_layers(request.layers, renderer.generator.num_ws)
    noise, size = request.settings.noise_of(0), renderer.shown_size(request.size)
    renderer.noise_is_possible()
    sources = {
        "columns": renderer.latents(request.columns).ws,
        "rows": renderer.latents(request.rows).ws,
    }
    total = count + len(request.rows) + len(request.columns)
    made: list[Cell] = []

    def show(row: int, column: int, picture: Path) -> None:
        made.append(Cell(row, column, picture))
        on_cell(made[-1])
        on_step(Step(len(made), total, "Mixing", "faces"))

    on_step(Step(0, total, "Mixing", "faces"))
    for column, seed in enumerate(request.columns):
        show(-1, column, renderer.picture(sources["columns"][column], seed, noise, size))
    for row, seed in enumerate(request.rows):
        show(row, -1, renderer.picture(sources["rows"][row], seed, noise, size))
        for column, other in enumerate(request.columns):
            key = f"{seed} {other} {sorted(set(layers))} {noise} {size}"
            name = hashlib.sha256(key.encode()).hexdigest()[:16]
            path = renderer.place / "mixed" / f"{name}.jpg"
            if not is_cached(path):
                ws = mix_styles(sources["rows"][row], sources["columns"][column], layers)
                write_jpeg(path, renderer.render(ws, noise), size)
            show(row, column, path)


def _checked_count(request: MixRequest) -> int:
    """How many faces are to be mixed."""
    count = len(request.rows) * len(request.columns)
    if not count:
        raise InvalidRequestError(
            "A grid needs a row and a column at least. Pick two or more faces, or write seeds."
        )
    if count > MAX_CELLS:
        raise InvalidRequestError(
            f"{len(request.rows)} x {len(request.columns)} are {count} faces, "
            f"at most {MAX_CELLS} fit a grid. Take fewer rows or columns."
        )
    return count
