"""What turns photos into latents, on a network of 32 px."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import InvalidRequestError, UnknownGeneratorError
from core.generators import Noise
from core.images import to_uint8
from core.inversion.optimisation import OptimisationConfig, Stage
from core.inversion.plain import PlainConfig, project
from core.inversion.target import Target
from core.latents import LatentSpace, read_latents
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.inverting import MEAN, Inverter, InvertRequest, invert_to_folder
from tests.unit.small_models import GOLDEN, small_models, small_store

__all__ = ["small_models", "small_store"]  # fixtures


@pytest.fixture(scope="module")
def inverter(small_models: ModelCache) -> Inverter:
    return Inverter(small_models, "small")


@pytest.fixture(scope="module")
def target(inverter: Inverter) -> Target:
    latents = latents_from_seeds(inverter.generator, [5], psi=1.0, noise=Noise())
    return Target(inverter.picture(latents.ws[0]))


def test_without_an_encoder_it_begins_at_the_mean_face(inverter, target):
    first = inverter.first(target)
    assert inverter.begins_at == MEAN and first.shape == (inverter.generator.num_ws, 32)
    assert np.array_equal(first, np.tile(inverter.generator.mean_w.numpy(), (len(first), 1)))


def test_a_search_comes_nearer(inverter, target):
    config = OptimisationConfig((Stage(128, 10, 0.1), Stage(0, 20, 0.1)), is_f32=True)
    found = list(inverter.refine(target, inverter.first(target), config))
    assert len(found) == 30 and found[-1].size == 32
    assert found[-1].loss < 0.8 * found[0].loss


@pytest.mark.parametrize(
    "file",
    [
        "semantic_stylegan/celeba_32.pt",
        "stylegan2/nvidia_ada_64_classes.pkl",
        "stylegan2/rosinality_64_multiplier_1.pt",
    ],
)
def test_it_works_for_every_sort_of_generator(file, tmp_path):
    store = WeightStore(tmp_path)
    store.add(GOLDEN.parent / file, "other")
    other = Inverter(ModelCache(store, "cpu"), "other")
    class_index = 0 if other.generator.mapping.c_dim else None
    latents = latents_from_seeds(
        other.generator, [5], psi=1.0, noise=Noise(), class_index=class_index
    )
    target = Target(
        to_uint8(other.generator.synthesis(torch.from_numpy(latents.ws)).image)[0].numpy()
    )
    config = OptimisationConfig((Stage(128, 15, 0.1),))  # in bf16 where there is one
    found = list(other.refine(target, other.first(target), config))
    assert found[-1].loss < found[0].loss and np.isfinite(found[-1].ws).all()
    assert found[-1].ws.shape == latents.ws[0].shape


@pytest.mark.parametrize("per_layer", [False, True])
def test_plain_optimisation_comes_nearer_too(inverter, target, per_layer):
    asked = (inverter.generator, target, inverter.prior, inverter.perceptual)
    found = list(project(*asked, PlainConfig(30, per_layer)))
    assert len(found) == 30 and found[-1].loss < 0.8 * found[0].loss
    layers_differ = bool((found[-1].ws != found[-1].ws[0]).any())
    assert layers_differ == per_layer


def test_plain_optimisation_needs_a_step():
    with pytest.raises(InvalidRequestError, match="at least 1 step, got 0"):
        PlainConfig(0)


def test_latents_are_those_of_the_generator(inverter, target, tmp_path):
    latents = inverter.latents([inverter.first(target)] * 2)
    latents.save(tmp_path / "two.npz")
    read = read_latents(tmp_path / "two.npz", LatentSpace.of(inverter.generator))
    assert np.array_equal(read.ws, latents.ws) and list(read.seeds) == [-1, -1]
    assert (read.psi, read.noise, read.generator) == (1.0, "off", "small")


def test_an_unknown_generator_is_named_before_anything_is_made(small_models, tmp_path):
    request = InvertRequest((tmp_path / "me.jpg",), generator="none")
    with pytest.raises(UnknownGeneratorError, match="no weights named 'none'"):
        invert_to_folder(request, tmp_path / "out", small_models)
    assert not (tmp_path / "out").exists()


def test_a_photo_that_would_be_overwritten_is_refused(small_models, tmp_path):
    request = InvertRequest((tmp_path / "out" / "aligned" / "me.png",), generator="small")
    with pytest.raises(InvalidRequestError, match="one of the photos and would be overwritten"):
        invert_to_folder(request, tmp_path / "out", small_models)
