"""Directions in closed form, without a label [Shen & Zhou 2021, SeFa, arXiv:2007.06600, 3.2].

What moves the styles most: the n of unit length with the largest ||A n||, A the weights of the
affine maps from w to the styles of the chosen layers, one below the other. These are the leading
eigenvectors of A^T A. Rows of A are brought to unit length first, so that constant gains, which
networks store differently, do not decide; bias and demodulation play no part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from core.directions.direction import Direction, in_layers
from core.directions.distribution import checked_covariance, deviation_along
from core.directions.layers import checked_layers
from core.errors import InvalidRequestError
from core.generators import Generator
from core.latents import LatentSpace


def sefa_directions(
    generator: Generator,
    *,
    covariance: NDArray[np.floating],
    count: int = 10,
    layers: Sequence[int] | None = None,
) -> list[Direction]:
    """The `count` directions that change the styles of these layers (None: all) most.

    covariance: of the generator's w, [D, D]; +1 is one standard deviation of random faces along
    the direction. Unnamed: 'sefa-0', ... Their sign is arbitrary, but always the same. Raises
    InvalidRequestError for layers that are not there and a count not in 1..D.
    """
    space = LatentSpace.of(generator)
    chosen = checked_layers(layers, space.num_ws)
    check_count(count, space.w_dim)
    covariance = checked_covariance(covariance, space.w_dim)
    weights = generator.synthesis.style_weights()
    rows = torch.cat([weights[layer].detach() for layer in chosen]).cpu().double().numpy()
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    energy, vectors = leading(rows.T @ rows, count)
    return [
        in_layers(
            deviation_along(vector, covariance),
            chosen,
            space,
            name=f"sefa-{place}",
            title=f"SeFa {place}",
            facts={"method": "sefa", "component": place, "share": round(float(share), 6)},
        )
        for place, (share, vector) in enumerate(zip(energy, vectors, strict=True))
    ]


def leading(
    symmetric: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The `count` largest eigenvalues of a positive matrix [D, D], as shares of its trace, and
    their eigenvectors [count, D]; the entry of each that is largest in size is positive.
    """
    values, basis = np.linalg.eigh(symmetric)
    vectors = basis.T[::-1][:count]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return values[::-1][:count] / np.trace(symmetric), vectors * np.sign(largest)


def check_count(count: int, w_dim: int) -> None:
    """Raise InvalidRequestError unless there are that many directions."""
    if not 1 <= count <= w_dim:
        raise InvalidRequestError(
            f"There are {w_dim} components of w; ask for 1 to {w_dim}, not {count}."
        )
