"""SeFa and GANSpace, for every architecture of the registry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.directions import WDistribution, ganspace_directions, sefa_directions
from core.directions.distribution import deviation_along
from core.directions.sefa import leading
from core.errors import InvalidRequestError
from core.generators.checkpoint import ARCHITECTURES, build_generator
from core.generators.generator import Generator
from core.latents import LatentSpace
from tests.tiny_generator import WIDTH, tiny_generator

SMALL: dict[str, dict[str, Any]] = {  # with fewer styles than w is wide, so that w can hide
    "mobile_stylegan": {"resolution": 32, "w_dim": 32, "channels": (8, 8, 8)},
    "semantic_stylegan": {
        "resolution": 32,
        "w_dim": 32,
        "parts": 2,
        "base_layers": 1,
        "depth_layers": 2,
        "local_layers": 3,
        "local_channels": 8,
        "coarse_channels": 8,
        "coarse_resolution": 16,
        "first_resolution": 8,
        "channel_max": 8,
        "transparent": (),
    },
    "stylegan2": {"resolution": 16, "z_dim": 32, "w_dim": 32, "channel_max": 8},
}


def generator(architecture: str) -> Generator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = build_generator(architecture, SMALL[architecture] | {"mapping_layers": 2})
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def distribution() -> WDistribution:
    return WDistribution.of(tiny_generator())


def test_every_architecture_is_tested() -> None:
    assert set(SMALL) == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", sorted(SMALL))
def test_style_weights_are_all_that_a_layer_sees_of_its_w(architecture: str) -> None:
    made = generator(architecture).double()
    ws = torch.randn(1, made.num_ws, 32, generator=torch.Generator().manual_seed(1)).double()
    before = made.synthesis(ws).image
    weights = made.synthesis.style_weights()
    assert len(weights) == made.num_ws
    for layer, weight in enumerate(weights):
        basis = torch.linalg.svd(weight)[2]  # rows, from what is seen best to what is not
        for row, is_seen in ((basis[-1], False), (basis[0], True)):
            moved = ws.clone()
            moved[:, layer] += 3 * row
            change = float((made.synthesis(moved).image - before).abs().max())
            assert (change > 1e-10) is is_seen, (layer, is_seen, change)


@pytest.mark.parametrize("architecture", sorted(SMALL))
def test_sefa_works_for_every_architecture(architecture: str) -> None:
    made = generator(architecture)
    found = sefa_directions(made, covariance=np.eye(32), count=3, layers=(1, 2))
    assert [d.name for d in found] == ["sefa-0", "sefa-1", "sefa-2"]
    assert [d.layers for d in found] == [(1, 2)] * 3
    rows = torch.cat(made.synthesis.style_weights()[1:3]).double()
    rows = rows / rows.norm(dim=1, keepdim=True)
    strength = [float((rows @ torch.from_numpy(d.vector[1]).double()).norm()) for d in found]
    best = torch.linalg.svdvals(rows)[:3].tolist()
    assert strength == pytest.approx(best, rel=1e-4)


def test_sefa_finds_the_way_that_moves_the_styles_most() -> None:
    made = tiny_generator()
    for style in made.synthesis.styles:  # type: ignore[union-attr]
        style.weight.zero_()
        style.weight[:, 3] = -2.0  # type: ignore[index]
    found = sefa_directions(made, covariance=4 * np.eye(WIDTH), count=1, layers=(0,))[0]
    expected = np.zeros((4, WIDTH))
    expected[0, 3] = 2.0  # one standard deviation, the largest entry positive
    assert np.allclose(found.vector, expected, atol=1e-6)
    assert found.facts["share"] == pytest.approx(1)


def test_the_sign_of_a_component_does_not_depend_on_the_solver() -> None:
    rows = np.random.default_rng(0).normal(size=(30, WIDTH))
    shares, vectors = leading(rows.T @ rows, WIDTH)
    assert (vectors.max(axis=1) >= -vectors.min(axis=1)).all()
    assert shares.sum() == pytest.approx(1) and (np.diff(shares) <= 0).all()


def test_gains_of_single_maps_do_not_decide() -> None:
    made = tiny_generator()
    before = sefa_directions(made, covariance=np.eye(WIDTH), count=2)
    made.synthesis.styles[1].weight.mul_(50.0)  # type: ignore[index, union-attr, operator]
    after = sefa_directions(made, covariance=np.eye(WIDTH), count=2)
    for a, b in zip(before, after, strict=True):
        assert np.allclose(a.vector, b.vector, atol=1e-5)


def test_ganspace_finds_the_components_of_random_faces(distribution: WDistribution) -> None:
    space = LatentSpace.of(tiny_generator())
    found = ganspace_directions(distribution, space, count=WIDTH, layers=(2, 3))
    vectors = np.stack([d.vector[2] for d in found]).astype(float)
    assert np.allclose(vectors.T @ vectors, distribution.covariance, atol=1e-5)
    lengths = np.linalg.norm(vectors, axis=1)
    assert (np.diff(lengths) <= 0).all() and found[0].layers == (2, 3)
    assert sum(d.facts["share"] for d in found) == pytest.approx(1, abs=1e-4)


def test_the_distribution_is_that_of_random_faces_and_always_the_same(
    distribution: WDistribution,
) -> None:
    made = tiny_generator()
    z = torch.randn(20_000, WIDTH, generator=torch.Generator().manual_seed(1))
    w = made.mapping(z).double().numpy()
    spread = float(np.sqrt(np.trace(distribution.covariance)))
    assert np.linalg.norm(distribution.mean - w.mean(axis=0)) < 0.03 * spread
    difference = np.abs(distribution.covariance - np.cov(w.T))
    assert difference.max() < 0.05 * distribution.covariance.diagonal().max()
    again = WDistribution.of(made)
    assert np.array_equal(again.covariance, distribution.covariance)


def test_a_unit_is_one_standard_deviation_of_the_projection(distribution: WDistribution) -> None:
    way = np.arange(1.0, WIDTH + 1)
    unit = deviation_along(way, distribution.covariance)
    assert unit @ way / np.linalg.norm(way) == pytest.approx(np.linalg.norm(unit))
    normal = way / np.linalg.norm(way)
    assert unit @ unit == pytest.approx(normal @ distribution.covariance @ normal)


def test_a_distribution_of_few_faces_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="at least 10000 samples, got 9999"):
        WDistribution.of(tiny_generator(), samples=9_999)


@pytest.mark.parametrize(("count", "layers"), [(0, None), (17, None), (1, (4,)), (1, ())])
def test_components_and_layers_that_are_not_there_are_refused(
    distribution: WDistribution, count: int, layers: tuple[int, ...] | None
) -> None:
    made = tiny_generator()
    message = r"ask for 1 to 16, not|layers must be in 0..3"
    with pytest.raises(InvalidRequestError, match=message):
        sefa_directions(made, covariance=np.eye(WIDTH), count=count, layers=layers)
    with pytest.raises(InvalidRequestError, match=message):
        ganspace_directions(distribution, LatentSpace.of(made), count=count, layers=layers)
