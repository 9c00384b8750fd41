"""The head as a module that is compiled into the generator's own pass: maps in, labels out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.segmentation.classes import ClassSet
from core.segmentation.head import Features, Head


class Labeller(nn.Module):
    """features -> class ids uint8 [N, S, S] and, if wanted, uncertainty uint8 [N, S, S].

    resolutions: the feature maps it reads. size: S.
    """

    table: Tensor

    def __init__(self, head: Head, classes: ClassSet) -> None:
        super().__init__()
        self.head = head
        self.resolutions = head.resolutions
        self.size = head.size
        self.plain = classes.ids == tuple(range(classes.num_classes))  # ids are the indices
        self.register_buffer("table", torch.tensor(classes.ids, dtype=torch.uint8))

    def forward(
        self, features: Features, with_uncertainty: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        if not with_uncertainty:
            return self._labels(self.head(features)), None
        logits, doubt = self.head.with_uncertainty(features)
        levels = (doubt.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
        return self._labels(logits), levels

    def _labels(self, logits: Tensor) -> Tensor:
        index = first_largest(logits)
        return index if self.plain else self.table[index.long()]


def first_largest(logits: Tensor) -> Tensor:
    """Index of the largest of [N, K, h, w] along K, uint8 [N, h, w]; K up to 255.

    As argmax, but for ties within a hundred-thousandth; compiled by OpenVINO it takes about
    half of argmax's time, which is a fifth of the whole head's.
    """
    behind = (logits.amax(1, keepdim=True) - logits) * 1e6  # 0 for the largest
    index = torch.arange(logits.shape[1], dtype=logits.dtype, device=logits.device)
    return (behind + index[:, None, None]).amin(1).to(torch.uint8)  # the rest is cut off
