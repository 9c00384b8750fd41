"""Faces and layers: how a fit that knows one w a face looks at faces that have one w a layer.

A direction changes the same vector in each of its layers. So a face is seen as the mean of its w
over those layers: adding d to all of them moves that mean by d, whatever the single layers hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError


def checked_layers(layers: Sequence[int] | None, num_ws: int) -> tuple[int, ...]:
    """The layers in ascending order, each once; None means all.

    Raises InvalidRequestError for none at all and for layers that the generator does not have.
    """
    chosen = range(num_ws) if layers is None else sorted({int(layer) for layer in layers})
    if not chosen or chosen[0] < 0 or chosen[-1] >= num_ws:
        raise InvalidRequestError(
            f"A direction's layers must be in 0..{num_ws - 1}, at least one; got "
            f"{list(layers or ())}."
        )
    return tuple(chosen)


def mean_over_layers(
    w: NDArray[np.floating], crossover: NDArray[np.integer], layers: Sequence[int]
) -> NDArray[np.float64]:
    """Mean of each face's w over the chosen layers, float64 [N, D].

    w: [N, 2, D], of faces with up to two w. crossover: [N], layers below it have w[:, 0], the
    others w[:, 1]. Raises InvalidRequestError where the shapes do not go together.
    """
    if w.ndim != 3 or w.shape[1] != 2 or crossover.shape != w.shape[:1]:
        raise InvalidRequestError(
            f"Faces are given as w [N, 2, D] and crossover [N], got {list(w.shape)} and "
            f"{list(crossover.shape)}."
        )
    share = (np.asarray(layers)[None] < crossover[:, None]).mean(axis=1)[:, None]  # [N, 1]
    mean: NDArray[np.float64] = share * w[:, 0] + (1.0 - share) * w[:, 1]
    return mean
