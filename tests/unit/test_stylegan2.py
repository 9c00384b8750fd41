"""Our StyleGAN2 against the outputs its reference implementations recorded, and its contract."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from core.errors import InvalidRequestError
from core.generators.checkpoint import load_exactly
from core.generators.foreign import read_foreign
from core.generators.generator import Generator, truncate
from core.generators.stylegan2 import (
    RESOLUTIONS,
    StyleGAN2Config,
    StyleGAN2Synthesis,
    build_stylegan2,
)
from core.generators.stylegan2_layers import Convolution, Doubling

GOLDEN = Path(__file__).parents[1] / "golden" / "stylegan2"
CASES = sorted(path for path in GOLDEN.iterdir() if path.suffix in (".pt", ".pkl"))
NAMES = [path.stem for path in CASES]
TOLERANCE = 3e-5  # measured: 9e-6, on images of standard deviation 1 to 2
SMALL = StyleGAN2Config(resolution=32, z_dim=16, w_dim=16, channel_base=256, channel_max=16)


@cache
def golden(path: Path) -> tuple[Generator, dict[str, Tensor]]:
    """The reference's network as ours, and what the reference made of its inputs."""
    _, config, tensors = read_foreign(path)
    generator = build_stylegan2(config)
    load_exactly(generator, tensors, path.name)
    recorded = np.load(path.with_suffix(".npz"))
    values = {name: torch.from_numpy(recorded[name]) for name in recorded.files}
    return generator.eval().requires_grad_(False), values


