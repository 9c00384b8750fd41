"""Painted faces as training takes them: ws and label maps, checked once at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.segmentation.classes import UNLABELLED, ClassSet


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """N faces of one generator with their masks.

    ws: float32 [N, L, D]. labels: class ids uint8 [N, S, S], 255 for not labelled. names: one
    a face, for messages and reports. noise: a noise mode for each face, or one for all.
    Raises InvalidRequestError.
    """

    ws: NDArray[np.float32]
    labels: NDArray[np.uint8]
    names: tuple[str, ...]
    noise: tuple[str, ...] | str = "off"

    def __post_init__(self) -> None:
        count, shape = len(self.ws), self.labels.shape
        if self.ws.dtype != np.float32 or self.ws.ndim != 3:
            raise InvalidRequestError(
                f"ws must be float32 [N, L, D], are {self.ws.dtype} {list(self.ws.shape)}."
            )
        if self.labels.dtype != np.uint8 or len(shape) != 3 or shape[1] != shape[2]:
            raise InvalidRequestError(
                f"Masks must be uint8 [N, S, S], are {self.labels.dtype} {list(shape)}."
            )
        if not shape[0] == len(self.names) == len(self.noises) == count:
            raise InvalidRequestError(
                f"There are {count} faces, {shape[0]} masks, {len(self.names)} names and "
                f"{len(self.noises)} noise modes; there must be as many of each."
            )

    def __len__(self) -> int:
        return len(self.ws)

    @property
    def size(self) -> int:
        """Of the masks, px."""
        return int(self.labels.shape[1])

    @property
    def noises(self) -> tuple[str, ...]:
        return (self.noise,) * len(self.ws) if isinstance(self.noise, str) else self.noise

    def take(self, places: Sequence[int]) -> LabelledFaces:
        """The faces at these places, in this order."""
        picked = list(places)
        return LabelledFaces(
            self.ws[picked],
            self.labels[picked],
            tuple(self.names[i] for i in picked),
            tuple(self.noises[i] for i in picked),
        )

    def at_size(self, size: int) -> LabelledFaces:
        """The same faces with masks of `size` px. Raises InvalidRequestError."""
        if size == self.size:
            return self
        return LabelledFaces(self.ws, reduce_labels(self.labels, size), self.names, self.noise)

    def only(self, classes: ClassSet) -> LabelledFaces:
        """The same faces with nothing but these classes; other pixels become unlabelled."""
        known = np.isin(self.labels, classes.ids)
        return replace(self, labels=np.where(known, self.labels, UNLABELLED).astype(np.uint8))

    def indices(self, classes: ClassSet) -> NDArray[np.uint8]:
        """Masks as indices of `classes`, uint8 [N, S, S].

        Raises InvalidRequestError naming the first face whose mask holds other ids.
        """
        found = np.empty_like(self.labels)
        for place, (mask, name) in enumerate(zip(self.labels, self.names, strict=True)):
            try:
                found[place] = classes.to_indices(mask)
            except InvalidRequestError as error:
                raise InvalidRequestError(f"Face {name}: {error}") from error
        return found


def reduce_labels(labels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Masks [N, R, R] -> [N, size, size]: the value that most pixels of an area have.

    Where several have as many, the smallest. Not labelled counts as a value. Raises
    InvalidRequestError where R is no multiple of `size`.
    """
    side = labels.shape[1]
    if size < 1 or side % size:
        raise InvalidRequestError(
            f"Masks of {side} px cannot be brought to {size} px. Choose a size that {side} is a "
            "multiple of, or paint masks of the size that is trained."
        )
    factor = side // size
    areas = labels.reshape(-1, size, factor, size, factor).swapaxes(2, 3)
    flat = areas.reshape(-1, size, size, factor * factor)
    best = np.zeros(flat.shape[:3], np.int32)
    winner = np.full(flat.shape[:3], UNLABELLED, np.uint8)
    for value in np.unique(labels):
        votes = (flat == value).sum(-1, dtype=np.int32)
        winner[votes > best] = value
        np.maximum(best, votes, out=best)
    return winner
