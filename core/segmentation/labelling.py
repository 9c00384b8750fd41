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
        index = logits.argmax(1)
        return index.to(torch.uint8) if self.plain else self.table[index]
