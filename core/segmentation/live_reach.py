"""How far strokes speak: fully where they are, less for cells that look different or lie apart.

What a stroke teaches the networks changes their answer everywhere, also where it was right.
Only this part of the change is shown.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.segmentation.live_features import Described, Examples

ALIKE = 0.8  # deviations of a descriptor's components, on average, that still look alike
NEAR = 1.0  # of the coordinates -2..2: a quarter of the face
MOST = 256  # labelled cells that speak for all
_ROWS = 16_384  # cells at once


def reach(face: Described, own: Examples, *, seed: int = 0) -> Tensor:
    """For each cell of the face, 0 to 1, [side * side]: the largest of Gaussians of appearance
    and place around labelled cells. The last two components of a descriptor are the place.
    """
    source = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(own), generator=source)[:MOST]
    wide = own.pixels.shape[1]
    scale = torch.full((wide,), 1.0 / (ALIKE * (2.0 * (wide - 2)) ** 0.5))
    scale[-2:] = 1.0 / (NEAR * 2.0**0.5)
    centres = own.pixels[chosen].float() * scale
    found = []
    for start in range(0, len(face.pixels), _ROWS):
        cells = face.pixels[start : start + _ROWS].float() * scale
        products = torch.addmm(centres.square().sum(1), cells, centres.T, beta=-1.0, alpha=2.0)
        nearest = products.amax(1) - cells.square().sum(1)  # minus the squared distance
        found.append(nearest.clamp(max=0.0).exp())
    return torch.cat(found)
