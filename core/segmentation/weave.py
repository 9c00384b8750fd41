"""'weave', our default head: an additive pyramid from coarse to fine, cheap on a CPU.

Each feature map is projected to a few channels and added to the running map, which is refined
by separable residual blocks and doubled. Most of the work is done below 256 px. It learns from
reduced maps (see principal.py) and on windows: the part up to `whole` px sees the whole face
(that is little work and keeps the context), everything finer only the windows, so that a step
costs a fraction of a face.

Left and right eyes look alike; what tells them apart is the side of the face they are on. So
each class also has a leaning: a score that grows along x and y. Without it the head needs
several times the steps to learn its sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.head import Features, Head, pointwise
from core.segmentation.principal import Principal, fit_principal

WIDTHS = {4: 64, 8: 64, 16: 64, 32: 64, 64: 64, 128: 48, 256: 32, 512: 24, 1024: 16}
BLOCKS = {4: 0, 8: 1, 16: 1, 32: 2, 64: 2, 128: 2, 256: 2, 512: 0, 1024: 0}
COMPONENTS = {4: 128, 8: 128, 16: 128, 32: 128, 64: 128, 128: 96, 256: 48, 512: 24, 1024: 16}
COARSEST = 8  # px; the 4 px map adds nothing measurable
WHOLE = 64  # px
REACH = 8.0  # of the coordinates that leanings are multiplied with: they run from -8 to 8


class Window(NamedTuple):
    """A square of one face of a batch; y, x in px of the head's output."""

    face: int
    y: int
    x: int


class Block(nn.Module):
    """x + pointwise(depthwise 3x3(x)), [N, width, h, w] to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mix = Mix(width, width)
        nn.init.normal_(self.mix.weight, std=0.5 * (2 / width) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.mix(self.depthwise(x)))


class Mix(nn.Linear):
    """A 1x1 convolution: [N, in_features, h, w] -> [N, out_features, h, w]."""

    def forward(self, x: Tensor) -> Tensor:
        return pointwise(x, self.weight, self.bias)


class Stage(nn.Module):
    """One resolution: project its map, add the doubled running map, refine."""

    def __init__(
        self, channels: int, components: int, before: int, width: int, blocks: int
    ) -> None:
        super().__init__()
        self.project = Principal(channels, components, width)
        self.carry = Mix(before, width) if before else None
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))

    def forward(self, x: Tensor | None, projected: Tensor) -> Tensor:
        """x: the running map [N, before, h / 2, w / 2]; projected: [N, width, h, w]."""
        y = projected
        if x is not None and self.carry is not None:
            y = y + doubled(self.carry(x))
        y = F.relu(y)
        for block in self.blocks:
            y = block(y)
        return y


def doubled(x: Tensor) -> Tensor:
    """[N, C, h, w] -> [N, C, 2h, 2w], bilinear."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Weave(Head):
    """See the module. dropout: share of the reduced channels left out in each training step."""

    reduces = True

    def __init__(
        self,
        channels: Mapping[int, int],
        num_classes: int,
        size: int,
        *,
        dropout: float = 0.1,
        whole: int = WHOLE,
    ) -> None:
        coarsest = min(COARSEST, max(channels))
        used = {r: c for r, c in channels.items() if coarsest <= r <= size}
        super().__init__(used, num_classes, size)
        self.dropout = dropout
        self.whole = max(r for r in self.resolutions if r <= max(whole, self.resolutions[0]))
        before = 0
        self.stages = nn.ModuleDict()
        for r, count in self.channels.items():
            width = WIDTHS[r]
            self.stages[str(r)] = Stage(count, COMPONENTS[r], before, width, BLOCKS[r])
            before = width
        self.classify = Mix(before, num_classes)
        nn.init.normal_(self.classify.weight, std=0.02)
        self.leaning = nn.Parameter(torch.zeros(2, num_classes))  # along x, along y

    def fit_statistics(self, faces: Iterable[Features]) -> None:
        fit_principal(faces, {r: self._stage(r).project for r in self.resolutions})

    @torch.no_grad()
    def reduced(self, features: Features) -> Features:
        """The leading principal directions of whole maps."""
        return {r: self._stage(r).project.reduced(features[r]) for r in self.resolutions}

    def forward(self, features: Features) -> Tensor:
        x: Tensor | None = None
        for r in self.resolutions:
            stage = self._stage(r)
            x = stage(x, stage.project(features[r]))
        assert x is not None
        along = self._along()
        return self._leaning(self._finished(x), along, along)

    def on_reduced(self, features: Features) -> Tensor:
        logits = self._finished(self._fine(self._coarse(features), features))
        along = self._along()
        return self._leaning(logits, along, along)

    def on_windows(self, features: Features, windows: Sequence[Window], side: int) -> Tensor:
        """Logits [len(windows), K, side, side] of squares of `side` px.

        features: reduced; whole maps [N, ...] up to `whole` px, finer ones already cut,
        [len(windows), C, side * r / size, ...]. Side and corners are multiples of
        `size / whole`.
        """
        x = self._coarse(features)
        cell = self.size // self.whole
        cut = [
            x[w.face, :, w.y // cell : (w.y + side) // cell, w.x // cell : (w.x + side) // cell]
            for w in windows
        ]
        logits = self._finished(self._fine(torch.stack(cut), features))
        along = self._along()
        across = torch.stack([along[w.x : w.x + side] for w in windows])
        down = torch.stack([along[w.y : w.y + side] for w in windows])
        return self._leaning(logits, across, down)

    def _along(self) -> Tensor:
        """Coordinates of the pixels of a side, [size]."""
        return torch.linspace(-REACH, REACH, self.size, device=self.leaning.device)

    def _leaning(self, logits: Tensor, across: Tensor, down: Tensor) -> Tensor:
        """logits [N, K, h, w] and their leanings. across: x, [w] or [N, w]; down: y alike."""
        x, y = self.leaning[:, :, None, None]  # [K, 1, 1]
        leant: Tensor = logits + x * across[..., None, None, :] + y * down[..., None, :, None]
        return leant

    def _coarse(self, features: Features) -> Tensor:
        x: Tensor | None = None
        for r in self.resolutions:
            if r <= self.whole:
                x = self._learnt(x, features[r], r)
        assert x is not None
        return x

    def _fine(self, x: Tensor, features: Features) -> Tensor:
        for r in self.resolutions:
            if r > self.whole:
                x = self._learnt(x, features[r], r)
        return x

    def _learnt(self, x: Tensor | None, reduced: Tensor, resolution: int) -> Tensor:
        stage = self._stage(resolution)
        keep = None
        if self.training and self.dropout:  # of whole channels
            keep = F.dropout(torch.ones(reduced.shape[1], device=reduced.device), self.dropout)
        return stage(x, stage.project.on_reduced(reduced, keep))  # type: ignore[no-any-return]

    def _finished(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classify(x)
        factor = self.size // self.resolutions[-1]
        if factor == 1:
            return logits
        return F.interpolate(logits, scale_factor=float(factor), mode="bilinear")

    def _stage(self, resolution: int) -> Stage:
        stage = self.stages[str(resolution)]
        assert isinstance(stage, Stage)
        return stage
