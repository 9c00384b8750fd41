"""What turns photos into latents, on a network of 32 px."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import InvalidRequestError, UnknownGeneratorError, WeightsError
from core.generators import Noise
from core.images import to_uint8
from core.inversion import optimisation
from core.inversion.lpips import Lpips, LpipsNet
from core.inversion.optimisation import Drawer, OptimisationConfig, Stage
from core.inversion.plain import SEMANTIC_STYLEGAN, PlainConfig, project
from core.inversion.target import Target
from core.latents import LatentSpace, read_latents
from core.sampling import latents_from_seeds
from core.weights import WeightStore
from studio.model_cache import ModelCache
from studio.workflows.inverting import (
    LPIPS,
    MEAN,
    OURS,
    SEMANTIC,
    Inverter,
    InvertRequest,
    invert_to_folder,
)
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


def test_settings_of_the_authors_search_as_theirs_do(tmp_path, monkeypatch):
    """Against a loop of its own: Adam, its rate, and what is summed."""
    monkeypatch.setattr(optimisation, "computes_in_bf16", lambda _: False)
    store = WeightStore(tmp_path)
    store.add(GOLDEN.parent / "semantic_stylegan" / "celeba_32.pt", "semantic")
    inverter = Inverter(ModelCache(store, "cpu"), "semantic")
    generator, steps = inverter.generator, 40
    latents = latents_from_seeds(generator, [5], psi=1.0, noise=Noise())
    target = Target(inverter.picture(latents.ws[0]))
    config = replace(SEMANTIC_STYLEGAN, steps=steps)
    found = list(inverter.refine(target, latents.ws[0], config))
    drawer, distance = Drawer(generator), inverter.perceptual.to(target, 32)
    start = torch.from_numpy(inverter.mean_face())
    ws, losses, tried = start.clone().requires_grad_(), [], []
    adam = torch.optim.Adam([ws])
    for step in range(steps):
        image = drawer.draw(ws[None])
        away = torch.nn.functional.mse_loss(image, target.image(32))
        loss = distance(image) + 0.1 * away + torch.nn.functional.mse_loss(ws, start)
        losses.append(loss.item())
        tried.append(ws.detach().clone().numpy())
        rising, falling = min(1, step / (0.05 * steps)), min(1, (steps - step) / (0.25 * steps))
        adam.param_groups[0]["lr"] = 0.1 * rising * (1 - math.cos(math.pi * falling)) / 2
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert len(found) == steps and found[-1].loss < 0.9 * found[0].loss
    expected = np.minimum.accumulate(losses).tolist()
    assert [best.loss for best in found] == pytest.approx(expected, rel=1e-3)
    assert found[-1].ws == pytest.approx(tried[int(np.argmin(losses))], abs=1e-2)
    assert (SEMANTIC_STYLEGAN.steps, found[-1].total) == (400, steps)


def test_settings_of_the_authors_take_lpips_in_place_of_ours(inverter, target):
    torch.manual_seed(0)
    net = LpipsNet(((4, 1), (4, 1))).requires_grad_(False)
    for weight in net.linear:
        weight.fill_(1.0)
    distance = Lpips(net)
    asked = (inverter.generator, target, inverter.prior, distance)
    found = list(project(*asked, replace(SEMANTIC_STYLEGAN, steps=30)))
    away = torch.nn.functional.mse_loss(
        Drawer(inverter.generator).draw(torch.from_numpy(inverter.mean_face())[None]),
        target.image(32),
    )
    seen = distance.to(target, 32)(found[0].image).item()
    assert found[0].loss == pytest.approx(seen + 0.1 * away.item(), rel=1e-3)
    assert found[-1].loss < 0.9 * found[0].loss


def test_what_a_request_searches_by():
    photos, files = (Path("me.jpg"),), (Path("vgg16.pth"), Path("vgg.pth"))
    assert InvertRequest(photos).distances == (OURS,)
    assert InvertRequest(photos, lpips=files).distances == (OURS, LPIPS)
    assert InvertRequest(photos, settings=SEMANTIC, lpips=files).distances == (LPIPS,)
    assert InvertRequest(photos, settings=SEMANTIC).search() == SEMANTIC_STYLEGAN
    assert InvertRequest(photos, steps=0).search() is None
    with pytest.raises(InvalidRequestError, match="at least 1 step, got 0"):
        InvertRequest(photos, steps=0, settings=SEMANTIC).search()


def test_wrong_files_of_lpips_are_named_before_anything_is_made(small_models, tmp_path):
    (tmp_path / "vgg16.pth").write_bytes(b"no weights")
    request = InvertRequest(
        (tmp_path / "me.jpg",), generator="small", lpips=(tmp_path / "vgg16.pth",) * 2
    )
    with pytest.raises(WeightsError, match=r"vgg16.pth is truncated or damaged"):
        invert_to_folder(request, tmp_path / "out", small_models)
    assert not (tmp_path / "out").exists()


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
