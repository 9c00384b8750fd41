"""A second estimator of age and gender, by others from other data.

Nothing here steers with it. So it can tell how far faces that our own estimator finds precise
only please that estimator.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.attributes.dex import dex_crop
from core.attributes.faces import FoundFace
from core.evaluation.wide_resnet import WideResNet, open_wide_resnet


class SecondEstimator:
    """Judges faces that were found already."""

    def __init__(self, net: WideResNet) -> None:
        self.net = net

    def estimate(self, picture: NDArray[np.uint8], face: FoundFace) -> tuple[float, float]:
        """Age in years and probability of male, of a face of a picture uint8 [H, W, 3].

        The face is cut out with the margin of 40 % that its authors use.
        """
        chip = torch.from_numpy(dex_crop(picture, face, self.net.size).copy())
        with torch.no_grad():
            years, male = self.net.years_and_male(chip.permute(2, 0, 1)[None].float())
        return float(years), float(male)


def open_second_estimator(path: Path) -> SecondEstimator:
    """Of a file of the registry. Raises WeightsError for any other."""
    return SecondEstimator(open_wide_resnet(path))