def small(config: StyleGAN2Config = SMALL, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    generator = build_stylegan2(config)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.normal_(parameter, std=0.3)
    return generator


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_mapping_agrees_with_the_reference(path: Path) -> None:
    generator, recorded = golden(path)
    w = generator.mapping(recorded["z"], recorded.get("c"))
    torch.testing.assert_close(w, recorded["w"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(generator.mean_w, recorded["mean_w"], atol=0, rtol=0)


@pytest.mark.parametrize("path", CASES, ids=NAMES)
@pytest.mark.parametrize("kind", ["off", "baked"])
def test_images_agree_with_the_reference(path: Path, kind: str) -> None:
    generator, recorded = golden(path)
    noise = generator.synthesis.baked_noise() if kind == "baked" else None
    image = generator(recorded["z"], recorded.get("c"), noise=noise)
    torch.testing.assert_close(image, recorded[f"image_{kind}"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("path", CASES, ids=NAMES)
def test_truncated_and_mixed_images_agree_with_the_reference(path: Path) -> None:
    generator, recorded = golden(path)
    cutoff = int(recorded["cutoff"]) if recorded["cutoff"] >= 0 else None
    ws = generator.broadcast(recorded["w"])
    pulled = truncate(ws, generator.mean_w, float(recorded["psi"]), cutoff)
    truncated = generator.synthesis(pulled).image
    mixed = generator.synthesis(recorded["ws_mixed"]).image
    torch.testing.assert_close(truncated, recorded["image_truncated"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(mixed, recorded["image_mixed"], atol=TOLERANCE, rtol=0)


def test_noise_of_the_references_matters() -> None:
    """Guards the parity tests: noise strengths of zero would make them say nothing."""
    for path in CASES:
        recorded = golden(path)[1]
        assert (recorded["image_off"] - recorded["image_baked"]).std() > 0.1


@pytest.mark.parametrize("doubles", [False, True])
def test_convolution_equals_demodulating_the_weights_of_each_image(doubles: bool) -> None:
    torch.manual_seed(1)
    layer = Convolution(16, 16, 16, doubling=Doubling((1, 3, 3, 1)) if doubles else None)
    x, w = torch.randn(3, 16, 8, 8), torch.randn(3, 16)
    expected = []
    for one, style in zip(x, layer.style(w), strict=True):
        weight = layer.weight * style[:, None, None]
        weight = weight / weight.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        if layer.doubling is None:
            made = F.conv2d(one[None], weight, padding=1)
        else:
            made = layer.doubling(F.conv_transpose2d(one[None], weight.transpose(0, 1), stride=2))
        expected.append(F.leaky_relu(made, 0.2) * 2**0.5)
    torch.testing.assert_close(layer(x, w, None), torch.cat(expected), atol=TOLERANCE, rtol=0)


def test_every_parameter_gets_a_gradient() -> None:
    config = StyleGAN2Config(16, 8, 3, 8, 2, channel_base=64, channel_max=8, conv_clamp=256)
    generator = small(config)
    noise = generator.synthesis.baked_noise()
    image = generator(torch.randn(3, 8), torch.eye(3), psi=0.7, noise=noise)
    image.square().mean().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_layers_noise_and_features_follow_the_resolution(resolution: int) -> None:
    with torch.device("meta"):
        synthesis = build_stylegan2(StyleGAN2Config(resolution)).synthesis
    assert synthesis.num_ws == 2 * resolution.bit_length() - 4
    assert len(synthesis.layer_resolutions) == synthesis.num_ws
    assert synthesis.noise_resolutions == synthesis.layer_resolutions[:-1]
    assert max(synthesis.feature_channels) == resolution


def test_layers_of_1024_px_are_the_published_eighteen() -> None:
    with torch.device("meta"):
        synthesis = build_stylegan2(StyleGAN2Config()).synthesis
    sizes = [4, *(size for size in RESOLUTIONS for _ in range(2)), 1024]
    assert synthesis.layer_resolutions == tuple(sizes) and len(sizes) == 18


@pytest.mark.parametrize(("base", "channels"), [(32768, (512, 256, 32)), (16384, (256, 128, 16))])
def test_channels_follow_the_multiplier(base: int, channels: tuple[int, ...]) -> None:
    config = StyleGAN2Config(channel_base=base)
    assert tuple(config.channels(size) for size in (64, 128, 1024)) == channels
    assert config.channels(4) == config.channels(32) == 512


def test_feature_maps_come_with_the_image_or_alone() -> None:
    generator = small()
    ws, noise = torch.randn(2, 8, 16), generator.synthesis.baked_noise()
    full = generator.synthesis(ws, noise, features=(4, 16, 32))
    alone = generator.synthesis(ws, noise, features=[16], with_image=False)
    assert alone.image is None and list(alone.features) == [16]
    assert torch.equal(alone.features[16], full.features[16])
    shapes = {size: tuple(value.shape) for size, value in full.features.items()}
    assert shapes == {4: (2, 16, 4, 4), 16: (2, 16, 16, 16), 32: (2, 8, 32, 32)}


def test_features_alone_stop_at_the_largest_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = small()
    assert isinstance(generator.synthesis, StyleGAN2Synthesis)

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("worked beyond what was asked for")

    monkeypatch.setattr(generator.synthesis.blocks["32"].conv, "forward", refuse)
    monkeypatch.setattr(generator.synthesis.blocks["8"].rgb, "forward", refuse)
    found = generator.synthesis(torch.randn(1, 8, 16), features=(8, 16), with_image=False)
    assert set(found.features) == {8, 16}


def test_batch_equals_singles() -> None:
    generator = small()
    z, noise = torch.randn(4, 16), generator.synthesis.baked_noise()
    batch = generator(z, noise=noise)
    singles = torch.cat([generator(one[None], noise=noise) for one in z])
    torch.testing.assert_close(batch, singles, atol=5e-5, rtol=0)


def test_mapping_runs_in_float64_and_stays_close() -> None:
    generator, recorded = golden(CASES[0])
    w = generator.mapping(recorded["z"].double(), recorded.get("c"))
    assert w.dtype == torch.float64
    torch.testing.assert_close(w.float(), recorded["w"], atol=1e-4, rtol=1e-4)


def test_baked_noise_is_none_where_the_checkpoint_has_none() -> None:
    plain = StyleGAN2Config(8, 8, 0, 8, 1, channel_base=64, channel_max=8, has_baked_noise=False)
    generator = build_stylegan2(plain)
    assert generator.synthesis.baked_noise() is None
    assert not any("baked" in name for name in generator.state_dict())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_traced_synthesis_agrees_for_another_batch_size() -> None:
    class Image(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.synthesis = small().synthesis.requires_grad_(False)

        def forward(self, ws: Tensor) -> Tensor:
            image = self.synthesis(ws).image
            assert isinstance(image, Tensor)
            return image

    image, ws = Image(), torch.randn(3, 8, 16)
    traced = torch.jit.trace(image, ws[:1])  # type: ignore[no-untyped-call]
    torch.testing.assert_close(traced(ws), image(ws), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("resolution", [4, 100, 2048])
def test_resolutions_that_are_not_built_are_refused(resolution: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"one of 8, 16.*1024, is {resolution}"):
        StyleGAN2Config(resolution)


def test_upsampling_filters_of_odd_length_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="2, 4, 6 or 8 taps, has 3"):
        StyleGAN2Config(resample_kernel=(1, 2, 1))


def test_classes_are_asked_for_and_refused_where_there_are_none() -> None:
    conditional = small(StyleGAN2Config(8, 8, 3, 8, 1, channel_base=64, channel_max=8))
    with pytest.raises(InvalidRequestError, match=r"conditional on 3 classes: give c.*\[2, 3\]"):
        conditional.mapping(torch.randn(2, 8))
    with pytest.raises(InvalidRequestError, match=r"c must have shape \[2, 3\], has \[1, 3\]"):
        conditional.mapping(torch.randn(2, 8), torch.eye(3)[:1])
    with pytest.raises(InvalidRequestError, match="has no classes"):
        small().mapping(torch.randn(2, 16), torch.eye(3)[:2])


def test_requests_the_synthesis_cannot_meet_are_refused() -> None:
    synthesis = small().synthesis
    with pytest.raises(InvalidRequestError, match=r"ws must have shape \[any, 8, 16\]"):
        synthesis(torch.randn(1, 7, 16))
    with pytest.raises(InvalidRequestError, match=r"takes 7 noise images.*got 1"):
        synthesis(torch.randn(1, 8, 16), [torch.randn(1, 1, 4, 4)])
    with pytest.raises(InvalidRequestError, match=r"no feature map at \[64\] px, only 4, 8"):
        synthesis(torch.randn(1, 8, 16), features=(64,))
