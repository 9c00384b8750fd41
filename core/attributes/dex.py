"""The thesis's age estimator: DEX, a VGG-16 with one class a year [Rothe et al. 2018, IJCV 126].

Its weights are not in any package; whoever has a PyTorch checkpoint of them can load it here. It
answers the same question as the networks of `nets.py`, so it can stand in for their age.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from core.attributes.faces import FoundFace
from core.attributes.vgg import BLOCKS, Blocks, VggFile, vgg_features

AGES = 101  # classes: 0 to 100 years
CHIP = 224  # px
MARGIN = 0.4  # of the face's box, on each side [section 4.1]
MEANS = (103.939, 116.779, 123.68)  # BGR, of 0 to 255: VGG-16's own
WIDE = 4096


class DexNet(nn.Module):
    """Faces [N, 3, 224, 224], RGB in 0 to 255 -> logits [N, 101] of the ages 0 to 100."""

    years_of: Tensor

    def __init__(self, blocks: Blocks = BLOCKS, wide: int = WIDE) -> None:
        super().__init__()
        self.features = vgg_features(blocks)
        before, side = blocks[-1][0], CHIP // 2 ** len(blocks)
        self.fc6 = nn.Linear(before * side * side, wide)
        self.fc7 = nn.Linear(wide, wide)
        self.fc8 = nn.Linear(wide, AGES)
        self.register_buffer("years_of", torch.arange(AGES, dtype=torch.float32), persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        x = chips.flip(1) - chips.new_tensor(MEANS)[:, None, None]  # BGR
        x = self.features(x).flatten(1)
        x = torch.relu(self.fc7(torch.relu(self.fc6(x))))
        return self.fc8(x)  # type: ignore[no-any-return]

    def years(self, chips: Tensor) -> Tensor:
        """Expected age [N] under the softmax [section 3.3]."""
        return self.forward(chips).softmax(1) @ self.years_of


def open_dex(path: Path) -> DexNet:
    """A checkpoint (.pt, .pth) with caffe's names (conv1_1 ... fc8) or torchvision's.

    No code in it is run. Raises WeightsError for anything that is not such a network.
    """
    net = DexNet()
    VggFile(path, f"a VGG-16 with {AGES} ages").fill(net)
    return net.eval().requires_grad_(False)


def dex_crop(picture: NDArray[np.uint8], face: FoundFace, size: int = CHIP) -> NDArray[np.uint8]:
    """The face with a margin of 40 %, uint8 [size, size, 3]; beyond the picture its border goes on
    [section 4.1]."""
    left, top, right, bottom = face.box
    width, height = right - left + 1, bottom - top + 1
    rows = np.clip(_span(top, height), 0, picture.shape[0] - 1)
    columns = np.clip(_span(left, width), 0, picture.shape[1] - 1)
    cut = np.ascontiguousarray(picture[rows[:, None], columns])
    return np.asarray(Image.fromarray(cut).resize((size, size), Image.Resampling.BILINEAR))


def _span(start: int, length: int) -> NDArray[np.int64]:
    margin = round(MARGIN * length)
    return np.arange(start - margin, start + length + margin)
