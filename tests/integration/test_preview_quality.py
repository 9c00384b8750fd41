"""The shipped previews, on the shipped generator: as good as we say they are."""

from __future__ import annotations

import json

import pytest

from core.files import sha256_of
from core.generators import Generator
from core.generators.readout_training import HELD_OUT_SEEDS, measure_readouts
from core.weights import SHIPPED, WeightStore

# psi -> size -> the least mean PSNR in dB over 8 faces; measured there: 30.8, 35.8, 57.9 at
# psi 0.7 and 27.9, 32.6, 57.9 at psi 1
LEAST = {
    0.7: {128: 30.0, 256: 35.0, 512: 56.0},
    1.0: {128: 27.0, 256: 32.0, 512: 56.0},
}


@pytest.mark.parametrize("psi", LEAST)
def test_previews_look_like_the_downsampled_image(generator: Generator, psi: float) -> None:
    readouts = WeightStore().open_readouts(generator.identity.name)
    assert readouts is not None
    quality = measure_readouts(readouts, generator, psi, seeds=HELD_OUT_SEEDS[:8], device="cpu")
    for size, least in LEAST[psi].items():
        assert quality.mean[size] >= least, f"{size} px"


def test_the_figures_beside_the_previews_are_of_these_weights(generator: Generator) -> None:
    figures = json.loads((SHIPPED / f"preview-{generator.identity.name}.json").read_text())
    known = WeightStore().entry(f"preview-{generator.identity.name}")
    assert figures["sha256"] == known.sha256 == sha256_of(known.path)
    assert figures["generator_sha256"] == generator.identity.sha256
