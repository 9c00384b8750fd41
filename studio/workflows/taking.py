"""Faces with parts of another face, into a folder: pictures, masks, latents and the recipe."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from annotations import encode_mask
from core.errors import InvalidRequestError, OutputError
from core.files import write_whole
from core.generators import Generator, Noise, Outputs
from core.images import write_png
from core.latents import Latents, LatentSpace, read_latents
from core.progress import OnStep, Step, ignore
from core.regions import SOFTNESS, Mixed, parse_takes
from core.sampling import latents_from_seeds
from core.seeds import parse_seeds
from studio.model_cache import ModelCache
from studio.workflows.class_schemes import scheme_of
from studio.workflows.part_mixing import PartMixing
from studio.workflows.segmenters import Segmenters
from studio.workflows.steering_files import OF_LATENTS, OF_NOBODY
from studio.workflows.steering_parts import SteeringParts

Ws = NDArray[np.float32]  # [L, D]


@dataclass(frozen=True)
class TakeRequest:
    """take: parts, as `parse_takes` reads them. source: a seed, or a latents file whose first face
    it is. seeds or latents: the faces that get them. psi: of seeds."""

    take: str
    source: str
    seeds: str | None = None
    latents: Path | None = None
    psi: float = 0.7
    softness: float = SOFTNESS
    generator: str | None = None

    def __post_init__(self) -> None:
        _ = parse_takes(self.take)
        if (self.seeds is None) == (self.latents is None):
            raise InvalidRequestError("Give the faces by seeds or by a latents file: one of both.")
        if not 0 <= self.softness <= 1:
            raise InvalidRequestError(f"softness must be in 0..1, is {self.softness:g}.")


def take_to_folder(
    request: TakeRequest,
    folder: Path,
    models: ModelCache,
    workspace: Path,
    on_step: OnStep = ignore,
) -> dict[str, Any]:
    """Write images/0000.png, masks/0000.png, latents.npz, source.npz and mix.yaml; returns the
    figures. latents.npz holds the faces before parts are blended, but after codes are taken, where
    parts have codes. Raises CoreError."""
    name = models.name(request.generator)
    generator = models.generator(name)
    faces = _faces(generator, request)
    source = _source(generator, request)
    segmenters = Segmenters(models, workspace)
    makers = _Making(request, name, models, segmenters, workspace)
    began = time.monotonic()
    notes: list[str] = []
    made = []
    for place, ws in enumerate(faces.ws):
        on_step(Step(place, len(faces), "taking parts", "faces"))
        own, mixed = makers.made(ws, source.ws[0])
        made.append(own)
        _write(folder, place, mixed, makers, faces, generator, request)
        notes += [f"Face {place}: {note}" for note in mixed.notes]
    on_step(Step(len(faces), len(faces), "taking parts", "faces"))
    _latents_like(faces, made).save(folder / "latents.npz")
    source.save(folder / "source.npz")
    identity = generator.identity
    recipe = {
        "generator": identity.name,
        "generator_sha256": identity.sha256,
        "segmenter_sha256": segmenters.version(name),
        "take": request.take,
        "softness": request.softness,
        "source": "source.npz",
        "faces": "latents.npz",
        "noise": "off",
    }
    write_whole(folder / "mix.yaml", yaml.safe_dump(recipe, sort_keys=False).encode())
    return {
        **recipe,
        "from": request.source,
        "count": len(faces),
        "by": "codes" if makers.has_codes else "blending",
        "seconds": round(time.monotonic() - began, 3),
        "notes": notes,
        "out": str(folder),
    }


def _latents_like(faces: Latents, made: Sequence[Ws]) -> Latents:
    """The same faces with other ws."""
    return Latents(
        np.stack(made), faces.seeds, faces.psi, "off", faces.generator, faces.generator_sha256
    )


class _Making:
    """scheme: of the masks; None where there are none."""

    def __init__(
        self,
        request: TakeRequest,
        name: str,
        models: ModelCache,
        segmenters: Segmenters,
        workspace: Path,
    ) -> None:
        mixing = PartMixing(models, segmenters, SteeringParts(models, workspace))
        self.takes, self.softness = parse_takes(request.take), request.softness
        self.name, self.mixing = name, mixing
        self.has_codes = mixing.has_codes(name)
        if self.has_codes:
            segmenter = segmenters.current(name)
            self.scheme = scheme_of(segmenter.classes) if segmenter else None
            outputs = Outputs(labels=segmenter is not None)
            self.runtime = (
                segmenters.runtime(name, outputs) if segmenter else models.runtime(name, outputs)
            )
        else:
            self.scheme = scheme_of(mixing.mixer(name).classes)

    def made(self, own: Ws, other: Ws) -> tuple[Ws, Mixed]:
        if not self.has_codes:
            return own, self.mixing.mixer(self.name).mix(own, other, self.takes, self.softness)
        ws = self.mixing.coded(self.name, own, other, self.takes)
        made = self.runtime.render(ws)
        return ws, Mixed(made["image"], made.get("labels", np.zeros((0, 0), np.uint8)))


def _faces(generator: Generator, request: TakeRequest) -> Latents:
    if request.latents is not None:
        return read_latents(request.latents, LatentSpace.of(generator))
    seeds = parse_seeds(request.seeds or "0")
    return latents_from_seeds(generator, seeds, psi=request.psi, noise=Noise())


def _source(generator: Generator, request: TakeRequest) -> Latents:
    if request.source.isdecimal():
        seeds = parse_seeds(request.source)
        return latents_from_seeds(generator, seeds, psi=request.psi, noise=Noise())
    if not request.source.endswith((".npz", ".npy")):
        raise InvalidRequestError(
            f"The face to take from is a seed or a latents file, .npz or .npy, not "
            f"'{request.source:.80}'. Latents of a photo: python launch.py invert PHOTO --out DIR"
        )
    return read_latents(Path(request.source), LatentSpace.of(generator)).take([0])


def _write(
    folder: Path,
    place: int,
    mixed: Mixed,
    making: _Making,
    faces: Latents,
    generator: Generator,
    request: TakeRequest,
) -> None:
    is_drawn = faces.seeds[place] >= 0 and request.source.isdecimal()
    facts = {
        "generator": generator.identity.name,
        "generator_sha256": generator.identity.sha256,
        "noise": "off",
        "take": request.take,
        "from": request.source if request.source.isdecimal() else Path(request.source).name,
        "synthetic": OF_NOBODY if is_drawn else OF_LATENTS,
    }
    if faces.seeds[place] >= 0:
        facts["seed"] = str(faces.seeds[place])
    try:
        write_png(folder / "images" / f"{place:04d}.png", mixed.picture, facts)
        if making.scheme is not None:
            mask = encode_mask(mixed.labels, making.scheme)
            write_whole(folder / "masks" / f"{place:04d}.png", mask)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}).") from error
