"""What a latent is to look like: an aligned photo, and where it counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidRequestError
from core.images import downsample, to_float
from core.inversion.frame import Frame
from core.inversion.resampling import outside

MADE_UP = 0.05  # how much padding counts, which no photo showed
SURROUNDINGS = 0.3  # how much hair's ends and background count beside the face
_CENTRE, _REACH = (0.5, 0.55), (0.3, 0.35)  # across and down, in parts of the side: of the face
_FADE = 0.02  # of the side, over which it comes to count less


@dataclass(frozen=True, eq=False)
class Target:
    """picture: uint8 [S, S, 3], an aligned face. weight: float32 [S, S] in 0 to 1, how much each
    px counts; None: all the same. Raises InvalidRequestError for other shapes or values.
    """

    picture: NDArray[np.uint8]
    weight: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        shape = self.picture.shape
        if self.picture.dtype != np.uint8 or len(shape) != 3 or shape != (shape[0], shape[0], 3):
            raise InvalidRequestError(
                f"An aligned face must be uint8 [S, S, 3], is {self.picture.dtype} {list(shape)}."
            )
        if self.weight is None:
            return
        if self.weight.shape != shape[:2]:
            raise InvalidRequestError(
                f"The weight of a picture of {shape[0]} px must be [{shape[0]}, {shape[0]}], is "
                f"{list(self.weight.shape)}."
            )
        if not (self.weight.min() >= 0 and 0 < self.weight.max() <= 1):  # NaN is neither
            raise InvalidRequestError("A weight must lie in 0 to 1, and not be 0 everywhere.")

    def focused(self) -> Target:
        """The same, but the surroundings of the face count less, as FFHQ's frame places it."""
        places = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size
        across, down = (places - _CENTRE[0]) / _REACH[0], (places - _CENTRE[1]) / _REACH[1]
        near = np.exp(-((across**2 + down[:, None] ** 2) ** 2))
        weight = np.float32(SURROUNDINGS) + np.float32(1 - SURROUNDINGS) * near
        return Target(self.picture, weight if self.weight is None else weight * self.weight)

    @property
    def size(self) -> int:
        return len(self.picture)

    def image(self, size: int) -> Tensor:
        """The picture at that size, [1, 3, size, size] in [-1, 1]; each px the mean of its area."""
        return downsample(to_float(torch.tensor(self.picture)[None]), size)

    def weights(self, size: int) -> Tensor:
        """[1, 1, size, size], their mean 1."""
        if self.weight is None:
            return torch.ones(1, 1, size, size)
        weight = downsample(torch.tensor(self.weight)[None, None], size)
        return weight / weight.mean()


def framed_target(picture: NDArray[np.uint8], shape: tuple[int, ...], frame: Frame) -> Target:
    """Of what a frame shows of its photo [H, W, ...]; what no photo showed counts little."""
    return Target(picture, padding_weight(shape, frame, len(picture)))


def padding_weight(shape: tuple[int, ...], frame: Frame, size: int) -> NDArray[np.float32]:
    """[size, size]: 1 where a frame shows its photo [H, W, ...], MADE_UP beyond its border."""
    inside = np.clip(-outside(shape, frame, size) / _FADE, 0, 1)
    return np.asarray(MADE_UP + (1 - MADE_UP) * inside, np.float32)
