"""How alike an inverted face and its photo are, in the figures that others publish, too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.images import downsample, psnr, to_float
from core.inversion.perceptual import ssim_map
from core.inversion.target import Target

SIZE = 256  # px, at which pictures are compared; single hairs and pores are beyond a latent


@dataclass(frozen=True)
class Likeness:
    """psnr: dB. ssim: 1 for the same picture."""

    psnr: float
    ssim: float


def likeness(target: Target, picture: NDArray[np.uint8]) -> Likeness:
    """Of a picture uint8 [R, R, 3] and a target, at 256 px or what the smaller one has.

    Where the target counts less, the picture is taken for right by as much.
    """
    size = min(SIZE, target.size, len(picture))
    known, weight = target.image(size), target.weights(size)
    shown = downsample(to_float(torch.from_numpy(picture)[None]), size)
    shown = known + (shown - known) * weight.clamp(max=1).sqrt()
    return Likeness(psnr(known, shown), float(ssim_map(known, shown).mean()))
