"""Faces as ordered, into a folder: pictures, latents, masks and what the estimator says of each."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import encode_mask
from core.attributes.control import Steered, targets_of
from core.directions import Direction
from core.errors import InvalidRequestError, OutputError
from core.files import write_whole
from core.generators import Noise, Outputs, Runtime
from core.images import write_png
from core.latents import Latents, LatentSpace, read_latents
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds, pulled_to_mean
from core.seeds import MAX_SEED
from studio.model_cache import ModelCache
from studio.workflows.class_schemes import scheme_of
from studio.workflows.face_control import FaceControl, Wish
from studio.workflows.own_sliders import chosen_directions
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_files import OF_LATENTS, OF_NOBODY
from studio.workflows.steering_parts import SteeringParts
from studio.workflows.steering_recipe import MAX_AMOUNT

PSI = 0.7  # of drawn faces
COLUMNS = ("face", "seed", "asked_age", "asked_gender", "age", "male", "reached", "pictures")


@dataclass(frozen=True)
class ControlRequest:
    """count faces of the seeds first_seed and on, steered to one age and gender.

    latents: a file whose faces are taken instead, in their order. count: None: all of the file,
    or one. psi: None: the file's faces as they are, drawn ones with 0.7. masks: beside the
    pictures, where the generator has a segmenter. skip_missed: leave out faces that did not come
    within tolerance; of drawn ones more seeds are tried then, up to three for each face.
    """

    count: int | None = None
    age: float | None = None
    gender: str | None = None
    first_seed: int = 0
    psi: float | None = None
    mixing: float = 0.0
    latents: Path | None = None
    directions: tuple[tuple[str, float], ...] = ()  # name, title or file, and amount
    size: int | None = None  # px; None: the generator's
    masks: bool = True
    skip_missed: bool = False
    generator: str | None = None

    def __post_init__(self) -> None:
        _ = self.wish  # checks its own
        for name, amount in self.directions:
            if not abs(amount) <= MAX_AMOUNT:
                raise InvalidRequestError(
                    f"Slider '{name:.80}' must be in -{MAX_AMOUNT:g}..{MAX_AMOUNT:g}, is {amount}."
                )
        count = 1 if self.count is None else self.count
        if not 1 <= count <= 1_000_000:
            raise InvalidRequestError(f"count must be in 1..1000000, is {count}.")
        if not 0 <= self.first_seed <= MAX_SEED - 3 * count:
            raise InvalidRequestError(
                f"The first seed must be in 0..{MAX_SEED - 3 * count}, is {self.first_seed}."
            )

    @property
    def truncation(self) -> float:
        """psi, where it was not said."""
        if self.psi is not None:
            return self.psi
        return PSI if self.latents is None else 1.0

    @property
    def wish(self) -> Wish:
        return Wish(self.age, self.gender, self.mixing)


@dataclass(frozen=True, eq=False)
class _Start:
    """seed: -1: none. ws: [L, D], before anything is asked of it."""

    seed: int
    ws: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Made:
    seed: int
    steered: Steered


def control_to_folder(
    request: ControlRequest,
    folder: Path,
    models: ModelCache,
    workspace: Path,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Write images/0000.png, masks/0000.png, latents.npz and control.csv; returns the figures.

    Every file is whole or absent at any moment; after a stop, latents.npz and control.csv hold
    the faces finished so far. Raises CoreError.
    """
    targets_of(request.age, request.gender)  # refused before anything is opened
    name = models.name(request.generator)
    parts, space = SteeringParts(models, workspace), LatentSpace.of(models.generator(name))
    moves = chosen_directions(dict(request.directions), parts, name, space)
    control = FaceControl(models, name)
    starts = _from_file(request, control) if request.latents else None
    count = request.count or (len(starts) if starts else 1)
    runtime, scheme = _runtime(request, models, workspace, name)
    began = time.monotonic()
    made: list[_Made] = []
    tried = 0
    try:
        for start in starts[:count] if starts else _drawn(request, count, control):
            if len(made) == count:
                break
            tried += 1
            random = np.random.default_rng(start.seed if start.seed >= 0 else tried)
            steered = control.fulfil(start.ws, request.wish, random, moves=moves)
            if request.skip_missed and not steered.reached:
                continue
            _write(folder, len(made), start.seed, steered, control, runtime, scheme, moves)
            made.append(_Made(start.seed, steered))
            on_step(Step(len(made), count, "steering", "faces"))
    finally:
        if made:
            _finish(folder, made, request, control)
    return _figures(request, folder, made, tried, time.monotonic() - began, runtime)


