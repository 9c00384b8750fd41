"""The segmenter in force: opened, changed, damaged; and the masks that galleries show."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from annotations import decode_mask
from core.errors import InvalidRequestError
from core.files import sha256_of
from core.generators import Outputs
from core.segmentation import Segmenter, build_head, save_segmenter
from studio.model_cache import ModelCache
from studio.workflows import Face, FaceSettings, GalleryRequest, make_gallery
from studio.workflows.class_schemes import scheme_of
from studio.workflows.mask_pictures import MaskPictures
from studio.workflows.segmenter_choice import CHOICE_FILE, SegmenterChoice
from studio.workflows.segmenters import Segmenters
from tests.segmentation_faces import CLASSES
from tests.unit.small_models import small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures


def put_in_force(models: ModelCache, workspace: Path, seed: int) -> Path:
    """Promote an untrained segmenter of the generator 'small'; its file."""
    generator = models.generator("small")
    torch.manual_seed(seed)
    channels = generator.synthesis.feature_channels
    head = build_head("weave", channels, CLASSES.num_classes, 32).eval()
    torch.nn.init.normal_(head.classify.weight)
    path = workspace / f"s{seed}.safetensors"
    save_segmenter(path, Segmenter(head, "weave", CLASSES, generator.identity))
    sha256 = generator.identity.sha256
    choice = SegmenterChoice(path.name, sha256_of(path), f"run {seed}", "small", sha256, "", "")
    (workspace / CHOICE_FILE).write_text(json.dumps(asdict(choice)))
    return path


def test_without_any_segmenter_there_is_none_and_passes_are_refused(
    small_models: ModelCache, tmp_path: Path
) -> None:
    segmenters = Segmenters(small_models, tmp_path)
    assert segmenters.current("small") is None and segmenters.version("small") is None
    assert MaskPictures.of(segmenters, "small") is None
    with pytest.raises(InvalidRequestError, match="no segmenter for generator 'small' yet"):
        segmenters.runtime("small", Outputs(labels=True))


def test_another_promotion_counts_at_once(small_models: ModelCache, tmp_path: Path) -> None:
    segmenters = Segmenters(small_models, tmp_path)
    put_in_force(small_models, tmp_path, 1)
    first = segmenters.current("small")
    assert first is segmenters.current("small") and first is not None
    runtime = segmenters.runtime("small", Outputs(labels=True))
    assert segmenters.runtime("small", Outputs(labels=True)) is runtime
    put_in_force(small_models, tmp_path, 2)
    assert segmenters.current("small") is not first
    assert segmenters.runtime("small", Outputs(labels=True)) is not runtime


def test_a_damaged_promoted_segmenter_is_told_of(small_models: ModelCache, tmp_path: Path) -> None:
    put_in_force(small_models, tmp_path, 1).write_bytes(b"half a file")
    with pytest.raises(InvalidRequestError, match=r"s1\.safetensors is damaged. Promote its run"):
        Segmenters(small_models, tmp_path).current("small")
    assert MaskPictures.of(Segmenters(small_models, tmp_path), "small") is None


def test_faces_of_a_gallery_come_with_their_masks(small_models: ModelCache, tmp_path: Path) -> None:
    segmenters = Segmenters(small_models, tmp_path)
    put_in_force(small_models, tmp_path, 1)
    masks = MaskPictures.of(segmenters, "small")
    assert masks is not None
    faces: list[Face] = []
    request = GalleryRequest(FaceSettings("small"), (4, 2), size=16)
    make_gallery(request, small_models, tmp_path, faces.append, masks=masks)
    assert [face.seed for face in faces] == [4, 2]
    for face in faces:
        assert face.mask is not None
        labels = decode_mask(face.mask.read_bytes(), scheme_of(CLASSES), (32, 32))
        assert set(np.unique(labels)) <= set(CLASSES.ids)
        with Image.open(face.picture) as picture:
            assert picture.size == (16, 16)


def test_masks_of_another_segmenter_are_made_anew(small_models: ModelCache, tmp_path: Path) -> None:
    segmenters = Segmenters(small_models, tmp_path)
    shown = []
    for seed in (1, 2):
        put_in_force(small_models, tmp_path, seed)
        faces: list[Face] = []
        masks = MaskPictures.of(segmenters, "small")
        request = GalleryRequest(FaceSettings("small"), (4,), size=16)
        make_gallery(request, small_models, tmp_path, faces.append, masks=masks)
        shown.append(faces[0])
    first, second = shown
    assert first.picture == second.picture and first.mask != second.mask
    assert first.mask is not None and second.mask is not None
    assert first.mask.read_bytes() != second.mask.read_bytes()
