"""How different two pictures of a face look to a network that no inversion is steered by.

LPIPS's way without its learned weights [Zhang et al. 2018, arXiv:1801.03924], through the second
estimator's network.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.evaluation.wide_resnet import WideResNet
from core.images import downsample, to_float

SIZE = 128  # px of a face in FFHQ's frame: about the scale that the network was trained at


class LookDistance:
    """Of pictures in FFHQ's frame."""

    def __init__(self, net: WideResNet) -> None:
        self._net = net

    def between(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
        """Of uint8 [R, R, 3] each, R at least 128 px: 0 for the same, at most 4."""
        with torch.no_grad():
            pairs = zip(self._maps(one), self._maps(other), strict=True)
            apart = [(x - y).square().sum(1).mean() for x, y in pairs]
        return float(torch.stack(apart).mean())

    def _maps(self, picture: NDArray[np.uint8]) -> list[Tensor]:
        """Each place's channels as a vector of length 1."""
        small = downsample(to_float(torch.tensor(picture)[None]), SIZE)
        maps = self._net.maps((small + 1) * 127.5)
        return [x * torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-6) for x in maps]
