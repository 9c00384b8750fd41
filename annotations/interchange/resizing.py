"""Label maps at another size: whole ids, never blends of them."""

from __future__ import annotations

import numpy as np

from annotations.errors import BadMaskError
from annotations.mask_codec import LabelMap
from annotations.png_chunks import MAX_SIDE


def resize_labels(labels: LabelMap, height: int, width: int) -> LabelMap:
    """Label map uint8 [H, W] -> [height, width].

    Shrunk by a whole factor, a pixel gets the most frequent id of its block (the smallest
    one where several are); otherwise the id at its centre. Raises BadMaskError for sides
    outside 1..4096.
    """
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise BadMaskError(f"A mask must be 1 to {MAX_SIDE} px a side, not {width} x {height}.")
    old_height, old_width = labels.shape
    if (old_height, old_width) == (height, width):
        return labels
    if old_height % height == 0 and old_width % width == 0:
        return _most_frequent(labels, height, width)
    rows = (np.arange(height) * 2 + 1) * old_height // (2 * height)
    columns = (np.arange(width) * 2 + 1) * old_width // (2 * width)
    return np.ascontiguousarray(labels[rows[:, None], columns])


def _most_frequent(labels: LabelMap, height: int, width: int) -> LabelMap:
    tall, wide = labels.shape[0] // height, labels.shape[1] // width
    blocks = labels.reshape(height, tall, width, wide)
    best = np.zeros((height, width), np.uint8)
    most = np.zeros((height, width), np.int64)
    for value in np.unique(labels):
        count = (blocks == value).sum(axis=(1, 3))  # [height, width]
        is_more = count > most
        best[is_more], most[is_more] = value, count[is_more]
    return best
