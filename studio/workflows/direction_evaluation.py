"""Sliders judged: what each moves, what leaks, how far it holds, whether it is the same person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.directions import Direction, measure_effect
from core.directions.effects import AMOUNTS, Score
from core.errors import InvalidRequestError
from core.evaluation.embedding import WIDTH, FaceEmbedder
from core.evaluation.judges import FACE_EMBEDDING, open_judges
from core.export.marks import Mark, jpeg_file
from core.files import write_whole
from core.generators import Noise
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds
from studio.model_cache import ModelCache
from studio.workflows.face_control import FaceControl
from studio.workflows.steering_parts import Slider, Sliders, SteeringParts

FIRST_SEED = 900_000  # of the faces that sliders are judged on; no slider is made with them
SHOWN_FACES = 4  # rows of a contact sheet
_SIDE = 192  # px of a face on it
_AMOUNTS = (*(a for a in AMOUNTS if a < 0), 0.0, *(a for a in AMOUNTS if a > 0))


def evaluate_directions(
    models: ModelCache,
    generator: str | None,
    workspace: Path,
    names: Sequence[str] = (),
    faces: int = 40,
    psi: float = 0.7,
    first_seed: int = FIRST_SEED,
    out: Path | None = None,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Move unseen random faces along these sliders (none named: all) and measure what changed.

    out: also a contact sheet `<name>.jpg` for each: a few faces, -3 to +3 units. Without the
    embedding, which is fetched at first, `identity` is None and `missing` says why. Raises
    InvalidRequestError for a slider that is not there, naming those that are.
    """
    name = models.name(generator)
    parts = SteeringParts(models, workspace)
    control = parts.face_control(name)
    if control is None:
        raise InvalidRequestError(parts.missing_control(name))
    sliders = _chosen(parts.sliders(name), names)
    judges = open_judges(models.weights, control.estimator, on_step, (FACE_EMBEDDING,))
    seeds = list(range(first_seed, first_seed + faces))
    ws = latents_from_seeds(control.generator, seeds, psi=psi, noise=Noise()).ws
    sight = _Sight(control, judges.embedder, ws)
    quality = models.quality_scale(name).score
    found = {}
    for place, slider in enumerate(sliders):
        direction = slider.direction
        on_step(Step(place, len(sliders), f"measuring '{direction.name}'", "sliders"))
        found[direction.name] = {"title": direction.title, **sight.told(direction, quality)}
        if out is not None:
            sheet = _sheet(control, direction, ws[:SHOWN_FACES])
            mark = Mark({"generator": name, "slider": direction.name})
            write_whole(out / f"{direction.name}.jpg", jpeg_file(sheet, mark))
    return {
        "generator": name,
        "faces": faces,
        "psi": psi,
        "first_seed": first_seed,
        "directions": found,
        "missing": judges.missing.get(FACE_EMBEDDING),
    }


def _chosen(sliders: Sliders, names: Sequence[str]) -> list[Slider]:
    known = sliders.by_name
    if unknown := [name for name in names if name not in known]:
        raise InvalidRequestError(
            f"There is no slider {', '.join(unknown)}. There are: {', '.join(known) or 'none'}."
        )
    if not known:
        raise InvalidRequestError(sliders.missing)
    return [known[name] for name in names or known]


@dataclass(frozen=True, eq=False)
class Seen:
    """values: float32 [N, K]. vectors: [N, 128], NaN where there is no face."""

    values: NDArray[np.float32]
    vectors: NDArray[np.float32]


class _Sight:
    """Sees faces once for all that looks at them; `ws`, from which all sliders begin, at first."""

    def __init__(
        self, control: FaceControl, embedder: FaceEmbedder | None, ws: NDArray[np.float32]
    ) -> None:
        self._control, self._embedder = control, embedder
        self._ws = ws
        self._first = self._last = (ws, look(control, embedder, ws))

    def told(self, direction: Direction, quality: Score) -> dict[str, Any]:
        """What the direction does to the faces."""
        pack = self._control.pack
        effect = measure_effect(
            direction,
            self._ws,
            lambda ws: self._see(ws).values,
            names=pack.model.names,
            scale=np.array([pack.scale[name] for name in pack.model.names]),
            embed=(lambda ws: self._see(ws).vectors) if self._embedder else None,
            quality=quality,
        )
        return {**effect.facts(), "safe": list(effect.safe)}

    def _see(self, ws: NDArray[np.float32]) -> Seen:
        for known, seen in (self._first, self._last):
            if known is ws:
                return seen
        self._last = (ws, look(self._control, self._embedder, ws))
        return self._last[1]


def look(control: FaceControl, embedder: FaceEmbedder | None, ws: NDArray[np.float32]) -> Seen:
    """What is measured on previews of the faces ws [N, L, D]."""
    faces = control.look(ws)
    vectors = np.full((len(ws), WIDTH), np.nan, np.float32)
    for row, face in enumerate(faces):
        if embedder is not None and face.face is not None:
            vectors[row] = embedder.embed(face.picture, face.face)
    return Seen(np.stack([face.values for face in faces]), vectors)


def _sheet(
    control: FaceControl, direction: Direction, ws: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """A row for each face, a column for each amount, uint8 [H, W, 3]."""
    rows = [
        np.hstack([_small(control.picture(moved)) for moved in _moved(direction, face)])
        for face in ws
    ]
    return np.vstack(rows)


def _moved(direction: Direction, ws: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [direction.apply(ws, amount) for amount in _AMOUNTS]


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((_SIDE, _SIDE), Image.Resampling.BOX))
