"""How far strokes speak: fully where they are, less for cells that look different or lie apart.

What a stroke teaches the networks changes their answer everywhere, also where it was right.
Only this part of the change is shown.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.live_features import Described, Examples

ALIKE = 0.8  # deviations of a descriptor's components, on average, that still look alike
NEAR = 1.0  # of the coordinates -2..2: a quarter of the face
SIDE = 128  # cells a side that are compared, at most; those between take what their neighbours have
_ROWS = 4_096  # cells at once


def reach(face: Described, own: Examples) -> Tensor:
    """For each cell of the face, 0 to 1, [side * side]: the largest of Gaussians of appearance
    and place around labelled cells. The last two components of a descriptor are the place.
    """
    step = max(1, face.side // SIDE)
    grid = face.pixels.view(face.side, face.side, -1)[step // 2 :: step, step // 2 :: step]
    wide = grid.shape[-1]
    scale = torch.full((wide,), 1.0 / (ALIKE * (2.0 * (wide - 2)) ** 0.5))
    scale[-2:] = 1.0 / (NEAR * 2.0**0.5)
    centres = own.pixels.float() * scale
    found = []
    for rows in grid.reshape(-1, wide).split(_ROWS):
        cells = rows.float() * scale
        products = torch.addmm(centres.square().sum(1), cells, centres.T, beta=-1.0, alpha=2.0)
        nearest = products.amax(1) - cells.square().sum(1)  # minus the squared distance
        found.append(nearest.clamp(max=0.0).exp())
    compared = torch.cat(found).view(1, 1, *grid.shape[:2])
    return F.interpolate(compared, (face.side, face.side), mode="bilinear").flatten()
