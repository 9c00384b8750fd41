"""The aligned crop of a face as a differentiable function of the image, for losses on age and
gender. Where the face is, dlib says (faces.py); that has no slope, and hardly moves in a step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.attributes.faces import FoundFace, crop_frame

KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # of dlib's pyramid
DRIFT = (-0.5, 0.5)  # px of the picture, (x, y), that each halving of dlib's moves it by


def differentiable_crop(image: Tensor, face: FoundFace, size: int) -> Tensor:
    """Image [1, 3, H, W] in [-1, 1] -> its face upright [1, 3, size, size], RGB in 0 to 255.

    Follows `faces.crop` (halved by a 5-tap filter, then bilinear) but for rounding: mean
    difference about 2 levels. The frame comes from `face`, found in the same image.
    """
    frame = crop_frame(face, size)  # [2, 3]
    step = float(np.hypot(*frame[:, 0]))
    halvings = 0
    while (step / 2 ** (halvings + 1)) * (size - 1) > size:
        halvings += 1
    x = (image + 1.0) * 127.5
    for _ in range(halvings):
        x = _halved(x)
    places = np.mgrid[:size, :size][::-1].reshape(2, -1)  # x, y of each px
    at = frame[:, :2] @ places + frame[:, 2:]
    at = (at + np.array(DRIFT)[:, None] * (2**halvings - 1)) / 2**halvings
    extent = np.array([x.shape[3], x.shape[2]])[:, None]
    grid = ((at + 0.5) / extent * 2 - 1).T.reshape(1, size, size, 2)
    return F.grid_sample(
        x,
        torch.from_numpy(grid).to(x),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )


def _halved(x: Tensor) -> Tensor:
    """[1, C, H, W] -> [1, C, H / 2, W / 2]."""
    channels = x.shape[1]
    kernel = x.new_tensor(KERNEL).expand(channels, 1, 1, 5)
    x = F.conv2d(F.pad(x, (2, 2, 0, 0), "replicate"), kernel, stride=(1, 2), groups=channels)
    kernel = kernel.transpose(2, 3)
    return F.conv2d(F.pad(x, (0, 0, 2, 2), "replicate"), kernel, stride=(2, 1), groups=channels)
