"""Seeds to latents: the same seed gives the same bits in any company."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core.errors import InvalidRequestError
from core.generators.generator import Generator
from core.generators.noise import Noise
from core.sampling import latents_from_seeds, ws_from_z
from core.seeds import draw_z
from tests.tiny_generator import tiny_generator


@pytest.fixture(scope="module")
def tiny() -> Generator:
    return tiny_generator()


def test_a_seed_gives_the_same_bits_alone_and_among_others(tiny: Generator) -> None:
    seeds = list(range(300, 0, -1))
    among = latents_from_seeds(tiny, seeds, psi=0.7, noise=Noise())
    for place in (0, 1, 128, 255, 256, 299):
        alone = latents_from_seeds(tiny, seeds[place : place + 1], psi=0.7, noise=Noise())
        assert np.array_equal(alone.ws[0], among.ws[place])


def test_latents_say_how_they_were_made(tiny: Generator) -> None:
    latents = latents_from_seeds(tiny, [5, 3], psi=0.5, noise=Noise("fixed", 9))
    assert latents.seeds.tolist() == [5, 3] and latents.psi == 0.5
    assert latents.noise == "fixed:9" and latents.generator == "tiny"
    assert latents.generator_sha256 == tiny.identity.sha256


def test_ws_are_those_of_the_generator_itself(tiny: Generator) -> None:
    z = draw_z([1, 2], 16)
    w = tiny.mapping(torch.from_numpy(z).float())
    expected = tiny.broadcast(tiny.mean_w + 0.7 * (w - tiny.mean_w)).numpy()
    assert np.allclose(ws_from_z(tiny, z, psi=0.7), expected, atol=1e-6)


def test_psi_pulls_only_the_layers_before_the_cutoff(tiny: Generator) -> None:
    z = draw_z([4], 16)
    whole, cut = ws_from_z(tiny, z, psi=1.0), ws_from_z(tiny, z, psi=0.0, cutoff=3)
    assert np.allclose(cut[0, :3], tiny.mean_w.numpy())
    assert np.array_equal(cut[0, 3], whole[0, 3])


def test_sampling_leaves_the_generator_as_it_was(tiny: Generator) -> None:
    latents_from_seeds(tiny, [0], psi=1.0, noise=Noise())
    assert {tensor.dtype for tensor in tiny.state_dict().values()} == {torch.float32}


def test_a_class_changes_the_face_of_a_conditional_generator() -> None:
    conditional, z = tiny_generator(c_dim=3), draw_z([0], 16)
    first, last = (ws_from_z(conditional, z, psi=1.0, class_index=index) for index in (0, 2))
    assert not np.allclose(first, last)


@pytest.mark.parametrize("class_index", [None, -1, 3])
def test_a_conditional_generator_needs_one_of_its_classes(class_index: int | None) -> None:
    with pytest.raises(InvalidRequestError, match=rf"needs a class in 0\.\.2, got {class_index}"):
        ws_from_z(tiny_generator(c_dim=3), draw_z([0], 16), psi=1.0, class_index=class_index)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"psi": 2.1}, r"psi must be in -2\.\.2, is 2\.1"),
        ({"psi": float("nan")}, r"psi must be in -2\.\.2, is nan"),
        ({"cutoff": 5}, r"cutoff must be in 0\.\.4, .* is 5"),
        ({"class_index": 0}, "'tiny' has no classes, but class 0"),
        ({"seeds": []}, "No seeds were given"),
        ({"seeds": [-1]}, "Seeds must be in .* one is -1"),
    ],
)
def test_requests_that_cannot_be_are_refused(
    tiny: Generator, request_: dict[str, Any], message: str
) -> None:
    arguments: dict[str, Any] = {"seeds": [0], "psi": 1.0, "noise": Noise()} | request_
    with pytest.raises(InvalidRequestError, match=message):
        latents_from_seeds(tiny, **arguments)


def test_z_of_another_width_or_beyond_memory_is_refused(tiny: Generator) -> None:
    with pytest.raises(InvalidRequestError, match=r"z must have shape \[any, 16\], has \[1, 5\]"):
        ws_from_z(tiny, np.zeros((1, 5)), psi=1.0)
    endless = np.broadcast_to(np.zeros((1, 16)), (2**25, 16))
    with pytest.raises(InvalidRequestError, match="33554432 faces of 4 x 16 exceed 4294967296"):
        ws_from_z(tiny, endless, psi=1.0)
