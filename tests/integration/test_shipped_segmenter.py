"""The segmenter that ships, on faces of the starter pack that it never learned from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from annotations import decode_mask, default_scheme
from annotations.starter_pack import load_starter_pack
from core.files import sha256_of
from core.latents import LatentSpace, read_latents
from core.segmentation import score
from core.weights import SHIPPED, WeightStore
from studio.workflows.class_schemes import class_set
from tests.launching import run_here

pytestmark = pytest.mark.usefixtures("default_generator")

NAME = "segmenter-mobilestylegan-ffhq-1024"
NUM_FACES = 3


def test_its_masks_agree_with_painted_ones(tmp_path: Path) -> None:
    pack = load_starter_pack()
    places = list(pack.split("test")[:NUM_FACES])
    generator = WeightStore().open_generator(pack.generator)
    latents = read_latents(pack.latents, LatentSpace.of(generator)).take(places)
    latents.save(tmp_path / "faces.npz")
    options = ("--latents", tmp_path / "faces.npz", "--workspace", tmp_path / "none", "--json")
    made = run_here("segment", *options, "--out", tmp_path / "out").figures
    assert made["count"] == NUM_FACES
    scheme = default_scheme()
    predicted = np.stack(
        [
            decode_mask((tmp_path / "out" / "masks" / f"{i:04d}.png").read_bytes(), scheme)
            for i in range(NUM_FACES)
        ]
    )
    painted = np.stack([pack.faces[place].mask for place in places])
    classes = class_set(scheme)
    scores = score(classes.to_indices(painted), classes.to_indices(predicted), classes)
    assert scores.accuracy > 0.9 and scores.mean_f1() > 0.8


def test_it_is_the_one_whose_figures_are_recorded() -> None:
    known, pack = WeightStore().entry(NAME), load_starter_pack()
    told = json.loads((SHIPPED / f"{NAME}.json").read_text())
    assert told["sha256"] == known.sha256 == sha256_of(known.path)
    assert told["command"] == known.facts["trained"]["command"]
    assert set(told["metrics"]) == {"validation", "test"}
    assert pack.generator_sha256 == WeightStore().entry(pack.generator).sha256
