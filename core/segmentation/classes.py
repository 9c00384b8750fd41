"""Which classes a segmenter tells apart: ids outside, indices 0..K-1 inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError

UNLABELLED = 255  # the value of pixels nobody labelled, in ids and in indices

_SIDES = {"left": "right", "right": "left"}
_SIDE = re.compile(r"\b(left|right)\b")


@dataclass(frozen=True)
class ClassSet:
    """Classes in the order of their ids; entry i of each field belongs to index i.

    ids: ascending, each in 0..254. colours: RGB, 0..255. Raises InvalidRequestError.
    """

    ids: tuple[int, ...]
    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(self.ids))  # JSON brings lists
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "colours", tuple((r, g, b) for r, g, b in self.colours))
        if not len(self.ids) == len(self.names) == len(self.colours):
            raise InvalidRequestError(
                f"Each class needs an id, a name and a colour; there are {len(self.ids)} ids, "
                f"{len(self.names)} names and {len(self.colours)} colours."
            )
        if len(self.ids) < 2:
            raise InvalidRequestError(f"At least two classes are needed, got {len(self.ids)}.")
        ascending = all(a < b for a, b in zip(self.ids, self.ids[1:], strict=False))
        if not ascending or self.ids[0] < 0 or self.ids[-1] >= UNLABELLED:
            raise InvalidRequestError(
                f"Class ids must ascend within 0..{UNLABELLED - 1}, are {list(self.ids)}."
            )

    @property
    def num_classes(self) -> int:
        return len(self.ids)

    @property
    def background(self) -> int | None:
        """Index of the class named background; None if there is none."""
        return self.names.index("background") if "background" in self.names else None

    def to_indices(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Class ids -> indices, any shape; 255 stays.

        Raises InvalidRequestError naming ids that are no class here.
        """
        table = np.full(256, UNLABELLED, np.uint8)
        table[list(self.ids)] = np.arange(self.num_classes, dtype=np.uint8)
        counts = np.bincount(labels.ravel(), minlength=256)
        allowed = {*self.ids, UNLABELLED}
        if strange := [int(v) for v in counts.nonzero()[0] if int(v) not in allowed]:
            raise InvalidRequestError(
                f"The mask has values {strange[:8]} that are none of the classes. Allowed are "
                f"{list(self.ids)} and {UNLABELLED} for not labelled."
            )
        indices: NDArray[np.uint8] = table[labels]
        return indices

    def to_ids(self, indices: NDArray[Any]) -> NDArray[np.uint8]:
        """Indices 0..K-1 -> class ids, any shape; 255 stays."""
        ids: NDArray[np.uint8] = self.id_table()[indices]
        return ids

    def id_table(self) -> NDArray[np.uint8]:
        """uint8 [256]: index -> id; 255 where there is no class."""
        table = np.full(256, UNLABELLED, np.uint8)
        table[: self.num_classes] = self.ids
        return table

    def palette(self) -> NDArray[np.uint8]:
        """Colours uint8 [256, 3] by index; grey where there is no class."""
        colours = np.full((256, 3), 128, np.uint8)
        colours[: self.num_classes] = self.colours
        return colours

    def mirrored(self) -> tuple[int, ...]:
        """The index that each class becomes in a mirrored picture.

        'left X' and 'right X' change places; every other class stays.
        """
        return tuple(
            self.names.index(other)
            if (other := _SIDE.sub(lambda side: _SIDES[side[0]], name)) in self.names
            else index
            for index, name in enumerate(self.names)
        )

    def subset(self, ids: list[int]) -> ClassSet:
        """Only these classes, in the order of their ids. Raises InvalidRequestError."""
        if strange := sorted(set(ids) - set(self.ids)):
            raise InvalidRequestError(
                f"There is no class {strange}; the label scheme has {list(self.ids)}."
            )
        places = [place for place, known in enumerate(self.ids) if known in set(ids)]
        return ClassSet(
            tuple(self.ids[i] for i in places),
            tuple(self.names[i] for i in places),
            tuple(self.colours[i] for i in places),
        )
