"""The distribution of a generator's w: what 'one standard deviation along' means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidRequestError
from core.generators import Generator
from core.sampling import w_from_z

MIN_SAMPLES = 10_000  # fewer leave the weak components to chance
_FLOOR = 1e-6  # of the largest variance: weaker components count as this strong


@dataclass(frozen=True, eq=False)
class WDistribution:
    """mean: float64 [D]. covariance: float64 [D, D]. samples: faces that they were told from."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    samples: int

    @classmethod
    def of(
        cls,
        generator: Generator,
        *,
        samples: int = MIN_SAMPLES,
        seed: int = 0,
        class_index: int | None = None,
    ) -> WDistribution:
        """Of `samples` random untruncated faces; about 5 s for a mapping of 8 x 512.

        class_index: for conditional generators only, and then needed. Raises
        InvalidRequestError for fewer samples than 10,000.
        """
        if samples < MIN_SAMPLES:
            raise InvalidRequestError(
                f"The distribution of w needs at least {MIN_SAMPLES} samples, got {samples}."
            )
        z = np.random.default_rng(seed).standard_normal((samples, generator.mapping.z_dim))
        w = w_from_z(generator, z, class_index)
        return cls(w.mean(axis=0), np.cov(w, rowvar=False), samples)


def deviation_along(
    direction: NDArray[np.floating], covariance: NDArray[np.floating]
) -> NDArray[np.float64]:
    """`direction` [D] made as long as one standard deviation of w's projection on it."""
    unit = direction.astype(np.float64) / np.linalg.norm(direction)
    deviation = float(np.sqrt(unit @ covariance @ unit))
    return np.asarray(unit * deviation)


def whitening(
    covariance: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard deviations [D] and directions [D, D] (columns) of w's principal components.

    Weak ones are taken for a thousandth of the strongest, so that one may divide by them.
    """
    variances, basis = np.linalg.eigh(np.asarray(covariance, np.float64))
    return np.sqrt(np.maximum(variances, _FLOOR * variances[-1])), basis


def checked_covariance(covariance: NDArray[np.floating], w_dim: int) -> NDArray[np.float64]:
    """As float64 [D, D]. Raises InvalidRequestError for another shape or values not finite."""
    if covariance.shape != (w_dim, w_dim) or not np.isfinite(covariance).all():
        raise InvalidRequestError(
            f"The covariance of w must be finite, [{w_dim}, {w_dim}], is {list(covariance.shape)}. "
            "Take that of the generator's own random faces."
        )
    return np.asarray(covariance, np.float64)
