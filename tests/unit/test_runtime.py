"""Runtimes: every engine gives what the network gives, face by face and in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from core.errors import InvalidRequestError
from core.generators import Noise, Outputs, RenderPass, open_runtime
from core.generators.checkpoint import build_generator
from core.images import to_uint8
from tests.tiny_generator import tiny_generator

NETWORKS = {
    "tiny": lambda: tiny_generator(seed=0),
    "mobile_stylegan": lambda: build_generator(
        "mobile_stylegan",
        {"resolution": 32, "w_dim": 16, "mapping_layers": 2, "channels": (8, 8, 8)},
    ),
    "semantic_stylegan": lambda: build_generator(
        "semantic_stylegan",
        {"resolution": 32, "w_dim": 16, "mapping_layers": 2, "local_channels": 8}
        | {"coarse_channels": 16, "coarse_resolution": 16, "first_resolution": 4}
        | {"channel_base": 256, "parts": 3, "transparent": (2,)}
        | {"base_layers": 1, "depth_layers": 2, "local_layers": 4},
    ),
    "stylegan2": lambda: build_generator(
        "stylegan2", {"resolution": 32, "z_dim": 16, "w_dim": 16, "channel_base": 256}
    ),
}


@pytest.fixture(params=NETWORKS)
def generator(request):
    torch.manual_seed(0)
    return NETWORKS[request.param]().eval().requires_grad_(False)


def latents_of(generator, count):
    shape = (count, generator.num_ws, generator.synthesis.w_dim)
    return np.random.RandomState(0).randn(*shape).astype(np.float32)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
@pytest.mark.parametrize("noise", ["off", "fixed:5"])
def test_a_runtime_renders_what_the_network_renders(generator, engine, noise):
    ws, mode = latents_of(generator, 3), Noise.parse(noise)
    runtime = open_runtime(RenderPass(generator, Outputs()), engine=engine, precision="f32")
    rendered = np.stack([face["image"] for face in runtime.stream(ws, mode)])
    images = mode.images(generator.synthesis, 3)
    expected = to_uint8(generator.synthesis(torch.from_numpy(ws), images).image).numpy()
    assert rendered.dtype == np.uint8
    assert np.abs(rendered.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_a_face_has_the_same_bits_alone_and_among_others(generator, engine):
    ws = latents_of(generator, 5)
    runtime = open_runtime(RenderPass(generator, Outputs()), engine=engine)
    among = [face["image"] for face in runtime.stream(ws, Noise())]
    alone = [runtime.render(face)["image"] for face in ws]
    assert all(np.array_equal(a, b) for a, b in zip(among, alone, strict=True))


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_a_runtime_for_many_faces_makes_the_same_bits_in_the_same_order(generator, engine):
    ws = latents_of(generator, 7)
    one, many = (
        open_runtime(RenderPass(generator, Outputs()), engine=engine, for_many=for_many)
        for for_many in (False, True)
    )
    expected = [face["image"] for face in one.stream(ws, Noise("fixed", 5))]
    made = [face["image"] for face in many.stream(ws, Noise("fixed", 5))]
    assert len(made) == 7
    assert all(np.array_equal(a, b) for a, b in zip(made, expected, strict=True))


def test_features_and_smaller_images_come_from_the_same_pass(generator):
    ws = latents_of(generator, 1)[0]
    outputs = Outputs(image_size=8, features=(4, 16))
    rendered = open_runtime(RenderPass(generator, outputs), precision="f32").render(ws)
    made = generator.synthesis(torch.from_numpy(ws[None]), features=(4, 16))
    assert rendered["image"].shape == (8, 8, 3)
    for size in (4, 16):
        expected = made.features[size][0].numpy()
        np.testing.assert_allclose(rendered[f"features_{size}"], expected, atol=1e-4)


def test_a_consumer_may_stop_early_and_ask_again(generator):
    ws = latents_of(generator, 6)
    runtime = open_runtime(RenderPass(generator, Outputs()))
    stream = runtime.stream(ws, Noise())
    first = next(stream)["image"]
    stream.close()
    assert np.array_equal(runtime.render(ws[0])["image"], first)


def test_random_noise_differs_from_face_to_face():
    torch.manual_seed(0)
    generator = NETWORKS["tiny"]().eval()
    ws = np.repeat(latents_of(generator, 1), 2, axis=0)
    runtime = open_runtime(RenderPass(generator, Outputs(features=(32,))), precision="f32")
    a, b = (face["features_32"] for face in runtime.stream(ws, Noise("random")))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_seeded_random_noise_comes_back_and_differs_from_face_to_face(engine):
    generator = NETWORKS["tiny"]().eval()
    ws = np.repeat(latents_of(generator, 1), 2, axis=0)
    runtime = open_runtime(RenderPass(generator, Outputs(features=(32,))), engine=engine)
    first, again = (
        [face["features_32"] for face in runtime.stream(ws, Noise("random", 7))] for _ in range(2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (Outputs(image_size=33), "Images of 33 px cannot be made"),
        (Outputs(image_size=64), "Images of 64 px cannot be made"),
        (Outputs(image_size=0), "Images of 0 px cannot be made"),
        (Outputs(features=(5,)), r"No feature maps of \[5\] px"),
        (Outputs(previews=(16,)), r"no preview of \[16\] px"),
        (Outputs(image=False), "Ask for the image, a preview or a feature map"),
    ],
)
def test_outputs_that_a_generator_does_not_have_are_refused(outputs, message):
    with pytest.raises(InvalidRequestError, match=message):
        RenderPass(tiny_generator(seed=0), outputs)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"device": "tpu"}, "'tpu' must be one of auto, cpu, cuda"),
        ({"precision": "f8"}, "'f8' must be one of"),
        ({"precision": "f16", "device": "cpu"}, "OpenVINO runs f32 or bf16"),
        (
            {"precision": "f16", "device": "cpu", "engine": "torch"},
            "PyTorch on cpu does not run f16",
        ),
    ],
)
def test_what_this_machine_cannot_do_is_refused(choice, message):
    with pytest.raises(InvalidRequestError, match=message):
        open_runtime(RenderPass(tiny_generator(seed=0), Outputs()), **choice)


def test_passes_are_compiled_in_several_threads_at_once():
    generator = NETWORKS["stylegan2"]().eval().requires_grad_(False)
    ws = latents_of(generator, 1)[0]
    sizes = [4, 8, 16, 32] * 2

    def widths(size):
        made = open_runtime(RenderPass(generator, Outputs(features=(size,)))).render(ws)
        return made[f"features_{size}"].shape[-1]

    with ThreadPoolExecutor(len(sizes)) as pool:
        assert list(pool.map(widths, sizes)) == sizes


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_asking_for_cuda_without_one_says_what_to_do():
    with pytest.raises(InvalidRequestError, match="Use --device cpu, or install a CUDA build"):
        open_runtime(RenderPass(tiny_generator(seed=0), Outputs()), device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_in_half_precision_agrees_with_the_cpu():
    generator = NETWORKS["stylegan2"]().eval()
    ws = latents_of(generator, 11)
    on_gpu = open_runtime(RenderPass(generator, Outputs()), device="cuda")
    on_cpu = open_runtime(RenderPass(generator, Outputs()), device="cpu", precision="f32")
    for a, b in zip(on_gpu.stream(ws, Noise()), on_cpu.stream(ws, Noise()), strict=True):
        assert np.abs(a["image"].astype(int) - b["image"]).mean() < 2
