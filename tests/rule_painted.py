"""Faces of the 32 px generator 'small' whose masks follow a rule, so that they can be learned."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from annotations import AnnotationStore, LabelMap, Status
from core.generators import Noise
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows import FaceSettings, GalleryRequest, keep_faces

BACKGROUND, HAIR, SKIN = 0, 4, 16


def painted_project(
    store: AnnotationStore, weights: WeightStore, cache: Path, count: int = 8, name: str = "faces"
) -> int:
    """The id of a project of `count` faces, all done: dark is hair, bright is skin."""
    models = ModelCache(weights, "cpu")
    request = GalleryRequest(FaceSettings("small", 0.7, Noise()), tuple(range(count)))
    kept = keep_faces(request, request.seeds, name, models, cache, store)
    for face_id in kept.face_ids:
        mask = mask_of(store.faces.picture(face_id))
        store.masks.save(face_id, mask, "Ann", parent_id=None, status=Status.DONE)
    return kept.project_id


def mask_of(picture: bytes) -> LabelMap:
    with Image.open(io.BytesIO(picture)) as image:
        light = np.asarray(image.convert("L"))
    dark, bright = np.quantile(light, [0.33, 0.66])
    mask = np.full(light.shape, BACKGROUND, np.uint8)
    mask[light < dark] = HAIR
    mask[light > bright] = SKIN
    return mask
