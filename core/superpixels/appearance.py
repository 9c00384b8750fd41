"""What pixels and basins look like: colour, its gradient, and the generator's features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

SMOOTHING = 1.0  # pixels, standard deviation: less than the width of a strand of hair
COMPONENTS = 24  # kept of each feature map; fewer lose the lips
FLATTENING = 0.3  # 0: components count by their variance, 1: all alike

# sRGB to CIE XYZ, divided by the D65 white point [IEC 61966-2-1; CIE 015]
_XYZ = torch.tensor(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
) / torch.tensor([[0.95047], [1.0], [1.08883]])
_LAB = torch.tensor([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])


def colour_and_gradient(
    picture: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A picture uint8 [H, W, 3] -> smoothed CIE Lab [3, H, W], its gradient's length [H, W].

    The gradient is in Lab units a pixel.
    """
    lab = _smoothed(_lab(torch.tensor(picture)))
    x = F.pad(lab[None], (1, 1, 1, 1), mode="replicate")[0]  # [3, H + 2, W + 2]
    ramp, step = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5)
    across = _weighted(_weighted(x, ramp, 1), step, 2)
    down = _weighted(_weighted(x, step, 1), ramp, 2)
    squares = (across.square() + down.square()).sum(0)
    return lab.numpy(), squares.sqrt().numpy()


def feature_descriptions(
    features: Sequence[NDArray[np.float32]], places: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """Each map's principal components at places [N, 2] (x, y in 0..1) of the picture.

    One [N, at most COMPONENTS] for each map [C, h, w], of total variance 1 on the map.
    """
    return [_sampled(_principal(torch.from_numpy(f)), torch.from_numpy(places)) for f in features]


def _lab(picture: Tensor) -> Tensor:
    """uint8 [H, W, 3] sRGB -> float32 [3, H, W] CIE Lab (D65), L in 0..100."""
    shades = torch.arange(256) / 255
    linear = torch.where(shades <= 0.04045, shades / 12.92, ((shades + 0.055) / 1.055) ** 2.4)
    xyz = torch.tensordot(_XYZ, linear[picture.int()], dims=([1], [2]))  # [3, H, W]
    bent = torch.where(xyz > 216 / 24389, xyz.clamp(min=1e-6) ** (1 / 3), xyz * 841 / 108 + 4 / 29)
    lab: Tensor = torch.tensordot(_LAB, bent, dims=1)
    lab[0] -= 16
    return lab


def _smoothed(channels: Tensor) -> Tensor:
    """[C, H, W] -> the same after a Gaussian; pixels beyond the rim repeat it."""
    reach = round(3 * SMOOTHING)
    bell = torch.exp(-(torch.arange(-reach, reach + 1) ** 2) / (2 * SMOOTHING**2))
    weights = (bell / bell.sum()).tolist()
    x = F.pad(channels[None], (reach, reach, reach, reach), mode="replicate")[0]
    return _weighted(_weighted(x, weights, 1), weights, 2)


def _weighted(x: Tensor, weights: Sequence[float], dim: int) -> Tensor:
    """A sum of neighbours along dim, which gets shorter by len(weights) - 1.

    By shifted copies: several times faster here than a convolution of one channel.
    """
    size = x.shape[dim] - len(weights) + 1
    used = [(place, weight) for place, weight in enumerate(weights) if weight]
    total = x.narrow(dim, used[0][0], size) * used[0][1]
    for place, weight in used[1:]:
        total.add_(x.narrow(dim, place, size), alpha=weight)
    return total


def _principal(feature_map: Tensor) -> Tensor:
    """[C, h, w] -> [k, h, w], k <= COMPONENTS, with their total variance 1; k 0 if it is flat."""
    x = feature_map.float().flatten(1)  # [C, h * w]
    x = x - x.mean(1, keepdim=True)
    variances, directions = _strongest((x @ x.T / x.shape[1]).double())
    kept = variances > 1e-6 * variances[-1].clamp(min=1e-12)
    variances, directions = variances[kept], directions[:, kept]
    scale = variances ** (-FLATTENING / 2) / (variances ** (1 - FLATTENING)).sum().sqrt()
    components: Tensor = (directions * scale).T.float() @ x
    height, width = feature_map.shape[1:]
    return components.reshape(-1, height, width)


def _strongest(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """The largest eigenvalues [k] of [C, C], rising, and their vectors [C, k], k <= COMPONENTS.

    Subspace iteration [Halko et al. 2011, arXiv:0909.4061, algorithm 4.4] from a fixed start:
    it needs a few small products only. A full decomposition of 512 channels keeps all cores
    waiting for each other, and took seconds on a busy machine.
    """
    size = len(covariance)
    width = min(COMPONENTS + 8, size)
    start = torch.Generator().manual_seed(0)
    basis = torch.randn(size, width, generator=start, dtype=torch.float64)
    for _ in range(8):
        basis = torch.linalg.qr(covariance @ basis).Q
    variances, turned = torch.linalg.eigh(basis.T @ covariance @ basis)
    return variances[-COMPONENTS:], (basis @ turned)[:, -COMPONENTS:]


def _sampled(feature_map: Tensor, places: Tensor) -> NDArray[np.float32]:
    """[k, h, w] at places [N, 2] -> [N, k], bilinear, the rim repeated."""
    grid = 2 * places[None, None] - 1  # [1, 1, N, 2], as grid_sample counts
    maps = feature_map[None]
    found: Tensor = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    return found[0, :, 0].T.contiguous().numpy()
