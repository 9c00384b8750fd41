"""Shares of a whole number: how many each gets, and who is in which group."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def largest_remainder(count: int, shares: Sequence[float]) -> list[int]:
    """How many of `count` each share gets: whole numbers that add up to it, none more than one
    away from its exact part [Hamilton's method]. Equal remainders go to the first ones.

    shares: 0 or more, not all 0; only their ratio matters.
    """
    total = math.fsum(shares)
    exact = [count * share / total for share in shares]
    found = [math.floor(part + 1e-9) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: (-round(exact[i] - found[i], 9), i))
    for place in order[: count - sum(found)]:
        found[place] += 1
    return found


def cells(shares: Mapping[str, Sequence[float]]) -> tuple[list[tuple[int, ...]], list[float]]:
    """All combinations of the groups of several dimensions, and the share of each."""
    combinations = list(itertools.product(*(range(len(part)) for part in shares.values())))
    parts = list(shares.values())
    return combinations, [
        math.prod(part[group] for part, group in zip(parts, combination, strict=True))
        for combination in combinations
    ]


def dealt(groups: Sequence[int], shares: Sequence[int]) -> NDArray[np.int64]:
    """Deal people, sorted by their group, to parts of fixed sizes, each like the whole.

    groups: of each person. shares: sizes of the parts, adding up to the people. Returns the
    part of each person, int64 [N]. Each goes to the part that lags most behind its share.
    """
    order = np.argsort(np.asarray(groups), kind="stable")
    part_of = np.empty(len(order), np.int64)
    sizes = np.asarray(shares, np.float64)
    given = np.zeros(len(sizes))
    for dealt_so_far, person in enumerate(order, start=1):
        behind = sizes * dealt_so_far / len(order) - given
        behind[given >= sizes] = -np.inf
        part = int(np.argmax(behind))
        part_of[person] = part
        given[part] += 1
    return part_of
