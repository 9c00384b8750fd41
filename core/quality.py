"""Artifact screening: how typical a face's w is, before anything is rendered.

Faces break where the generator was hardly trained: far from the mean of w, in the thin
regions that truncation cuts away [Karras et al. 2019, arXiv:1812.04948, appendix B]. The
score is the percentage of untruncated random faces that lie farther out. It screens
broken and cluttered pictures; it also disfavours what is rare but fine (hats, sunglasses,
strong poses), so a high threshold costs variety. docs/quality.md shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.generators.generator import Generator
from core.sampling import w_from_z

REFERENCE_FACES = 2_000
REFERENCE_SEED = 1


@dataclass(frozen=True)
class QualityScale:
    """Distances from the mean of w that one generator's random faces have.

    mean_w: float32 [D]. reference: sorted distances of untruncated faces, float64 [M].
    """

    mean_w: NDArray[np.float32]
    reference: NDArray[np.float64]

    @classmethod
    def of(cls, generator: Generator) -> QualityScale:
        """Measured on 2,000 faces of a fixed seed; of class 0 where there are classes."""
        z = np.random.RandomState(REFERENCE_SEED).randn(REFERENCE_FACES, generator.mapping.z_dim)
        class_index = 0 if generator.mapping.c_dim else None
        w = w_from_z(generator, z, class_index)
        mean_w = generator.mean_w.cpu().numpy()
        return cls(mean_w, np.sort(_distance(w[:, None], mean_w)))

    def distance(self, ws: NDArray[np.float32]) -> NDArray[np.float64]:
        """Euclidean distance from the mean of w, averaged over the layers of ws [N, L, D]."""
        return _distance(ws, self.mean_w)

    def score(self, ws: NDArray[np.float32]) -> NDArray[np.float64]:
        """0 (the least typical) to 100, for each face of ws [N, L, D]."""
        nearer = np.searchsorted(self.reference, self.distance(ws))
        return 100.0 * (1.0 - nearer / len(self.reference))


def _distance(ws: NDArray[np.floating], mean_w: NDArray[np.float32]) -> NDArray[np.float64]:
    offset = (ws - mean_w).astype(np.float64)
    distances: NDArray[np.float64] = np.linalg.norm(offset, axis=2).mean(axis=1)
    return distances
