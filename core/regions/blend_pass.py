"""The pass that makes a face of two, as a module that every runtime can compile."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from core.generators.blending import BlendingSynthesis
from core.generators.rendering import Labelling
from core.images import to_uint8
from core.regions.zones import SHAPELESS, Zones

OWN, OTHER, TINTED, MIXED = range(4)  # the rows of its batch
FAINT = 1e-6
SURE = 4.0  # a quarter of what a place is the mean of is enough to tell it
KINDS = ("area", "tint", "grown", "seen", "take", "behind", "other_seen", "grid")  # of zones


class BlendPass(nn.Module):
    """ws [4, L, D] and the zones of every size, as `inputs` orders them -> the picture uint8
    [1, R, R, 3] and, with a labeller, its class ids uint8 [1, S, S]."""

    def __init__(self, synthesis: BlendingSynthesis, labeller: Labelling | None) -> None:
        super().__init__()
        self.synthesis = synthesis
        self.labeller = labeller
        self.sizes = tuple(sorted({*synthesis.feature_channels, synthesis.resolution}))

    def inputs(self, zones: Zones) -> list[Tensor]:
        return [getattr(zones, kind)[s] for s in self.sizes for kind in KINDS]

    def forward(self, ws: Tensor, *zones: Tensor) -> tuple[Tensor, ...]:
        of_size = dict(zip(self.sizes, zip(*[iter(zones)] * len(KINDS), strict=True), strict=True))

        def blend(maps: Tensor) -> Tensor:
            own, other, tinted, mixed = maps.split(1)
            area, tint, grown, seen, take, behind, other_seen, grid = of_size[int(maps.shape[-1])]
            mixed = mixed + tint * (tinted - mixed)
            mixed = mixed + grown * (_grown(own, seen) - mixed)
            moved = F.grid_sample(
                other.float(), grid, padding_mode="reflection", align_corners=False
            )
            moved = moved + behind * (_grown(moved, other_seen) - moved)
            mixed = mixed + take * (moved - mixed)
            return torch.cat([own, other, tinted, own + area * (mixed - own)])

        read = () if self.labeller is None else self.labeller.resolutions
        made = self.synthesis(ws, features=read, blend=blend)
        assert made.image is not None  # it was asked for
        found = [to_uint8(made.image[MIXED:])]
        if self.labeller is not None:
            found.append(self.labeller({s: m[MIXED:] for s, m in made.features.items()})[0])
        return tuple(found)


def _grown(maps: Tensor, seen: Tensor) -> Tensor:
    """maps [1, C, r, r] where they are seen, [1, 1, r, r] in 0..1, and elsewhere the mean of what
    is seen around, the wider the farther it is: pulled down a pyramid and pushed up again
    [Gortler et al. 1996, The Lumigraph]."""
    levels = [(maps * seen, seen)]
    while int(levels[-1][0].shape[-1]) > 2:
        levels.append((F.avg_pool2d(levels[-1][0], 2), F.avg_pool2d(levels[-1][1], 2)))
    found = levels[-1][0].mean((2, 3), keepdim=True)
    found = found / (levels[-1][1].mean((2, 3), keepdim=True) + FAINT)
    for total, weight in reversed(levels):
        size = int(total.shape[-1])
        wider = F.interpolate(found, size=(size, size), mode="bilinear", align_corners=False)
        sure = (weight * SURE).clamp(max=1.0)
        found = wider + sure * (total / (weight + FAINT) - wider)
    return found


def rows_of(own: Tensor, other: Tensor, layer_resolutions: tuple[int, ...]) -> Tensor:
    """ws [L, D] of both faces -> those of the four rows."""
    fine = torch.tensor([size > SHAPELESS for size in layer_resolutions])[:, None]
    return torch.stack([own, other, torch.where(fine, other, own), own])
