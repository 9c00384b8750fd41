"""Whether faces that were found from pictures can be edited like those that were drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.embedding import FaceEmbedder
from core.progress import OnStep, Step, ignore
from studio.model_cache import ModelCache
from studio.workflows.direction_evaluation import Seen, look
from studio.workflows.steering_parts import SteeringParts

AMOUNT = 2.0  # units that faces are moved by, within the safe range of a slider
LEAST = 0.1  # standard deviations a unit: sliders that move drawn faces less tell nothing


def editability(
    models: ModelCache,
    generator: str,
    workspace: Path,
    drawn: NDArray[np.float32],
    found: NDArray[np.float32],
    embedder: FaceEmbedder | None,
    on_step: OnStep = ignore,
) -> dict[str, Any] | None:
    """The same faces as they were drawn and as they were found, ws [N, L, D] each, moved along
    every slider that has an attribute; None where the generator has no sliders.

    effect: mean change of the attribute, in its standard deviations. ratio: the found ones'
    as a share of the drawn ones'. identity: mean distance of the embedding that moving makes.
    """
    parts = SteeringParts(models, workspace)
    control = parts.face_control(generator)
    sliders = parts.sliders(generator).by_name.values()
    if control is None or not sliders:
        return None
    names = control.pack.model.names
    before = {"drawn": look(control, embedder, drawn), "found": look(control, embedder, found)}
    told: dict[str, Any] = {}
    for place, slider in enumerate(sliders):
        direction = slider.direction
        if direction.attribute not in names:
            continue
        on_step(Step(place, len(sliders), f"moving '{direction.name}'", "sliders"))
        amount = min(AMOUNT, direction.safe[1])
        moved = {
            kind: look(control, embedder, np.stack([direction.apply(ws, amount) for ws in faces]))
            for kind, faces in (("drawn", drawn), ("found", found))
        }
        of = names.index(direction.attribute), control.pack.scale[direction.attribute]
        effects = {kind: _effect(before[kind], moved[kind], of) for kind in moved}
        apart = {kind: _apart(before[kind], moved[kind]) for kind in moved}
        ratio = effects["found"] / effects["drawn"] if abs(effects["drawn"]) >= LEAST else None
        told[direction.name] = {
            "amount": amount,
            "effect": {kind: _rounded(value) for kind, value in effects.items()},
            "ratio": _rounded(ratio),
            "identity": {kind: _rounded(value) for kind, value in apart.items()},
        }
    ratios = [each["ratio"] for each in told.values() if each["ratio"] is not None]
    return {
        "faces": len(drawn),
        "sliders": told,
        "mean_ratio": _rounded(float(np.mean(ratios))) if ratios else None,
        "least_ratio": min(ratios, default=None),
    }


def _effect(before: Seen, after: Seen, of: tuple[int, float]) -> float:
    place, scale = of
    return float(np.nanmean(after.values[:, place] - before.values[:, place])) / scale


def _apart(before: Seen, after: Seen) -> float | None:
    apart = np.linalg.norm(after.vectors - before.vectors, axis=1)
    return float(np.nanmean(apart)) if np.isfinite(apart).any() else None


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 3)
