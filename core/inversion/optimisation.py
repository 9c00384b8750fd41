"""A latent that looks like a photo, found step by step through the generator.

As StyleGAN2's projector does [Karras et al. 2020, arXiv:1912.04958, appendix D], but in w+, in
coordinates in which every step is one of the distribution of w, on cheap previews first.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.directions.distribution import WDistribution, checked_covariance, whitening
from core.errors import InvalidRequestError
from core.generators import Generator, Readouts
from core.images import to_uint8
from core.inversion.pacing import pace
from core.inversion.perceptual import Distance
from core.inversion.precision import computes_in_bf16
from core.inversion.target import Target


@dataclass(frozen=True)
class Stage:
    """Steps at one size. size: px of the preview that is looked at; 0: the whole picture."""

    size: int
    steps: int
    rate: float  # largest step of a coordinate, in standard deviations of w


@dataclass(frozen=True)
class OptimisationConfig:
    """pull: towards the distribution of w. spread: of the layers' w's around their mean."""

    stages: tuple[Stage, ...] = (Stage(128, 90, 0.08), Stage(256, 16, 0.04), Stage(0, 6, 0.03))
    warm_up: int = 8  # steps of each stage, but at most a tenth of them
    pull: float = 0.3
    spread: float = 5.0
    is_f32: bool = False  # else bf16 where the processor computes in it

    def __post_init__(self) -> None:
        if not any(stage.steps for stage in self.stages):
            raise InvalidRequestError("An optimisation needs at least one step.")

    def with_steps(self, total: int) -> OptimisationConfig:
        """The same with `total` steps, shared out to the stages as they are now."""
        whole = sum(stage.steps for stage in self.stages)
        ends = np.cumsum([stage.steps for stage in self.stages]) * total / whole
        steps = np.diff(np.round(ends).astype(int), prepend=0)
        pairs = zip(self.stages, steps, strict=True)
        return replace(self, stages=tuple(replace(stage, steps=int(n)) for stage, n in pairs))


@dataclass(frozen=True, eq=False)
class Refined:
    """The best so far, after `step` of `total` steps.

    ws: float32 [L, D]. loss: how different it looks at `size` px, which only compares with
    others of that size. image: [1, 3, size, size] in about [-1, 1]. seconds: since the start.
    """

    step: int
    total: int
    size: int
    loss: float
    ws: NDArray[np.float32]
    image: Tensor
    seconds: float

    @property
    def picture(self) -> NDArray[np.uint8]:
        """uint8 [size, size, 3]."""
        return to_uint8(self.image)[0].numpy()


class Coordinates:
    """w+ as offsets from the mean of w along its principal axes, in standard deviations: of all
    layers together, `shared` [D], and of each layer, `own` [L, D].
    """

    def __init__(self, prior: WDistribution, start: NDArray[np.float32]) -> None:
        covariance = checked_covariance(prior.covariance, start.shape[1])
        deviations, basis = whitening(covariance)
        self._mean = torch.from_numpy(np.asarray(prior.mean, np.float32))
        self._axes = torch.from_numpy(np.asarray((basis * deviations).T, np.float32))  # rows
        back = np.asarray(basis / deviations, np.float64)
        offsets = (start - prior.mean) @ back  # [L, D]
        self.shared = torch.from_numpy(offsets.mean(0).astype(np.float32)).requires_grad_()
        self.own = torch.from_numpy((offsets - offsets.mean(0)).astype(np.float32)).requires_grad_()

    def ws(self) -> Tensor:
        """[1, L, D]."""
        return (self._mean + (self.shared + self.own) @ self._axes)[None]

    def remoteness(self) -> Tensor:
        """Squared Mahalanobis distance per dimension, mean of the layers: 1 for random faces."""
        return (self.shared + self.own).square().mean()

    def spread(self) -> Tensor:
        return (self.own - self.own.mean(0)).square().mean()


def optimise(
    generator: Generator,
    readouts: Readouts | None,
    target: Target,
    start_ws: NDArray[np.float32],
    prior: WDistribution,
    perceptual: Distance,
    config: OptimisationConfig | None = None,
) -> Iterator[Refined]:
    """From start_ws float32 [L, D] to ws that look like the target; yields after every step.

    Stages at sizes that the readouts do not offer are run on the whole picture. Stop by not going
    on; the last that came is the best so far. Raises InvalidRequestError for other shapes.
    """
    config = config or OptimisationConfig()
    shape = (generator.num_ws, generator.synthesis.w_dim)
    if start_ws.shape != shape:
        raise InvalidRequestError(
            f"The start must be one w for each layer, {list(shape)}, is {list(start_ws.shape)}."
        )
    total = sum(stage.steps for stage in config.stages)
    place, done, began = Coordinates(prior, start_ws), 0, time.monotonic()
    drawer = Drawer(generator, readouts, is_f32=config.is_f32)
    for stage in config.stages:
        for found in _stage(drawer, place, target, perceptual, stage, config):
            done += 1
            size = found.image.shape[-1]
            seconds = time.monotonic() - began
            yield Refined(done, total, size, found.loss, found.ws, found.image, seconds)


@dataclass(frozen=True, eq=False)
class _Best:
    loss: float
    objective: float
    ws: NDArray[np.float32]
    image: Tensor
    at: tuple[Tensor, Tensor]


def _stage(
    drawer: Drawer,
    place: Coordinates,
    target: Target,
    perceptual: Distance,
    stage: Stage,
    config: OptimisationConfig,
) -> Iterator[_Best]:
    """Leaves the coordinates at the best of them."""
    optimiser = torch.optim.Adam([place.shared, place.own], lr=stage.rate, betas=(0.9, 0.99))
    distance, best = None, None
    for step in range(stage.steps):
        for group in optimiser.param_groups:
            group["lr"] = stage.rate * pace(step, stage.steps, config.warm_up)
        with torch.enable_grad():
            ws = place.ws()
            image = drawer.draw(ws, stage.size)
            distance = distance or perceptual.to(target, image.shape[-1])
            loss = distance(image)
            objective = loss + config.pull * place.remoteness() + config.spread * place.spread()
            optimiser.zero_grad()
            objective.backward()
        if best is None or objective.item() < best.objective:
            at = place.shared.detach().clone(), place.own.detach().clone()
            shown = image.detach().float()
            best = _Best(loss.item(), objective.item(), ws[0].detach().numpy(), shown, at)
        optimiser.step()
        yield best
    if best is not None:
        with torch.no_grad():
            place.shared.copy_(best.at[0])
            place.own.copy_(best.at[1])


class Drawer:
    """Pictures with slopes, from a copy of the networks that is laid out for speed.

    Computes in bf16 where the processor does, unless is_f32.
    """

    def __init__(
        self, generator: Generator, readouts: Readouts | None = None, *, is_f32: bool = False
    ) -> None:
        self.synthesis = _quick(generator.synthesis)
        self._readouts = None if readouts is None else _quick(readouts)
        self._is_quick = not is_f32 and computes_in_bf16(torch.device("cpu"))

    def draw(self, ws: Tensor, size: int = 0) -> Tensor:
        """ws [1, L, D] -> image [1, 3, size, size]: a preview where there is one of that size,
        else the whole picture."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self._is_quick):
            if self._readouts is not None and size in self._readouts.sizes:
                made = self.synthesis(ws, features=(size,), with_image=False)
                image: Tensor = self._readouts(made.features[size], ws, size)
            else:
                image = self.synthesis(ws).image
        return image.float()


Network = TypeVar("Network", bound=nn.Module)


def _quick(network: Network) -> Network:
    found = copy.deepcopy(network).requires_grad_(False).eval()
    return found.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
