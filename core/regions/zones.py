"""Where in a picture which face counts, for each size of a generator's maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from core.regions.parts import BACKGROUND, PARTS, Part, ids_of
from core.regions.placing import Move, centre, face_move
from core.segmentation.classes import ClassSet

SIZE = 256  # px at which zones are drawn
RIM = 5  # px of zones; so near to another class, the background still has some of its colour
LEAST = 0.02  # of the picture, of background that can be continued
SOFTEST = 0.06  # of the width: borders at softness 1
BARE_RIM = 8  # px of zones; so far around a hat its shadow lies
BARED = 64  # px; see Part.is_bared
MOST = 1024  # px of the largest maps
SHAPELESS = 32  # px; the layers up to it give a face its shape, those above its colours


@dataclass(frozen=True, eq=False)
class Zones:
    """For maps of each size, weights [1, 1, s, s] in 0..1 and grids [1, s, s, 2] in -1..1.

    area: where anything may change. tint: how much is the own face in the other's fine styles.
    grown, seen: how much is the own background, where it is seen, grown into what a part leaves
    free. take: how much is the other face read at `grid`. behind, other_seen: how much of that is
    its background, where it is seen, grown over its person.
    """

    area: dict[int, Tensor]
    tint: dict[int, Tensor]
    grown: dict[int, Tensor]
    seen: dict[int, Tensor]
    take: dict[int, Tensor]
    behind: dict[int, Tensor]
    other_seen: dict[int, Tensor]
    grid: dict[int, Tensor]


def draw_zones(
    own: NDArray[np.uint8],
    other: NDArray[np.uint8],
    classes: ClassSet,
    parts: Sequence[str],
    softness: float,
    sizes: Sequence[int],
) -> Zones:
    """own, other: masks of class ids uint8 [S, S]. parts: of PARTS. softness: 0 to 1. sizes: of
    the maps, px."""
    drawing = _Drawing(_reduced(own), _reduced(other), classes, parts, softness)
    for name in parts:
        part = PARTS[name]
        if part.of_style:
            drawing.tint_part(part)
        elif name != BACKGROUND:
            for piece in part.pieces:
                drawing.take_piece(part, piece)
    if BACKGROUND in parts:
        drawing.take_background()
    return drawing.zones(sizes)


class _Drawing:
    """Zones of SIZE px, [1, 1, SIZE, SIZE], as they come about part by part."""

    def __init__(
        self,
        own: NDArray[np.uint8],
        other: NDArray[np.uint8],
        classes: ClassSet,
        parts: Sequence[str],
        softness: float,
    ) -> None:
        self.own, self.other, self.classes = own, other, classes
        self.soft = max(round(softness * SOFTEST * SIZE), 1)
        self.taken = {name for part in parts for name in PARTS[part].classes}
        self.whole = face_move(own, other, classes)
        self.outside = self._of_own([BACKGROUND])
        self.other_outside = self.whole.applied(self._of_other([BACKGROUND])).round()
        nothing = torch.zeros(1, 1, SIZE, SIZE)
        self.area = self.tint = self.behind = self.left = self.claimed = nothing
        self.takes: list[tuple[Tensor, int, int]] = []  # weights, above and up to which px
        self.places = [(self.whole.grid(SIZE), nothing + 1e-3)]

    def tint_part(self, part: Part) -> None:
        here = self._of_own(part.classes)
        self.tint = torch.maximum(self.tint, _blurred(_shrunk(here, self.soft), self.soft))
        self.area = torch.maximum(self.area, _blurred(_grown(here, 1), 1))

    def take_piece(self, part: Part, names: Sequence[str]) -> None:
        here, there = self._of_own(names), self._of_other(names)
        if part.needs_own and not (here.any() and there.any()):
            return
        move = self._placed(names) if part.own_place else self.whole
        there = move.applied(there).round()
        if part.is_whole:
            there = torch.from_numpy(ndimage.binary_fill_holes(there[0, 0])).float()[None, None]
        covered = self._of_own([name for name in part.in_front if name not in self.taken])
        free = 1 - _blurred(covered, 1)
        left = here * (1 - there) * self.other_outside
        if self.outside.mean() < LEAST and BACKGROUND not in self.taken:
            left = torch.zeros_like(left)
        filled = torch.maximum(here - left, there)
        spread = round(part.spread * SIZE)
        wide = _blurred(_grown(filled, spread), self.soft) * free
        if part.is_bared and not there.any():
            wide = _blurred(_grown(here, BARE_RIM), self.soft) * free
            spread = BARE_RIM
            self.takes.append((wide, 0, BARED))
        else:
            alone = _blurred(_shrunk(there, self.soft // 2), self.soft) * free
            self.takes += [(wide, 0, part.wide), (alone, part.wide, part.finest)]
        self.left = torch.maximum(self.left, left * free.round())
        self.claimed = torch.maximum(self.claimed, filled)
        edge = _grown(torch.maximum(here, there), spread + self.soft // 2)
        self.area = torch.maximum(self.area, _blurred(edge, self.soft) * free)
        self.places.append((move.grid(SIZE), _blurred(_grown(there, 2 * spread + self.soft), 2)))

    def take_background(self) -> None:
        """After the other parts: into what they leave free, too."""
        here = torch.maximum(self.outside, self.left) * (1 - self.claimed)
        self.behind = _blurred(_grown(here, self.soft), self.soft)
        self.left = torch.zeros_like(self.left)
        self.takes.append((_blurred(here, self.soft), 0, MOST))
        self.area = torch.maximum(self.area, self.behind)

    def zones(self, sizes: Sequence[int]) -> Zones:
        left = _blurred(_grown(self.left, 1), 2)
        grown = torch.minimum(left, self.area)
        seen, other_seen = _shrunk(self.outside, RIM), _shrunk(self.other_outside, RIM)
        grid = _together(self.places).permute(0, 3, 1, 2)
        return Zones(
            area={s: _sized(self.area, s) for s in sizes},
            tint={s: _sized(self.tint, s) for s in sizes},
            grown={s: _sized(grown, s) for s in sizes},
            seen={s: _sized(seen, s) for s in sizes},
            take={s: _sized(self._take(s), s) for s in sizes},
            behind={s: _sized(self.behind, s) for s in sizes},
            other_seen={s: _sized(other_seen, s) for s in sizes},
            grid={s: _sized(grid, s).permute(0, 2, 3, 1) for s in sizes},
        )

    def _take(self, size: int) -> Tensor:
        found = torch.zeros_like(self.area)
        for weights, above, last in self.takes:
            if above < size <= last:
                found = torch.maximum(found, weights)
        return found

    def _of_own(self, names: Sequence[str]) -> Tensor:
        return _where(self.own, ids_of(names, self.classes))

    def _of_other(self, names: Sequence[str]) -> Tensor:
        return _where(self.other, ids_of(names, self.classes))

    def _placed(self, names: Sequence[str]) -> Move:
        """As the whole face moves, but its centre onto the own one's."""
        ids = ids_of(names, self.classes)
        to, since = centre(self.own, ids), centre(self.other, ids)
        if to is None or since is None:
            return self.whole
        turned = self.whole.scale * np.exp(1j * self.whole.angle) * complex(*since)
        rest = complex(*to) - turned
        return Move(self.whole.scale, self.whole.angle, float(rest.real), float(rest.imag))


