"""Directions in which random faces differ most [Harkonen et al. 2020, GANSpace, arXiv:2004.02546].

Principal components of w over many random faces (section 3), changed in some layers alone
(section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from core.directions.direction import Direction, in_layers
from core.directions.distribution import WDistribution, checked_covariance, deviation_along
from core.directions.layers import checked_layers
from core.directions.sefa import check_count, leading
from core.latents import LatentSpace


def ganspace_directions(
    distribution: WDistribution,
    space: LatentSpace,
    *,
    count: int = 10,
    layers: Sequence[int] | None = None,
) -> list[Direction]:
    """The `count` principal components of w with the largest variance, for these layers.

    distribution: of the space's generator (`WDistribution.of`, at least 10,000 faces).
    +1: one standard deviation of random faces along the component. Unnamed: 'ganspace-0', ...
    Their sign is arbitrary, but always the same. Raises InvalidRequestError for layers that are
    not there and a count not in 1..D.
    """
    chosen = checked_layers(layers, space.num_ws)
    check_count(count, space.w_dim)
    covariance = checked_covariance(distribution.covariance, space.w_dim)
    shares, components = leading(covariance, count)
    return [
        in_layers(
            deviation_along(component, covariance),
            chosen,
            space,
            name=f"ganspace-{place}",
            title=f"GANSpace {place}",
            facts={
                "method": "ganspace",
                "component": place,
                "share": round(float(share), 6),
                "samples": distribution.samples,
            },
        )
        for place, (share, component) in enumerate(zip(shares, components, strict=True))
    ]
