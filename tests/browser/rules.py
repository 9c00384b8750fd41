"""The painter's rules in numpy, written from their words and not from the JavaScript.

Pixel (i, j) has its centre at (i + 0.5, j + 0.5). Points are (x, y) in image pixels. Every function
returns bool [height, width]: the pixels that the shape covers.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

Point = tuple[float, float]
Shape = tuple[int, int]


def centres(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return x + 0.5, y + 0.5


def capsule(shape: Shape, a: Point, b: Point, diameter: int) -> np.ndarray:
    """Centres at most diameter / 2 from the segment; diameter 1: the one-pixel line."""
    if diameter == 1:
        return line(shape, a, b)
    x, y = centres(shape)
    dx, dy = b[0] - a[0], b[1] - a[1]
    squared = dx * dx + dy * dy
    t = 0 if squared == 0 else np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / squared, 0, 1)
    near = (x - a[0] - t * dx) ** 2 + (y - a[1] - t * dy) ** 2
    return near <= (diameter / 2) ** 2


def line(shape: Shape, a: Point, b: Point) -> np.ndarray:
    """Pixel k of 0..n lies k / n of the way between the pixels under a and b, halves up."""
    covered = np.zeros(shape, bool)
    (x0, y0), (x1, y1) = [tuple(math.floor(value) for value in point) for point in (a, b)]
    steps = max(abs(x1 - x0), abs(y1 - y0))
    for k in range(steps + 1):
        x = math.floor(x0 + k * (x1 - x0) / max(1, steps) + 0.5)
        y = math.floor(y0 + k * (y1 - y0) / max(1, steps) + 0.5)
        if 0 <= x < shape[1] and 0 <= y < shape[0]:
            covered[y, x] = True
    return covered


def stroke(shape: Shape, points: Sequence[Point], diameter: int) -> np.ndarray:
    covered = capsule(shape, points[0], points[0], diameter)
    for a, b in itertools.pairwise(points):
        covered |= capsule(shape, a, b, diameter)
    return covered


def polygon(shape: Shape, points: Sequence[Point]) -> np.ndarray:
    """Winding number of the polygon around each centre is not 0."""
    x, y = centres(shape)
    winding = np.zeros(shape, int)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
        winding += (ay <= y) & (by > y) & (side > 0)
        winding -= (by <= y) & (ay > y) & (side < 0)
    return winding != 0


def rectangle(shape: Shape, a: Point, b: Point) -> np.ndarray:
    covered = np.zeros(shape, bool)
    x0, x1 = sorted((math.floor(a[0]), math.floor(b[0])))
    y0, y1 = sorted((math.floor(a[1]), math.floor(b[1])))
    covered[max(0, y0) : max(0, y1 + 1), max(0, x0) : max(0, x1 + 1)] = True
    return covered


def connected(same: np.ndarray, seed: tuple[int, int]) -> np.ndarray:
    """The 4-connected part of `same` around the pixel (x, y)."""
    covered = np.zeros(same.shape, bool)
    waiting = deque([seed])
    while waiting:
        x, y = waiting.popleft()
        inside = 0 <= x < same.shape[1] and 0 <= y < same.shape[0]
        if not inside or covered[y, x] or not same[y, x]:
            continue
        covered[y, x] = True
        waiting.extend([(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)])
    return covered


def flood(ids: np.ndarray, pixel: tuple[int, int]) -> np.ndarray:
    return connected(ids == ids[pixel[1], pixel[0]], pixel)


def enclosed(shape: Shape, points: Sequence[Point], diameter: int) -> np.ndarray:
    """The closed stroke and what it encloses, looked at on a larger sheet than the map."""
    rim = 64
    sheet = (shape[0] + 2 * rim, shape[1] + 2 * rim)
    moved = [(x + rim, y + rim) for x, y in points]
    closed = stroke(sheet, [*moved, moved[0]], diameter)
    outside = connected(~closed, (0, 0))
    return ~outside[rim:-rim, rim:-rim]


def parts(ids: np.ndarray) -> Iterable[np.ndarray]:
    """The 4-connected parts of equal id."""
    left = np.ones(ids.shape, bool)
    while left.any():
        y, x = np.argwhere(left)[0]
        part = flood(ids, (int(x), int(y)))
        left &= ~part
        yield part


def common_neighbour(ids: np.ndarray, part: np.ndarray) -> int | None:
    """The id most common along the part's sides, the lower one on a tie."""
    votes = np.zeros(256, int)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        for y, x in np.argwhere(part):
            ny, nx = y + dy, x + dx
            if 0 <= ny < ids.shape[0] and 0 <= nx < ids.shape[1] and not part[ny, nx]:
                votes[ids[ny, nx]] += 1
    return int(votes.argmax()) if votes.any() else None


def painted(
    before: np.ndarray, region: np.ndarray, class_id: int, allowed: set[int] | None = None
) -> np.ndarray:
    """The map after painting: only pixels whose class is allowed (None: all) change."""
    may = np.ones(before.shape, bool) if allowed is None else np.isin(before, list(allowed))
    return np.where(region & may, class_id, before).astype(np.uint8)
