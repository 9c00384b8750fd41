"""The faces that a training was given, found again: latents, and masks as they were chosen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations import AnnotationStore
from annotations.starter_pack import load_starter_pack
from core.errors import InvalidRequestError
from core.generators import Generator
from core.latents import LatentSpace, read_latents
from core.segmentation.labelled import LabelledFaces, reduce_labels
from studio.workflows.training_data import TrainingData, check_size, sha256_of_mask


def labelled_faces(
    store: AnnotationStore, data: TrainingData, generator: Generator, size: int
) -> dict[str, LabelledFaces]:
    """By split, with masks of `size` px. Raises InvalidRequestError naming a face that is odd."""
    ws, masks = load_ws(store, data, generator), load_masks(store, data)
    check_size(data, size)
    reduced = [mask if len(mask) == size else reduce_labels(mask[None], size)[0] for mask in masks]
    labels = np.stack(reduced)  # [N, S, S]
    names, noises = (tuple(getattr(face, key) for face in data.faces) for key in ("name", "noise"))
    every = LabelledFaces(ws, labels, names, noises)
    found = {}
    for split in ("train", "validation", "test"):
        found[split] = every.take([i for i, face in enumerate(data.faces) if face.split == split])
    return found


def load_ws(
    store: AnnotationStore, data: TrainingData, generator: Generator
) -> NDArray[np.float32]:
    """float32 [N, L, D], in the order of the faces. Raises CoreError."""
    space = LatentSpace.of(generator)
    starter: dict[int | None, NDArray[np.float32]] = {}
    if any(face.face_id is None for face in data.faces):
        pack = load_starter_pack()
        latents = read_latents(pack.latents, space)
        starter = {face.seed: ws for face, ws in zip(pack.faces, latents.ws, strict=True)}
    ws = [
        starter[face.seed] if face.face_id is None else store.faces.latent(face.face_id)
        for face in data.faces
    ]
    for face, one in zip(data.faces, ws, strict=True):
        if one.shape != (space.num_ws, space.w_dim):
            raise InvalidRequestError(
                f"The latent of {face.name} has shape {list(one.shape)}; generator "
                f"'{data.generator}' takes [{space.num_ws}, {space.w_dim}]. Leave that face out."
            )
    return np.stack(ws)  # [N, L, D]


def load_masks(store: AnnotationStore, data: TrainingData) -> list[NDArray[np.uint8]]:
    """Class ids uint8 [H, W] of each face, the revisions that were chosen.

    Raises InvalidRequestError where a mask of the starter pack is another one by now.
    """
    starter = {}
    if any(face.face_id is None for face in data.faces):
        starter = {face.seed: face.mask for face in load_starter_pack().faces}
    masks = []
    for face in data.faces:
        if face.revision_id is not None:
            masks.append(store.masks.labels(face.revision_id))
            continue
        mask = starter.get(face.seed or 0)
        if mask is None or sha256_of_mask(mask) != face.sha256:
            raise InvalidRequestError(
                f"The mask of {face.name} is not the one that was chosen for this training: the "
                "starter pack has changed. Start a new training."
            )
        masks.append(mask)
    return masks
