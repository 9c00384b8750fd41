"""A project of real faces for live learning: some painted, as the starter pack has them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from annotations import AnnotationStore, NewFace, Status, encode_mask
from annotations.starter_pack import StarterFace, load_starter_pack
from core.generators import Noise, Outputs
from core.weights import WeightStore
from studio.model_cache import ModelCache

SIZE = 512  # px of pictures and masks


@dataclass(frozen=True, eq=False)
class PaintedProject:
    """painted: ids of faces with finished masks; open: of those without; truth: how they should
    become, uint8 [H, W] by id.
    """

    id: int
    painted: tuple[int, ...]
    open: tuple[int, ...]
    truth: dict[int, np.ndarray]


def painted_project(workspace: Path, num_painted: int, num_open: int) -> PaintedProject:
    """From the pack's faces to learn from, and of those to look at."""
    pack = load_starter_pack()
    chosen = [face for face in pack.faces if face.split == "train"][:num_painted]
    chosen += [face for face in pack.faces if face.split == "validation"][:num_open]
    pictures = _pictures(pack.generator, pack.latents, chosen)
    with AnnotationStore.open(workspace) as store:
        project = store.projects.create("live")
        ids = store.faces.add(project.id, pictures).face_ids
        for id_, face in zip(ids[:num_painted], chosen, strict=False):
            png = encode_mask(face.mask)
            store.masks.save(id_, png, "Ann", parent_id=None, status=Status.DONE)
    truth = dict(zip(ids, (face.mask for face in chosen), strict=True))
    return PaintedProject(project.id, ids[:num_painted], ids[num_painted:], truth)


def _pictures(generator: str, latents: Path, faces: list[StarterFace]) -> list[NewFace]:
    models = ModelCache(WeightStore())
    runtime = models.runtime(generator, Outputs(image_size=SIZE))
    sha256 = models.generator(generator).identity.sha256
    with np.load(latents) as file:
        places = {int(seed): place for place, seed in enumerate(file["seeds"])}
        ws = file["ws"][[places[face.seed] for face in faces]]  # [N, L, D]
    found = []
    for face, one, made in zip(faces, ws, runtime.stream(ws, Noise()), strict=True):
        png = io.BytesIO()
        Image.fromarray(made["image"]).save(png, "PNG", compress_level=1)
        found.append(NewFace(png.getvalue(), one, generator, sha256, face.seed, 0.7))
    return found
