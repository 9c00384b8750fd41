"""What a training step sees: whole faces, windows of faces, or pixels, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.segmentation.classes import UNLABELLED
from core.segmentation.features import Maps
from core.segmentation.heads import Head
from core.segmentation.losses import pixel_loss
from core.segmentation.pixel_mlp import PixelEnsemble, sample_pixels
from core.segmentation.training_config import SegmenterTraining
from core.segmentation.weave import Weave, Window

MARGIN = 12  # px of a window, inside the face, whose context is cut off: they carry no loss
_PLACES = 4096  # remembered pixels of each class and face


@dataclass(frozen=True)
class Lesson:
    """The faces that teach.

    maps: features of face i, reduced where the head reduces. labels: indices uint8 [N, S, S].
    """

    maps: Callable[[int], Maps]
    labels: NDArray[np.uint8]
    mirrored: tuple[int, ...]  # index of each class in a mirrored picture

    def seen(self, face: int, mirror: bool) -> NDArray[np.uint8]:
        """Labels [S, S] of a face, mirrored or not."""
        labels: NDArray[np.uint8] = self.labels[face]
        if not mirror:
            return labels
        table = np.arange(256, dtype=np.uint8)
        table[: len(self.mirrored)] = self.mirrored
        turned: NDArray[np.uint8] = table[labels[:, ::-1]]
        return turned


class Batches:
    """Draws batches and gives their loss. weights: of the classes, or None."""

    def __init__(
        self,
        head: Head,
        lesson: Lesson,
        config: SegmenterTraining,
        weights: Tensor | None,
        device: torch.device,
    ) -> None:
        self.head, self.lesson, self.config, self.device = head, lesson, config, device
        self.weights = None if weights is None else weights.to(device)
        self._places = [_places(face, config.seed) for face in lesson.labels]

    def loss(self, faces: Sequence[int], chance: np.random.RandomState) -> Tensor:
        """The loss of one step on these faces."""
        mirrors = [self.config.mirror and bool(chance.randint(2)) for _ in faces]
        if isinstance(self.head, Weave):
            return self._on_windows(self.head, faces, mirrors, chance)
        if isinstance(self.head, PixelEnsemble):
            return self._on_pixels(self.head, faces, mirrors, chance)
        maps = [self._whole(face, m) for face, m in zip(faces, mirrors, strict=True)]
        features = {r: self._stacked([m[r] for m in maps]) for r in self.head.resolutions}
        labels = np.stack([self.lesson.seen(f, m) for f, m in zip(faces, mirrors, strict=True)])
        with self.config.computed(self.device):
            logits = self.head(features)
        return self._cost(logits, torch.from_numpy(labels))

    def _cost(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.config.smoothing or 0.0
        return pixel_loss(logits.float(), labels.to(self.device), self.weights, smoothing)

    def _whole(self, face: int, mirror: bool) -> Maps:
        maps = self.lesson.maps(face)
        return {r: _turned(maps[r], mirror) for r in self.head.resolutions}

    def _on_windows(
        self,
        head: Weave,
        faces: Sequence[int],
        mirrors: Sequence[bool],
        chance: np.random.RandomState,
    ) -> Tensor:
        cell = head.size // head.whole
        side = min(self.config.window // cell * cell or cell, head.size)
        parts: dict[int, list[Tensor]] = {r: [] for r in head.resolutions}
        windows, labels = [], []
        for place, (face, mirror) in enumerate(zip(faces, mirrors, strict=True)):
            maps = self.lesson.maps(face)
            for r in head.resolutions:
                if r <= head.whole:
                    parts[r].append(_turned(maps[r], mirror))
            seen = self.lesson.seen(face, mirror)
            for y, x in self._corners(face, mirror, side, cell, chance):
                windows.append(Window(place, y, x))
                labels.append(_inner(seen, y, x, side))
                left = head.size - x - side if mirror else x
                for r in head.resolutions:
                    if r > head.whole:
                        cut = _cut(maps[r], y, left, side, head.size)
                        parts[r].append(_turned(cut, mirror))
        features = {r: self._stacked(found) for r, found in parts.items()}
        with self.config.computed(self.device):
            logits = head.on_windows(features, windows, side)
        return self._cost(logits, torch.from_numpy(np.stack(labels)))

    def _stacked(self, maps: list[Tensor]) -> Tensor:
        """Maps [C, h, w] -> float32 [N, C, h, w], laid out channels last as they are."""
        stacked = torch.stack([m.permute(1, 2, 0) for m in maps])  # [N, h, w, C]
        return stacked.to(self.device).float().permute(0, 3, 1, 2)

    def _corners(
        self, face: int, mirror: bool, side: int, cell: int, chance: np.random.RandomState
    ) -> list[tuple[int, int]]:
        """Corners (y, x) on the grid of `cell`, many of them around pixels of a rare class."""
        size = self.lesson.labels.shape[1]
        places, found = self._places[face], []
        for _ in range(self.config.windows):
            if places and chance.uniform() < self.config.rare:
                of_class = places[chance.randint(len(places))]
                y, x = of_class[chance.randint(len(of_class))]
                x = size - 1 - x if mirror else x
                y, x = (
                    int(v) - side // 2 + chance.randint(-side // 4, side // 4 + 1) for v in (y, x)
                )
            else:
                y, x = chance.randint(-side // 4, size - side + side // 4 + 1, size=2)
            found.append(tuple(int(np.clip(v, 0, size - side)) // cell * cell for v in (y, x)))
        return [(y, x) for y, x in found]

    def _on_pixels(
        self,
        head: PixelEnsemble,
        faces: Sequence[int],
        mirrors: Sequence[bool],
        chance: np.random.RandomState,
    ) -> Tensor:
        sampled: dict[int, list[Tensor]] = {r: [] for r in head.resolutions}
        labels = []
        for face, mirror in zip(faces, mirrors, strict=True):
            seen, maps = self.lesson.seen(face, mirror), self._whole(face, mirror)
            chosen = _labelled_pixels(seen, self.config.pixels, chance)
            labels.append(seen.ravel()[chosen])
            y, x = (torch.from_numpy(v).to(self.device) for v in np.divmod(chosen, head.size))
            for r in head.resolutions:
                sampled[r].append(sample_pixels(maps[r].to(self.device), y, x, head.size))
        features = {r: torch.cat(found, dim=2) for r, found in sampled.items()}  # [1, C, P, 1]
        target = torch.from_numpy(np.concatenate(labels))[None, :, None]  # [1, P, 1]
        with self.config.computed(self.device):
            found = head.on_pixels(features)
        costs = [self._cost(logits, target) for logits in found]
        return torch.stack(costs).sum()


def _places(labels: NDArray[np.uint8], seed: int) -> list[NDArray[np.int64]]:
    """For each class of a face, (y, x) of some of its pixels, [P, 2]."""
    chance = np.random.RandomState(seed)
    found = []
    for value in np.unique(labels[labels != UNLABELLED]):
        where = np.argwhere(labels == value)
        found.append(where[chance.permutation(len(where))[:_PLACES]])
    return found


def _turned(feature_map: Tensor, mirror: bool) -> Tensor:
    return feature_map.flip(-1) if mirror else feature_map


def _cut(feature_map: Tensor, y: int, x: int, side: int, size: int) -> Tensor:
    """The part of a map [C, r, r] under a square of the output."""
    r = feature_map.shape[-1]
    top, left, count = (v * r // size for v in (y, x, side))
    return feature_map[:, top : top + count, left : left + count]


def _inner(labels: NDArray[np.uint8], y: int, x: int, side: int) -> NDArray[np.uint8]:
    """Labels [side, side] of a window; its rim is 255 unless it is the rim of the face."""
    size = len(labels)
    rim = min(MARGIN, side // 8)
    found = np.full((side, side), UNLABELLED, np.uint8)
    top, left = (0 if v == 0 else rim for v in (y, x))
    bottom, right = (side if v + side == size else side - rim for v in (y, x))
    found[top:bottom, left:right] = labels[y + top : y + bottom, x + left : x + right]
    return found


def _labelled_pixels(
    labels: NDArray[np.uint8], count: int, chance: np.random.RandomState
) -> NDArray[np.int64]:
    """Flat places of up to `count` random labelled pixels; of any pixels where none is."""
    flat = np.flatnonzero(labels != UNLABELLED)
    if not len(flat):
        flat = np.arange(labels.size)
    return np.asarray(flat[chance.randint(len(flat), size=count)], np.int64)
