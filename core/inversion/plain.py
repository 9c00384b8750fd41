"""Inversion as StyleGAN2's projector does it, to measure ours against.

From the mean of w, by plain coordinates of w, on the whole picture reduced to 256 px at every step
[Karras et al. 2020, arXiv:1912.04958, appendix D; settings of the public implementation]. Its noise
images are left out: latents alone must make the picture here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from core.directions import WDistribution
from core.errors import InvalidRequestError
from core.generators import Generator
from core.inversion.optimisation import Drawer, Refined
from core.inversion.perceptual import Perceptual
from core.inversion.target import Target

STEPS, RATE = 1000, 0.1
RISE, FALL = 0.05, 0.25  # of the steps: while the rate rises, and falls
NOISE, QUIET_AFTER = 0.05, 0.75  # on w, in its standard deviations; part of the steps
SIZE = 256  # px at which pictures are compared


def project(
    generator: Generator,
    target: Target,
    prior: WDistribution,
    perceptual: Perceptual,
    *,
    steps: int = STEPS,
    per_layer: bool = False,
    seed: int = 0,
) -> Iterator[Refined]:
    """Search for one w, or with per_layer for one in each layer; the best so far after each step.

    Runs with the arithmetic that `optimise` takes. Raises InvalidRequestError for fewer than 1
    step.
    """
    if steps < 1:
        raise InvalidRequestError(f"A projection needs at least 1 step, got {steps}.")
    chance = torch.Generator().manual_seed(seed)
    mean = generator.mean_w.to("cpu").float()
    rows = generator.num_ws if per_layer else 1
    w = mean.repeat(rows, 1).requires_grad_()  # [1 or L, D]
    deviation = math.sqrt(float(prior.covariance.trace()))
    optimiser = torch.optim.Adam([w], lr=RATE, betas=(0.9, 0.999))
    size = min(SIZE, generator.resolution)
    drawer, distance = Drawer(generator), perceptual.to(target, size)
    began, best = time.monotonic(), None
    for step in range(steps):
        done = step / steps
        strength = deviation * NOISE * max(0.0, 1 - done / QUIET_AFTER) ** 2
        for group in optimiser.param_groups:
            group["lr"] = RATE * _pace(done)
        with torch.enable_grad():
            noisy = w + strength * torch.randn(w.shape, generator=chance)
            ws = noisy.expand(generator.num_ws, -1)
            image = drawer.draw(ws[None])
            loss: Tensor = distance(image)
            optimiser.zero_grad()
            loss.backward()
        if best is None or loss.item() < best[0]:
            best = loss.item(), ws.detach().clone().numpy(), image.detach()
        optimiser.step()
        seconds = time.monotonic() - began
        yield Refined(step + 1, steps, size, best[0], best[1], best[2], seconds)


def _pace(done: float) -> float:
    falling = min(1.0, (1 - done) / FALL)
    return (0.5 - 0.5 * math.cos(math.pi * falling)) * min(1.0, done / RISE)
