"""The quality score: nearer to the mean of w is better, on one scale for all psi."""

from __future__ import annotations

import numpy as np
import pytest

from core.generators import Noise
from core.quality import QualityScale
from core.sampling import latents_from_seeds
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def generator():
    return tiny_generator(seed=0)


@pytest.fixture(scope="module")
def scale(generator):
    return QualityScale.of(generator)


def ws_at(generator, psi):
    return latents_from_seeds(generator, list(range(300)), psi=psi, noise=Noise()).ws


def test_untruncated_faces_spread_evenly_over_the_scale(generator, scale):
    scores = scale.score(ws_at(generator, 1.0))
    assert 45 < scores.mean() < 55
    assert scores.min() < 5 and scores.max() > 95


def test_truncation_raises_every_score_and_keeps_the_order_of_distances(generator, scale):
    before, after = ws_at(generator, 1.0), ws_at(generator, 0.5)
    assert np.all(scale.score(after) >= scale.score(before))
    assert np.array_equal(np.argsort(scale.distance(before)), np.argsort(scale.distance(after)))


def test_the_mean_face_scores_100_and_a_far_one_0(generator, scale):
    mean = np.broadcast_to(scale.mean_w, (1, generator.num_ws, len(scale.mean_w)))
    assert scale.score(mean) == [100.0]
    assert scale.score(mean + 100.0) == [0.0]


def test_the_distance_of_mixed_styles_is_the_mean_over_their_layers(generator, scale):
    near, far = ws_at(generator, 0.0)[:1], ws_at(generator, 1.0)[:1]
    mixed = near.copy()
    mixed[:, 0] = far[:, 0]
    assert scale.distance(mixed) == pytest.approx(scale.distance(far) / generator.num_ws, rel=1e-3)