def _drawn(request: ControlRequest, count: int, control: FaceControl) -> Iterator[_Start]:
    """Of the seeds from the first one on: more than are needed where some may be left out."""
    generator, psi = control.generator, request.truncation
    for place in range(count * (3 if request.skip_missed else 1)):
        seed = request.first_seed + place
        yield _Start(seed, latents_from_seeds(generator, [seed], psi=psi, noise=Noise()).ws[0])


def _from_file(request: ControlRequest, control: FaceControl) -> list[_Start]:
    assert request.latents is not None
    generator = control.generator
    latents = read_latents(request.latents, LatentSpace.of(generator))
    if request.count is not None and request.count > len(latents):
        raise InvalidRequestError(
            f"{request.latents} holds {len(latents)} face(s); {request.count} are asked for. "
            "Leave --count out to take all."
        )
    return [
        _Start(int(seed), pulled_to_mean(generator, ws, request.truncation))
        for seed, ws in zip(latents.seeds, latents.ws, strict=True)
    ]


def _runtime(
    request: ControlRequest, models: ModelCache, workspace: Path, name: str
) -> tuple[Runtime, Any]:
    """The pass for what is written, and the scheme of its masks or None."""
    segmenters = Segmenters(models, workspace)
    segmenter = segmenters.current(name) if request.masks else None
    if segmenter is None:
        return models.runtime(name, Outputs(image_size=request.size)), None
    outputs = Outputs(image_size=request.size, labels=True)
    return segmenters.runtime(name, outputs), scheme_of(segmenter.classes)


def _write(
    folder: Path,
    place: int,
    seed: int,
    steered: Steered,
    control: FaceControl,
    runtime: Runtime,
    scheme: Any,  # noqa: ANN401 - a label scheme or None
    moves: Sequence[tuple[Direction, float]],
) -> None:
    rendered = runtime.render(steered.ws)
    identity = control.generator.identity
    facts = {
        "generator": identity.name,
        "generator_sha256": identity.sha256,
        "noise": "off",
        "age": f"{steered.estimates['age']:.1f}",
        "male": f"{steered.estimates['male']:.3f}",
        "synthetic": OF_NOBODY if seed >= 0 else OF_LATENTS,
    }
    if seed >= 0:
        facts["seed"] = str(seed)
    if moves:
        facts["directions"] = json.dumps({direction.name: amount for direction, amount in moves})
    try:
        write_png(folder / "images" / f"{place:04d}.png", rendered["image"], facts)
        if scheme is not None:
            mask = encode_mask(rendered["labels"], scheme)
            write_whole(folder / "masks" / f"{place:04d}.png", mask)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}).") from error


def _finish(folder: Path, made: list[_Made], request: ControlRequest, control: FaceControl) -> None:
    ws: NDArray[np.float32] = np.stack([face.steered.ws for face in made])
    seeds = np.array([face.seed for face in made], np.int64)
    identity = control.generator.identity
    latents = Latents(ws, seeds, request.truncation, "off", identity.name, identity.sha256)
    latents.save(folder / "latents.npz")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for place, face in enumerate(made):
        found = face.steered
        writer.writerow(
            [
                place,
                "" if face.seed < 0 else face.seed,
                "" if request.age is None else request.age,
                request.gender or "",
                f"{found.estimates['age']:.2f}",
                f"{found.estimates['male']:.4f}",
                int(found.reached),
                found.pictures,
            ]
        )
    write_whole(folder / "control.csv", text.getvalue().encode())


def _figures(
    request: ControlRequest,
    folder: Path,
    made: list[_Made],
    tried: int,
    seconds: float,
    runtime: Runtime,
) -> dict[str, Any]:
    ages = np.array([face.steered.estimates["age"] for face in made])
    males = np.array([face.steered.estimates["male"] for face in made])
    figures: dict[str, Any] = {
        **asdict(request),
        "directions": dict(request.directions),
        "latents": str(request.latents) if request.latents else None,
        "psi": request.truncation,
        "count": len(made),
        "tried": tried,
        "reached": sum(face.steered.reached for face in made),
        "seconds": round(seconds, 3),
        "faces_per_second": round(len(made) / seconds, 3),
        "runtime": str(runtime.facts),
        "out": str(folder),
    }
    if request.age is not None and made:
        figures["mean_age_error"] = round(float(np.nanmean(np.abs(ages - request.age))), 3)
    if request.gender is not None and made:
        figures["gender_accuracy"] = round(
            float(np.mean((males > 0.5) == (request.gender == "male"))), 4
        )
    return figures
