"""Steered faces as files: the PNG at full size, its latents, its mask."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotations import NewFace, encode_mask
from core.attributes.measuring import fitted
from core.errors import InvalidRequestError
from core.files import write_whole
from core.generators import Identity
from core.images import write_png
from core.latents import Latents
from core.progress import OnStep, ignore
from studio.cache_limits import is_cached
from studio.workflows.class_schemes import scheme_of
from studio.workflows.steering import Steering, Told
from studio.workflows.steering_pictures import Shown
from studio.workflows.steering_recipe import FaceRecipe

OF_NOBODY = "This face was generated; it shows no real person."
OF_LATENTS = "This face was generated from latents whose origin is not known."
OF_PHOTO = "This face was generated from the photo of a person."


@dataclass(frozen=True)
class FaceFiles:
    """Files of the cache. mask: None where there is no segmenter. told: None where age and
    gender are not known."""

    picture: Path
    latents: Path
    mask: Path | None
    told: Told | None


def steered_files(
    recipe: FaceRecipe,
    identity: Identity,
    steering: Steering,
    cache: Path,
    *,
    size: int | None = None,
    on_step: OnStep = ignore,
) -> FaceFiles:
    """Write what is not in the cache yet. size: px of picture and mask; None: their own.

    Raises CoreError.
    """
    shown, told = steering.final(recipe, on_step)
    asked = json.dumps([recipe.facts(), size], sort_keys=True)
    made = shown.ws.tobytes() + (shown.picture.tobytes() if recipe.takes else b"")
    digest = hashlib.sha256(asked.encode() + made).hexdigest()[:16]
    of = f"{recipe.generator}-{identity.sha256[:12]}"
    if recipe.photos:
        stem = cache / "control" / "+".join(recipe.photos).replace(":", "-") / of / digest
    else:
        stem = cache / "control" / of / f"{recipe.seed}-{digest}"
    picture, latents = stem.with_suffix(".png"), stem.with_suffix(".npy")
    if not is_cached(picture):
        write_png(picture, _sized(shown, size), face_facts(recipe, identity, told))
    if not is_cached(latents):
        as_latents(recipe, identity, shown).save(latents)
    mask = _mask(stem, recipe, steering, shown, size)
    return FaceFiles(picture, latents, mask, told)


def remove_cached_of(photo: str, cache: Path) -> None:
    """All that the cache holds of a photo, and of generators that were tuned to it: their folders
    have its id in their names."""
    for path in list(cache.rglob(f"*{photo}*")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def steered_face(
    recipe: FaceRecipe,
    identity: Identity,
    steering: Steering,
    cache: Path,
    on_step: OnStep = ignore,
) -> NewFace:
    """For a project: the whole picture with the ws that make it. Raises CoreError."""
    if recipe.takes and not steering.mixing.has_codes(recipe.generator):
        raise InvalidRequestError(
            "Parts of another face are blended into this one, so its picture does not follow from "
            "latents, as projects need it. Download it, or take the parts out first."
        )
    files = steered_files(recipe, identity, steering, cache, on_step=on_step)
    ws: NDArray[np.float32] = np.load(files.latents, allow_pickle=False)
    picture = files.picture.read_bytes()
    seed = None if recipe.base else recipe.seed
    return NewFace(picture, ws, identity.name, identity.sha256, seed, recipe.psi)


def as_latents(recipe: FaceRecipe, identity: Identity, shown: Shown) -> Latents:
    seeds = np.array([-1 if recipe.base else recipe.seed], np.int64)
    return Latents(shown.ws[None], seeds, recipe.psi, "off", identity.name, identity.sha256)


def face_facts(recipe: FaceRecipe, identity: Identity, told: Told | None) -> dict[str, str]:
    """What the PNG says of itself."""
    facts = {
        "generator": identity.name,
        "generator_sha256": identity.sha256,
        **({"base": recipe.base} if recipe.base else {"seed": str(recipe.seed)}),
        "psi": repr(recipe.psi),
        "noise": "off",
        "recipe": json.dumps(recipe.facts()),
        "synthetic": OF_PHOTO if recipe.photos else OF_NOBODY,
    }
    if told is not None and told.is_found:
        facts |= {"age": f"{told.age:.1f}", "male": f"{told.male:.3f}"}
    return facts


def _sized(shown: Shown, size: int | None) -> NDArray[np.uint8]:
    """The picture, each pixel the mean of its area."""
    own = len(shown.picture)
    if size is None or size == own:
        return shown.picture
    if not 1 <= size <= own or own % size:
        raise InvalidRequestError(
            f"Pictures of {size} px cannot be made. Choose {own} or a whole part of it, such as "
            f"{own // 2} or {own // 4}."
        )
    return np.asarray(Image.fromarray(shown.picture).reduce(own // size))


def _mask(
    stem: Path, recipe: FaceRecipe, steering: Steering, shown: Shown, size: int | None
) -> Path | None:
    """Class ids with their colours."""
    classes = steering.pictures.classes(recipe.generator)
    if shown.labels is None or classes is None:
        return None
    labels = fitted(shown.labels, size or len(shown.labels))
    path = stem.with_name(f"{stem.name}-mask.png")
    write_whole(path, encode_mask(labels, scheme_of(classes)))
    return path
