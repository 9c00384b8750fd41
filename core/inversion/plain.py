"""Inversion as the authors of generators do it: from the mean of w, by its plain coordinates, on
the whole picture at every step.

StyleGAN2's projector, to measure ours against [Karras et al. 2020, arXiv:1912.04958, appendix D],
and SemanticStyleGAN's [Shi et al. 2022, arXiv:2112.02236]; settings of the public
implementations. Their noise images are left out: latents alone must make the picture here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.directions import WDistribution
from core.errors import InvalidRequestError
from core.generators import Generator
from core.images import downsample
from core.inversion.optimisation import Drawer, Refined
from core.inversion.perceptual import Distance, weighted_mean
from core.inversion.target import Target

RATE = 0.1
RISE, FALL = 0.05, 0.25  # of the steps: while the rate rises, and falls
QUIET_AFTER = 0.75  # of the steps: then nothing is added to w
SIZE = 256  # px at which pictures are compared


@dataclass(frozen=True)
class PlainConfig:
    """Beside the distance of the pictures, what is looked for.

    per_layer: one w in each layer, else one for all. noise: added to w, in its standard
    deviations, ever less. pixels: times the mean square of the whole pictures' differences.
    pull: times that of w's offsets from its mean. Raises InvalidRequestError below 1 step.
    """

    steps: int = 1000
    per_layer: bool = False
    noise: float = 0.05
    pixels: float = 0.0
    pull: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InvalidRequestError(f"A projection needs at least 1 step, got {self.steps}.")


PROJECTOR = PlainConfig()
SEMANTIC_STYLEGAN = PlainConfig(steps=400, per_layer=True, noise=0.0, pixels=0.1, pull=1.0)


def project(
    generator: Generator,
    target: Target,
    prior: WDistribution,
    perceptual: Distance,
    config: PlainConfig = PROJECTOR,
) -> Iterator[Refined]:
    """The best so far after each step. Runs with the arithmetic that `optimise` takes."""
    chance = torch.Generator().manual_seed(config.seed)
    mean = generator.mean_w.to("cpu").float()
    w = mean.repeat(generator.num_ws if config.per_layer else 1, 1).requires_grad_()
    deviation = math.sqrt(float(prior.covariance.trace()))
    optimiser = torch.optim.Adam([w], lr=RATE, betas=(0.9, 0.999))
    size = min(SIZE, generator.resolution, target.size)
    drawer, distance = Drawer(generator), perceptual.to(target, size)
    pixels = _Pixels(target, min(generator.resolution, target.size)) if config.pixels else None
    began, best = time.monotonic(), None
    for step in range(config.steps):
        done = step / config.steps
        strength = deviation * config.noise * max(0.0, 1 - done / QUIET_AFTER) ** 2
        for group in optimiser.param_groups:
            group["lr"] = RATE * _pace(done)
        with torch.enable_grad():
            noisy = w + strength * torch.randn(w.shape, generator=chance)
            ws = noisy.expand(generator.num_ws, -1)
            image = drawer.draw(ws[None])
            loss: Tensor = distance(image) + config.pull * (ws - mean).square().mean()
            if pixels is not None:
                loss = loss + config.pixels * pixels(image)
            optimiser.zero_grad()
            loss.backward()
        if best is None or loss.item() < best[0]:
            best = loss.item(), ws.detach().clone().numpy(), image.detach()
        optimiser.step()
        seconds = time.monotonic() - began
        yield Refined(step + 1, config.steps, size, best[0], best[1], best[2], seconds)


class _Pixels:
    """Mean squared difference of images from a target seen at `size` px."""

    def __init__(self, target: Target, size: int) -> None:
        self._image, self._weight = target.image(size), target.weights(size)

    def __call__(self, image: Tensor) -> Tensor:
        apart = downsample(image, self._image.shape[-1]) - self._image
        return weighted_mean(apart.square(), self._weight)


def _pace(done: float) -> float:
    falling = min(1.0, (1 - done) / FALL)
    return (0.5 - 0.5 * math.cos(math.pi * falling)) * min(1.0, done / RISE)