def _together(places: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Grids [1, SIZE, SIZE, 2] by their weights [1, 1, SIZE, SIZE]."""
    weights = [weight.permute(0, 2, 3, 1) for _, weight in places]
    total = torch.stack(weights).sum(0)
    found = torch.zeros_like(places[0][0])
    for (grid, _), weight in zip(places, weights, strict=True):
        found = found + grid * (weight / total)
    return found


def _reduced(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = (np.arange(SIZE) * 2 + 1) * len(labels) // (2 * SIZE)
    return labels[rows[:, None], rows]


def _where(labels: NDArray[np.uint8], ids: list[int]) -> Tensor:
    return torch.from_numpy(np.isin(labels, ids).astype(np.float32))[None, None]


def _grown(mask: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(mask, 2 * radius + 1, 1, radius) if radius else mask


def _shrunk(mask: Tensor, radius: int) -> Tensor:
    return 1 - _grown(1 - mask, radius)


def _blurred(mask: Tensor, radius: int) -> Tensor:
    """Means of means; nothing is added more than `radius` away."""
    for part in (radius - radius // 2, radius // 2):
        if part:
            padded = F.pad(mask, [part] * 4, mode="replicate")
            mask = F.avg_pool2d(padded, 2 * part + 1, 1)
    return mask


def _sized(maps: Tensor, size: int) -> Tensor:
    if size <= SIZE:
        return F.avg_pool2d(maps, SIZE // size)
    return F.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)
