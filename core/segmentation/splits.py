"""Which faces teach, which choose, which judge: fixed by a seed, rare classes spread evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.segmentation.losses import count_pixels

SHARES = (30, 10, 10)  # train, validation, test


@dataclass(frozen=True)
class Split:
    """Places of the faces of each part; no face is in two."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def split_faces(
    indices: NDArray[np.uint8],
    num_classes: int,
    shares: tuple[int, int, int] = SHARES,
    seed: int = 0,
) -> Split:
    """Deal faces with masks [N, S, S] into three parts whose sizes are to each other as `shares`.

    Faces with the rarest classes are dealt first, each to the part that still lacks most of
    that class, so that earrings and hats do not all land in one part. The same masks, shares
    and seed give the same parts. Raises InvalidRequestError where the training part would be
    empty.
    """
    if min(shares) < 0 or shares[0] < 1:
        raise InvalidRequestError(
            f"Splits must be numbers of 0 or more, train 1 or more, are {list(shares)}."
        )
    room = _sizes(len(indices), shares)
    present = np.stack([count_pixels(face, num_classes) > 0 for face in indices])  # [N, K]
    rare = present.sum(0)  # faces with each class
    shuffled = np.random.RandomState(seed).permutation(len(indices))
    order = sorted(shuffled, key=lambda i: int(rare[present[i]].min(initial=len(indices))))
    want = np.outer(np.array(shares) / sum(shares), rare)  # [3, K]
    parts: list[list[int]] = [[], [], []]
    for place in order:
        open_parts = [p for p in range(3) if len(parts[p]) < room[p]]
        weight = present[place] / np.maximum(rare, 1)
        best = max(open_parts, key=lambda p: (float((want[p] * weight).sum()), -p))
        parts[best].append(int(place))
        want[best] -= present[place]
    train, validation, test = (tuple(sorted(part)) for part in parts)
    return Split(train, validation, test)


def _sizes(count: int, shares: tuple[int, int, int]) -> list[int]:
    """Sizes that add up to `count`; training gets what rounding leaves, and at least one face."""
    total = sum(shares)
    if not count:
        raise InvalidRequestError("There are no labelled faces. Paint some, then train.")
    validation, test = (int(count * share / total) for share in shares[1:])
    if count >= 2 and shares[1] and not validation:
        validation = 1
    return [count - validation - test, validation, test]
