"""Where faces lie in their masks, and how one is moved to where the other lies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor

from core.regions.parts import ids_of
from core.segmentation.classes import ClassSet

_POINTS = (
    ("left eye",),
    ("right eye",),
    ("nose",),
    ("lower lip", "mouth", "upper lip"),
)
_FEWEST = 2e-5  # of the pixels; fewer of a class tell nothing of its place


@dataclass(frozen=True)
class Move:
    """x -> scale * rotation(angle) @ x + (x, y); positions in -1..1 of the picture, y down."""

    scale: float = 1.0
    angle: float = 0.0  # radians
    x: float = 0.0
    y: float = 0.0

    @property
    def is_nothing(self) -> bool:
        return self == Move()

    def applied(self, maps: Tensor) -> Tensor:
        """maps [N, C, r, r] moved so; what is not there is its mirror image."""
        if self.is_nothing:
            return maps
        return read_at(maps, self.grid(maps.shape[-1]))

    def grid(self, size: int) -> Tensor:
        """[1, size, size, 2]: where each place of the moved picture is read, as grid_sample has
        it."""
        cos, sin = math.cos(self.angle) / self.scale, math.sin(self.angle) / self.scale
        x, y = self.x, self.y
        back = torch.tensor([[cos, sin, -cos * x - sin * y], [-sin, cos, sin * x - cos * y]])
        return F.affine_grid(back[None], [1, 1, size, size], align_corners=False)


def read_at(maps: Tensor, grid: Tensor) -> Tensor:
    """maps [N, C, r, r] at the places of a grid [N, r, r, 2] in -1..1; beyond them lie their mirror
    images."""
    return F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)


def centre(labels: NDArray[np.uint8], ids: list[int]) -> NDArray[np.float64] | None:
    """Mean place (x, y) of the pixels of these classes in -1..1; None where there are too few."""
    rows, columns = np.isin(labels, ids).nonzero()
    if len(rows) < max(_FEWEST * labels.size, 1):
        return None
    found: NDArray[np.float64] = (
        2 * (np.array([columns.mean(), rows.mean()]) + 0.5) / np.array(labels.shape[::-1]) - 1
    )
    return found


def face_move(own: NDArray[np.uint8], other: NDArray[np.uint8], classes: ClassSet) -> Move:
    """The similarity that brings eyes, nose and mouth of the other face onto the own ones, by
    least squares [Umeyama 1991]; nothing where fewer than two of them are seen in both."""
    pairs = []
    for names in _POINTS:
        ids = ids_of(names, classes)
        a, b = centre(own, ids), centre(other, ids)
        if a is not None and b is not None:
            pairs.append((complex(*a), complex(*b)))
    if len(pairs) < 2:
        return Move()
    to, since = np.array(pairs).T
    spread = since - since.mean()
    factor = ((to - to.mean()) * spread.conj()).sum() / (np.abs(spread) ** 2).sum()
    scale = float(np.clip(abs(factor), 0.8, 1.25))
    angle = float(np.clip(np.angle(factor), -0.35, 0.35))
    rest = to.mean() - scale * np.exp(1j * angle) * since.mean()
    return Move(scale, angle, float(rest.real), float(rest.imag))


def turn(labels: NDArray[np.uint8], classes: ClassSet) -> float | None:
    """How far the head is turned: how far the nose lies from the middle of the eyes, in their
    distances; 0 in front, positive to larger x. None where they are not seen."""
    left, right, nose = (centre(labels, ids_of(names, classes)) for names in _POINTS[:3])
    if left is None or right is None or nose is None:
        return None
    across = right - left
    length = float(np.linalg.norm(across))
    if length < 0.05:
        return None
    return float((nose - (left + right) / 2) @ across / length**2)
