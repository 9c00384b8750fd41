"""Merging of adjacent regions, most alike first, down to one: all levels lie on the way.

Ward's linkage on a graph of neighbours [Ward 1963, doi 10.1080/01621459.1963.10500845],
tempered so that a small region that stands out lives longer and weak borders fall first.
Pairs that are each other's cheapest merge side by side, as greedy merging would get to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE_POWER = 0.4  # of a region's pixels; 1 is Ward's own, less favours small regions
LEAST_DISTANCE = 0.02  # squared; regions alike in everything still merge small ones first
LEAST_CONTRAST = 2.0  # Lab units a pixel, added to the mean gradient along a border


@dataclass(frozen=True)
class Neighbours:
    """Pairs of regions that touch. first < second; all [num_pairs].

    length: pixels of the border. contrast: the sum of the gradient along it.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    length: NDArray[np.float64]
    contrast: NDArray[np.float64]

    @classmethod
    def joined(
        cls,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        length: NDArray[np.float64],
        contrast: NDArray[np.float64],
    ) -> Neighbours:
        """From pieces of borders in any order: equal pairs are added up, inner ones left out."""
        apart = first != second
        first, second = np.minimum(first, second)[apart], np.maximum(first, second)[apart]
        base = int(second.max(initial=0)) + 1
        pairs, place = np.unique(first * base + second, return_inverse=True)
        lengths = np.bincount(place, length[apart], len(pairs)).astype(np.float64)
        contrasts = np.bincount(place, contrast[apart], len(pairs)).astype(np.float64)
        return cls(pairs // base, pairs % base, lengths, contrasts)


@dataclass(frozen=True)
class MergeOrder:
    """A tree of merges, cheapest first. children: [num_leaves - 1, 2], nodes after the leaves."""

    num_leaves: int
    children: NDArray[np.int64]
    heights: NDArray[np.float64]

    def labels(self, count: int) -> NDArray[np.int64]:
        """For each leaf the node it belongs to when `count` regions are left."""
        num_merges = self.num_leaves - count
        cheapest = np.argsort(self.heights, kind="stable")[:num_merges]
        parents = np.arange(self.num_leaves + len(self.children))
        parents[self.children[cheapest]] = self.num_leaves + cheapest[:, None]
        while not np.array_equal(above := parents[parents], parents):
            parents = above
        return parents[: self.num_leaves]


def neighbours(ids: NDArray[np.int32], gradient: NDArray[np.float32]) -> Neighbours:
    """Which regions of ids [H, W] touch by sides, with the gradient [H, W] between them."""
    pieces = []
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        at_border = ids[here] != ids[there]
        between = np.maximum(gradient[here], gradient[there])[at_border]
        pieces.append((ids[here][at_border], ids[there][at_border], between))
    first, second, contrast = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    length = np.ones(len(first))
    return Neighbours.joined(
        first.astype(np.int64), second.astype(np.int64), length, contrast.astype(np.float64)
    )


def merge_order(
    sizes: NDArray[np.int64], means: NDArray[np.float32], pairs: Neighbours
) -> MergeOrder:
    """Merge regions of `sizes` [N] pixels and mean descriptions [N, D] until one is left."""
    size, mean = sizes.astype(np.float64), means.copy()
    node, height = np.arange(len(size)), np.zeros(len(size))
    children, heights, num_nodes = [np.empty((0, 2), np.int64)], [np.empty(0)], len(size)
    while len(pairs.first):
        cost = _costs(size, mean, pairs)
        chosen = _mutually_cheapest(cost, pairs, len(size))
        kept, gone = pairs.first[chosen], pairs.second[chosen]
        children.append(np.stack([node[kept], node[gone]], 1))
        # never below a merge that it is made of, though neighbours may come to look more alike
        height[kept] = np.maximum(cost[chosen], np.maximum(height[kept], height[gone]))
        heights.append(height[kept])
        node[kept] = num_nodes + np.arange(len(kept))
        num_nodes += len(kept)
        share = (size[gone] / (size[kept] + size[gone])).astype(np.float32)[:, None]
        mean[kept] += share * (mean[gone] - mean[kept])
        size[kept] += size[gone]
        left = np.ones(len(size), bool)
        left[gone] = False
        number = np.cumsum(left) - 1
        number[gone] = number[kept]
        size, mean, node, height = size[left], mean[left], node[left], height[left]
        pairs = Neighbours.joined(
            number[pairs.first], number[pairs.second], pairs.length, pairs.contrast
        )
    return MergeOrder(len(sizes), np.concatenate(children), np.concatenate(heights))


def _costs(
    size: NDArray[np.float64], mean: NDArray[np.float32], pairs: Neighbours
) -> NDArray[np.float64]:
    weight = size**SIZE_POWER
    first, second = weight[pairs.first], weight[pairs.second]
    difference = mean[pairs.first] - mean[pairs.second]
    distance = np.einsum("nd,nd->n", difference, difference)
    contrast = np.sqrt(LEAST_CONTRAST + pairs.contrast / pairs.length)
    costs: NDArray[np.float64] = (
        first * second / (first + second) * (distance + LEAST_DISTANCE) * contrast
    )
    return costs


def _mutually_cheapest(
    cost: NDArray[np.float64], pairs: Neighbours, num_regions: int
) -> NDArray[np.bool_]:
    """Which pairs [num_pairs] are the cheapest one for both; of equal ones the first counts."""
    rank = np.empty(len(cost), np.int64)
    rank[np.argsort(cost, kind="stable")] = np.arange(len(cost))
    best = np.full(num_regions, len(cost))
    np.minimum.at(best, pairs.first, rank)
    np.minimum.at(best, pairs.second, rank)
    mutual: NDArray[np.bool_] = (best[pairs.first] == rank) & (best[pairs.second] == rank)
    return mutual
