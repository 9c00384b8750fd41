"""MobileStyleGAN's network: wavelets, layers, features, noise and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import InvalidRequestError
from core.generators import Noise
from core.generators.generator import truncate
from core.generators.mobile_stylegan import (
    MobileStyleGANConfig,
    build_mobile_stylegan,
    inverse_haar,
)
from core.images import downsample

CONFIG = MobileStyleGANConfig(resolution=64, w_dim=16, mapping_layers=2, channels=(16, 16, 8, 8))


@pytest.fixture
def generator():
    torch.manual_seed(0)
    network = build_mobile_stylegan(CONFIG)
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.1)
    return network


@pytest.fixture
def ws(generator):
    return torch.randn(2, generator.num_ws, 16, generator=torch.Generator().manual_seed(1))


def test_the_inverse_wavelet_transform_gives_the_four_pixels_of_its_definition():
    low, lh, hl, hh = 1.0, 0.5, 0.25, 0.125
    x = torch.tensor([low, lh, hl, hh]).reshape(1, 4, 1, 1)
    expected = 0.5 * torch.tensor(
        [[low + lh + hl + hh, low + lh - hl - hh], [low - lh + hl - hh, low - lh - hl + hh]]
    )
    assert torch.equal(inverse_haar(x)[0, 0], expected)


def test_the_inverse_wavelet_transform_keeps_channels_apart_and_energy_the_same():
    x = torch.randn(2, 12, 3, 5, generator=torch.Generator().manual_seed(0))
    alone = inverse_haar(x[:, 1::3])
    assert torch.equal(inverse_haar(x)[:, 1:2], alone)
    assert inverse_haar(x).square().sum() == pytest.approx(x.square().sum().item(), rel=1e-5)


def test_layers_are_one_for_the_first_two_a_block_and_one_for_the_image(generator):
    synthesis = generator.synthesis
    assert synthesis.layer_resolutions == (4, 8, 8, 16, 16, 32, 32, 64)
    assert synthesis.noise_resolutions == (4, 8, 8, 16, 16, 32, 32)
    assert synthesis.feature_channels == {4: 16, 8: 16, 16: 8, 32: 8}


def test_feature_maps_have_the_announced_shapes_and_do_not_change_the_image(generator, ws):
    sizes = tuple(generator.synthesis.feature_channels)
    made = generator.synthesis(ws, features=sizes)
    assert torch.equal(made.image, generator.synthesis(ws).image)
    shapes = {size: tuple(made.features[size].shape) for size in sizes}
    assert shapes == {s: (2, c, s, s) for s, c in generator.synthesis.feature_channels.items()}


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_a_pass_without_the_image_stops_early_with_the_same_features(generator, ws, size):
    whole = generator.synthesis(ws, features=(size,))
    early = generator.synthesis(ws, features=(size,), with_image=False)
    assert early.image is None
    assert torch.equal(early.features[size], whole.features[size])


def test_every_parameter_of_synthesis_and_mapping_gets_a_gradient(generator):
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(2))
    noise = Noise("fixed", 1).images(generator.synthesis, 2)
    generator(z, noise=noise).square().mean().backward()
    without = [n for n, p in generator.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_each_layer_of_ws_changes_the_image(generator, ws):
    image = generator.synthesis(ws).image
    for layer in range(generator.num_ws):
        changed = ws.clone()
        changed[:, layer] += 1.0
        assert not torch.equal(generator.synthesis(changed).image, image), layer


def test_noise_is_off_by_default_and_fixed_noise_follows_its_seed(generator, ws):
    def image(mode):
        return generator.synthesis(ws, Noise.parse(mode).images(generator.synthesis, 2)).image

    assert torch.equal(image("off"), generator.synthesis(ws).image)
    assert torch.equal(image("fixed:3"), image("fixed:3"))
    assert not torch.equal(image("fixed:3"), image("fixed:4"))
    assert not torch.equal(image("random"), image("random"))


def test_a_batch_gives_the_same_images_as_its_faces_one_by_one(generator, ws):
    batch = generator.synthesis(ws).image
    singles = torch.cat([generator.synthesis(face[None]).image for face in ws])
    assert torch.allclose(batch, singles, atol=1e-6)


def test_ws_of_another_shape_are_refused_with_both_shapes(generator):
    with pytest.raises(
        InvalidRequestError, match=r"ws must have shape \[any, 8, 16\], has \[1, 7, 16\]"
    ):
        generator.synthesis(torch.zeros(1, 7, 16))


def test_the_mean_of_the_last_convolution_is_the_downsampled_image(generator, ws):
    made = generator.synthesis(ws, features=(32,))
    weight, bias = generator.synthesis.to_image.mean_mix()
    styled = made.features[32] * generator.synthesis.to_image.style(ws[:, -1])[:, :, None, None]
    half = torch.nn.functional.conv2d(styled, weight, bias)
    assert torch.allclose(half, downsample(made.image, 32), atol=1e-5)


def test_truncation_scales_the_offset_from_the_mean_and_stops_at_the_cutoff(ws):
    mean = torch.full((16,), 0.5)
    truncated = truncate(ws, mean, 0.25, cutoff=3)
    assert torch.allclose(truncated[:, :3] - mean, 0.25 * (ws[:, :3] - mean), atol=1e-6)
    assert torch.equal(truncated[:, 3:], ws[:, 3:])
    assert torch.equal(truncate(ws, mean, 0.0), mean.expand_as(ws))


def test_noise_modes_are_read_and_written_alike():
    for text in ("off", "fixed", "fixed:12", "random", "random:3", "baked"):
        assert str(Noise.parse(text)) == text
    with pytest.raises(InvalidRequestError, match="random:SEED or baked, is 'loud'"):
        Noise.parse("loud")


def test_the_mapping_runs_in_the_precision_of_its_input(generator):
    z = np.random.RandomState(0).randn(3, 16)
    exact = generator.mapping.double()(torch.from_numpy(z))
    assert exact.dtype == torch.float64
    rounded = generator.mapping.float()(torch.from_numpy(z).float())
    assert torch.allclose(exact.float(), rounded, atol=1e-5)
