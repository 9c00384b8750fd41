"""The default generator, rebuilt from the wheel, against what the wheel's own graphs gave."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.generators import Noise, Outputs, RenderPass, open_runtime
from core.generators.statistics import estimate_mean_w
from core.sampling import latents_from_seeds, ws_from_z
from core.seeds import draw_z

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(ROOT / "tests/golden/mobile_stylegan/wheel_outputs.npz")
SEEDS = list(range(16))


@pytest.fixture(scope="module")
def exact(generator):
    """Its pass in f32."""
    return _runtime(generator, "openvino")


def test_the_mapping_gives_the_w_of_the_wheel(generator):
    w = ws_from_z(generator, draw_z(SEEDS, 512), psi=1.0)[:, 0]
    assert np.abs(w - GOLDEN["w"]).max() < 1e-4


def test_synthesis_with_baked_noise_gives_the_pixels_of_the_wheel(generator):
    noise = Noise("baked").images(generator.synthesis, 1)
    worst = 0.0
    for w, pixels in zip(GOLDEN["w"][:4], GOLDEN["pixels"][:4], strict=True):
        ws = generator.broadcast(torch.from_numpy(w[None]))
        image = generator.synthesis(ws, noise).image[0, :, 5::32, 5::32]
        worst = max(worst, float(np.abs(image.numpy() - pixels).max()))
    assert worst < 1e-3


def test_openvino_and_torch_agree_within_a_grey_level(generator, exact):
    ws = latents_from_seeds(generator, [3, 4], psi=0.7, noise=Noise()).ws
    pictures = [
        [face["image"].astype(int) for face in runtime.stream(ws, Noise())]
        for runtime in (exact, _runtime(generator, "torch"))
    ]
    difference = np.abs(np.array(pictures[0]) - np.array(pictures[1]))
    assert np.mean(difference <= 1) >= 0.999


def test_lower_precision_stays_close_to_f32(generator, exact):
    fast = open_runtime(RenderPass(generator, Outputs()))
    if fast.facts.precision == "f32":
        pytest.skip("this processor computes in f32 only")
    ws = latents_from_seeds(generator, [0, 1], psi=0.7, noise=Noise()).ws
    for a, b in zip(fast.stream(ws, Noise()), exact.stream(ws, Noise()), strict=True):
        error = np.mean((a["image"].astype(float) - b["image"]) ** 2)
        assert 10 * np.log10(255**2 / error) > 44


def test_noise_disabled_changes_little_but_something(generator, exact):
    ws = latents_from_seeds(generator, [0], psi=0.7, noise=Noise()).ws[0]
    off = exact.render(ws)["image"].astype(int)
    baked = exact.render(ws, Noise("baked"))["image"]
    assert 0.5 < np.abs(off - baked).mean() < 8


def test_the_stored_mean_of_w_is_that_of_its_recorded_sample(generator):
    assert torch.equal(estimate_mean_w(generator.mapping), generator.mean_w)


def test_nothing_is_asked_of_any_host_while_sampling(generator, tmp_path):
    program = """
import socket, sys
def refuse(*arguments, **options):
    print("CONNECTED", arguments, file=sys.stderr)
    raise OSError("no network in this test")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.argv = ["launch.py", "sample", "--seeds", "0", "--size", "64", "--out", sys.argv[1]]
from studio.commands import main
main()
"""
    in_ci = ("CI", "TF_BUILD", "JENKINS_URL")  # where packages keep quiet that elsewhere report
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "faces")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in in_ci},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CONNECTED" not in done.stderr
    assert (tmp_path / "faces/images/0.png").is_file()


def _runtime(generator, engine):
    return open_runtime(RenderPass(generator, Outputs()), engine=engine, precision="f32")
