"""Generated faces made to look like photos: softer, noisier, framed less exactly, half covered."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

TURN, ZOOM, SHIFT = 4.0, 0.05, 0.02  # degrees, share, share of the side: what alignment leaves
SOFTEST = 3.0  # times that a picture is reduced and enlarged again
SOFTENED_ALIKE = 8  # pictures
NOISIEST = 0.06  # standard deviation, of a range of 2
COLOUR = 0.08  # how far each channel is scaled and shifted
COVERED = 0.35  # of faces that something lies over
LARGEST_COVER = 0.4  # of the side


def as_photos(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Pictures [N, 3, S, S] in [-1, 1] -> the same, each spoilt in its own way, in [-1, 1]."""
    shown = _coloured(_framed(pictures, chance), chance)
    shown = _covered(shown, chance)
    shown = torch.cat([_softened(few, chance) for few in shown.split(SOFTENED_ALIKE)])
    strength = NOISIEST * torch.rand(len(shown), 1, 1, 1, generator=chance).square()
    return (shown + strength * torch.randn(shown.shape, generator=chance)).clamp(-1, 1)


def _uniform(count: int, chance: torch.Generator) -> Tensor:
    """[N], -1 to 1."""
    return 2 * torch.rand(count, generator=chance) - 1


def _framed(pictures: Tensor, chance: torch.Generator) -> Tensor:
    n = len(pictures)
    turn = math.radians(TURN) * _uniform(n, chance)
    zoom = 1 + ZOOM * _uniform(n, chance)
    cos, sin = zoom * turn.cos(), zoom * turn.sin()
    x, y = 2 * SHIFT * _uniform(n, chance), 2 * SHIFT * _uniform(n, chance)
    rows = [torch.stack([cos, -sin, x], 1), torch.stack([sin, cos, y], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _coloured(pictures: Tensor, chance: torch.Generator) -> Tensor:
    shape = (len(pictures), 3, 1, 1)
    scale = 1 + COLOUR * (2 * torch.rand(shape, generator=chance) - 1)
    return pictures * scale + COLOUR * (2 * torch.rand(shape, generator=chance) - 1)


def _covered(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Rectangles of one colour, or of another face's picture."""
    shown = pictures.clone()
    side = pictures.shape[-1]
    for place in range(len(pictures)):
        u = torch.rand(8, generator=chance).tolist()
        if u[0] > COVERED:
            continue
        height, width = (max(1, int(LARGEST_COVER * side * v)) for v in u[1:3])
        top, left = int(u[3] * (side - height)), int(u[4] * (side - width))
        other = pictures[int(u[5] * len(pictures))]
        patch = other[:, top : top + height, left : left + width]
        if u[6] < 0.5:
            patch = patch.mean((1, 2), keepdim=True) + u[7] - 0.5
        shown[place, :, top : top + height, left : left + width] = patch
    return shown


def _softened(pictures: Tensor, chance: torch.Generator) -> Tensor:
    times = 1 + (SOFTEST - 1) * float(torch.rand((), generator=chance)) ** 2
    side = pictures.shape[-1]
    small = F.interpolate(
        pictures, size=max(8, round(side / times)), mode="bilinear", antialias=True
    )
    return F.interpolate(small, size=side, mode="bicubic")
