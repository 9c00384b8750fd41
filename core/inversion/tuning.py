"""Pivotal tuning: the generator itself learns one photo, around a latent that stays as it is.

[Roich et al. 2021, arXiv:2106.05744.] Only the convolutions of the larger maps learn, so that
little is stored, and what w means stays: other faces must keep looking as the base draws them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import InvalidRequestError
from core.generators import Generator
from core.generators.generator import Synthesis, truncate
from core.images import to_uint8
from core.inversion.difference import Difference
from core.inversion.optimisation import Drawer
from core.inversion.pacing import pace

WARM_UP = 15  # steps


@dataclass(frozen=True)
class TuningConfig:
    """rate: of Adam at its highest, as a share of the size of the weights. from_size: px of the
    smallest maps whose convolutions learn. most_values: that learn; where they are more, only
    those of larger maps do. Each `every` steps another face, part of the way from the pivot to a
    random one, is held to the base's picture of it by `locality`.
    """

    steps: int = 300
    rate: float = 0.002
    from_size: int = 32
    most_values: int = 2_000_000  # stored in two bytes each
    locality: float = 40.0
    every: int = 2
    seed: int = 0
    is_f32: bool = False  # else bf16 where the processor computes in it

    def __post_init__(self) -> None:
        if self.steps < 1 or self.every < 1 or not self.rate > 0:
            raise InvalidRequestError("Tuning needs at least one step, and a rate above 0.")


@dataclass(frozen=True, eq=False)
class Tuned:
    """The best so far, after `step` of `total` steps.

    loss: its distance at the pivot. image: its picture there, [1, 3, R, R] in about [-1, 1].
    seconds: since the start.
    """

    step: int
    total: int
    loss: float
    difference: Difference
    image: Tensor
    seconds: float

    @property
    def picture(self) -> NDArray[np.uint8]:
        """uint8 [R, R, 3]."""
        return to_uint8(self.image)[0].numpy()


def tune(
    generator: Generator,
    ws: NDArray[np.float32],
    loss: Callable[[Tensor], Tensor],
    config: TuningConfig | None = None,
) -> Iterator[Tuned]:
    """Tune a copy of the generator so that ws float32 [L, D] looks as `loss` wants it.

    loss: of an image [1, 3, R, R] in about [-1, 1], a scalar with slopes, such as
    `perceptual.to(target, R)`. Yields after every step; stop by not going on, the last that came
    is the best so far. Time left: seconds / step * (total - step). The first is the base itself.
    Raises InvalidRequestError for other shapes.
    """
    config = config or TuningConfig()
    shape = (generator.num_ws, generator.synthesis.w_dim)
    if ws.shape != shape:
        raise InvalidRequestError(
            f"Tuning needs one w for each layer, {list(shape)}, got {list(ws.shape)}."
        )
    base = Drawer(generator, is_f32=config.is_f32)
    drawer = Drawer(generator, is_f32=config.is_f32)
    pivot = torch.from_numpy(np.array(ws[None], np.float32))
    learning = tuned_parameters(drawer.synthesis, pivot, config)
    start = {name: parameter.detach().clone() for name, parameter in learning.items()}
    optimiser = torch.optim.Adam(_groups(learning, config.rate), betas=(0.9, 0.99))
    neighbours, began, best = _Neighbours(generator, pivot, config.seed), time.monotonic(), None
    for parameter in learning.values():
        parameter.requires_grad_()
    rates = [group["lr"] for group in optimiser.param_groups]
    for step in range(1, config.steps + 1):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * pace(step - 1, config.steps, WARM_UP)
        with torch.enable_grad():
            optimiser.zero_grad()
            image = drawer.draw(pivot)
            found = loss(image)
            found.backward()
            if step % config.every == 0:
                _hold(base, drawer, neighbours.next()).mul(config.locality).backward()
        if best is None or found.item() < best[0]:
            best = found.item(), _difference(generator, start, learning), image.detach()
        optimiser.step()
        yield Tuned(step, config.steps, *best, time.monotonic() - began)


def tuned_parameters(
    synthesis: Synthesis, ws: Tensor, config: TuningConfig
) -> dict[str, nn.Parameter]:
    """Those that learn, by name: of modules that make maps of at least from_size px, without
    what turns w into styles and the strengths of noise.
    """
    sizes: dict[str, int] = {}

    def note(name: str, _: nn.Module, __: Any, made: Any) -> None:  # noqa: ANN401 - as torch has it
        if isinstance(made, Tensor) and made.ndim == 4:
            sizes[name] = made.shape[-1]

    modules = [(name, m) for name, m in synthesis.named_modules() if [*m.parameters(False)]]
    hooks = [module.register_forward_hook(partial(note, name)) for name, module in modules]
    try:
        with torch.no_grad():
            synthesis(ws)
    finally:
        for hook in hooks:
            hook.remove()
    found: dict[str, nn.Parameter] = {}
    values, largest_first = 0, sorted(modules, key=lambda pair: -sizes.get(pair[0], 0))
    for name, module in largest_first:
        own = {
            f"{name}.{key}": parameter
            for key, parameter in module.named_parameters(recurse=False)
            if parameter.ndim
        }
        values += sum(parameter.numel() for parameter in own.values())
        if sizes.get(name, 0) < config.from_size or (found and values > config.most_values):
            break
        found |= own
    if not found:
        raise InvalidRequestError(f"No map has {config.from_size} px. Choose a smaller from_size.")
    return found


class _Neighbours:
    """Faces part of the way from the pivot to random ones."""

    def __init__(self, generator: Generator, pivot: Tensor, seed: int) -> None:
        self._generator, self._pivot = generator, pivot
        self._random = torch.Generator().manual_seed(seed)

    def next(self) -> Tensor:
        """ws [1, L, D]."""
        mapping = self._generator.mapping
        z = torch.randn(1, mapping.z_dim, generator=self._random)
        c = torch.zeros(1, mapping.c_dim) if mapping.c_dim else None
        with torch.no_grad():
            far = self._generator.broadcast(mapping(z, c))
            far = truncate(far, self._generator.mean_w, 0.7)
        way = 0.3 + 0.7 * torch.rand((), generator=self._random).item()
        return torch.lerp(self._pivot, far, way)


def _hold(base: Drawer, drawer: Drawer, ws: Tensor) -> Tensor:
    """How far a face has moved from the base's picture of it, mean square."""
    with torch.no_grad():
        wanted = base.draw(ws)
    return (drawer.draw(ws) - wanted).square().mean()


def _groups(learning: dict[str, nn.Parameter], rate: float) -> list[dict[str, Any]]:
    """Each parameter's steps in proportion to its size."""
    return [
        {"params": [parameter], "lr": rate * parameter.detach().square().mean().sqrt().item()}
        for parameter in learning.values()
    ]


def _difference(
    generator: Generator, start: dict[str, Tensor], learning: dict[str, nn.Parameter]
) -> Difference:
    changes = {name: (learning[name].detach() - start[name]).half() for name in start}
    return Difference(generator.identity, changes)
