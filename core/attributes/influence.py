"""Which layers of w carry which attribute (the thesis's table 6), for any generator.

For each size of map, the layers that steer it are given the w of another random face. The mean
squared change of an attribute, over twice its variance, is the share of its variance that these
layers have a part in: the total effect index of Sobol, by Jansen's estimator [Saltelli et al. 2010,
Computer Physics Communications 181, table 2]. Shares of layers that act together overlap, so that
they may sum to more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.attributes.measuring import Measure
from core.errors import InvalidRequestError
from core.generators import Generator, Noise
from core.progress import OnStep, Step, ignore
from core.sampling import latents_from_seeds

FIRST_SEED = 500_000
ENOUGH = 0.75  # of the influence of all layers together: what the mixing layers must have


@dataclass(frozen=True, eq=False)
class LayerInfluence:
    """groups: (size of the map in px, its layers), coarse to fine. names: K attributes.
    shares: float64 [G, K], 0: these layers do not matter; 1: they alone decide; NaN: not measured.
    faces: how many pairs were compared.
    """

    groups: tuple[tuple[int, tuple[int, ...]], ...]
    names: tuple[str, ...]
    shares: NDArray[np.float64]
    faces: int

    def share(self, name: str) -> NDArray[np.float64]:
        """Of each group, [G]."""
        if name not in self.names:
            raise InvalidRequestError(
                f"The influence of layers on '{name}' was not measured. There are: "
                f"{', '.join(self.names)}."
            )
        return self.shares[:, self.names.index(name)]

    def mixing_layers(self, names: Sequence[str], enough: float = ENOUGH) -> tuple[int, ...]:
        """The layers to take from the encoder: the fewest groups, most influential first, that
        have `enough` of the influence on all these attributes."""
        chosen: set[int] = set()
        for name in names:
            share = np.nan_to_num(self.share(name))
            total = float(share.sum())
            found = 0.0
            for place in np.argsort(-share, kind="stable"):
                if total == 0 or found >= enough * total:
                    break
                found += float(share[place])
                chosen.update(self.groups[place][1])
        return tuple(sorted(chosen))


def layer_groups(generator: Generator) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Layers that steer maps of one size, coarse to fine."""
    resolutions = generator.synthesis.layer_resolutions
    return tuple(
        (size, tuple(i for i, r in enumerate(resolutions) if r == size))
        for size in sorted(set(resolutions))
    )


def measure_influence(
    generator: Generator,
    measure: Measure,
    names: Sequence[str],
    *,
    faces: int = 128,
    psi: float = 0.7,
    on_step: OnStep = ignore,
) -> LayerInfluence:
    """Compare `faces` faces with themselves after each group of layers was exchanged.

    Renders faces * (groups + 1) pictures. Faces on which an attribute cannot be measured are
    left out of its shares. Raises InvalidRequestError where nothing can be measured on any.
    """
    if faces < 2:
        raise InvalidRequestError(f"Influence needs at least 2 faces, got {faces}.")
    groups = layer_groups(generator)
    seeds = range(FIRST_SEED, FIRST_SEED + 2 * faces)
    ws = latents_from_seeds(generator, list(seeds), psi=psi, noise=Noise()).ws
    own, other = ws[:faces], ws[faces:]
    passes = len(groups) + 1
    before = measure(own).astype(np.float64)
    if np.isnan(before).all():
        raise InvalidRequestError(
            f"Nothing could be measured on {faces} faces of {generator.identity.name}: no face was "
            "found in its pictures."
        )
    on_step(Step(1, passes, "exchanging layers", "groups"))
    variance = np.nanvar(before, axis=0)
    shares = np.full((len(groups), len(names)), np.nan)
    for row, (_, layers) in enumerate(groups):
        mixed = own.copy()
        mixed[:, list(layers)] = other[:, list(layers)]
        change = measure(mixed) - before
        with np.errstate(divide="ignore", invalid="ignore"):
            shares[row] = np.nanmean(change**2, axis=0) / (2 * variance)
        on_step(Step(row + 2, passes, "exchanging layers", "groups"))
    shares[:, variance == 0] = np.nan
    return LayerInfluence(groups, tuple(names), shares, faces)
