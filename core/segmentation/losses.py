"""Losses on labelled pixels. 255 carries none.

Class-balanced weights: (1 - beta) / (1 - beta^n) for a class with n pixels [Cui et al. 2019,
arXiv:1901.05555], scaled to a mean of 1 over the classes that occur.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.errors import InvalidRequestError
from core.segmentation.classes import UNLABELLED

Loss = Literal["cross-entropy", "class-balanced", "effective-number-labelled"]
LOSSES: tuple[str, ...] = get_args(Loss)
BETA = 0.9999


def count_pixels(labels: NDArray[np.uint8], num_classes: int) -> NDArray[np.int64]:
    """How many pixels each class has, [K], of indices of any shape; 255 is not counted."""
    return np.bincount(labels.ravel(), minlength=256)[:num_classes].astype(np.int64)


def effective_number(counts: NDArray[np.int64], beta: float = BETA) -> NDArray[np.float64]:
    """(1 - beta^n) / (1 - beta) for each class: how many different pixels n of them are worth."""
    if not 0 <= beta < 1:
        raise InvalidRequestError(f"beta must be at least 0 and below 1, is {beta}.")
    numbers: NDArray[np.float64] = (
        -np.expm1(counts * np.log(beta)) / (1 - beta)
        if beta
        else (np.minimum(counts, 1).astype(np.float64))
    )
    return numbers


def class_weights(
    loss: Loss, labels: NDArray[np.uint8], num_classes: int, beta: float = BETA
) -> Tensor | None:
    """Weights float32 [K] of the classes; None where all weigh the same.

    labels: indices uint8 [N, S, S] of the training faces. 'class-balanced' counts pixels over
    all faces, as the thesis does: with millions of them most classes then weigh nearly the
    same. 'effective-number-labelled' counts a labelled face's pixels by their mean a face on
    which the class occurs, so that sparse strokes and small parts keep their weight. Classes
    without a pixel weigh 0.
    """
    if loss == "cross-entropy":
        return None
    if loss not in LOSSES:
        raise InvalidRequestError(f"There is no loss '{loss}'. Known: {', '.join(LOSSES)}.")
    counts = count_pixels(labels, num_classes)
    if loss == "effective-number-labelled":
        each = np.stack([count_pixels(face, num_classes) for face in labels])  # [N, K]
        counts = counts // np.maximum((each > 0).sum(0), 1)
    present = counts > 0
    weights = np.zeros(num_classes)
    weights[present] = 1.0 / effective_number(counts[present], beta)
    if present.any():
        weights *= present.sum() / weights.sum()
    return torch.from_numpy(weights).float()


def pixel_loss(
    logits: Tensor, labels: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Mean cross entropy over the labelled pixels; 0 where there are none.

    logits: [N, K, H, W]. labels: indices uint8 [N, H, W], 255 for none.
    """
    labelled = labels != UNLABELLED
    if not bool(labelled.any()):
        return logits.sum() * 0.0
    rows = logits.permute(0, 2, 3, 1)[labelled]  # [P, K]
    return F.cross_entropy(rows, labels[labelled].long(), weights, label_smoothing=smoothing)
