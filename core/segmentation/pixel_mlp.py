"""DatasetGAN's head: an ensemble of small networks on the features of single pixels.

Each member is C -> 128 -> 32 -> K with ReLU and batch norm [Zhang et al. 2021,
arXiv:2104.06490], on all maps upsampled to the mask's size. The first layer is linear, and so
is upsampling: here it is applied at each map's own size and its result upsampled, which gives
the same numbers for a fraction of the work and memory. Standardised features are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.head import Features, Head, Standardised, fit_standardised

MEMBERS, HIDDEN = 10, (128, 32)
_TINY = 1e-12


class Member(nn.Module):
    """One network. `first` holds the first layer's weights for each map."""

    def __init__(self, channels: Mapping[int, int], num_classes: int) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.first = nn.ModuleDict({str(r): Standardised(c, wide) for r, c in channels.items()})
        with torch.no_grad():
            for layer in self.first.values():
                assert isinstance(layer, Standardised)
                layer.weight.mul_(len(channels) ** -0.5)
        self.norm1, self.norm2 = nn.BatchNorm2d(wide), nn.BatchNorm2d(narrow)
        self.second = nn.Conv2d(wide, narrow, 1)
        self.last = nn.Conv2d(narrow, num_classes, 1)

    def forward(self, features: Features, size: int) -> Tensor:
        """Whole maps -> logits [N, K, size, size]."""
        total: Tensor | None = None
        for name, layer in self.first.items():
            part = layer(features[int(name)])
            if part.shape[-1] != size:
                part = F.interpolate(part, (size, size), mode="bilinear")
            total = part if total is None else total + part
        assert total is not None
        return self._after(total)

    def on_pixels(self, sampled: Features) -> Tensor:
        """Features of pixels, [1, C, P, 1] for each map -> logits [1, K, P, 1]."""
        parts = [layer(sampled[int(name)]) for name, layer in self.first.items()]
        return self._after(torch.stack(parts).sum(0))

    def _after(self, x: Tensor) -> Tensor:
        x = self.norm1(F.relu(x))
        x = self.norm2(F.relu(self.second(x)))
        return self.last(x)  # type: ignore[no-any-return]


class PixelEnsemble(Head):
    """See the module. Its logits are the log of the members' mean probabilities."""

    def __init__(
        self, channels: Mapping[int, int], num_classes: int, size: int, *, members: int = MEMBERS
    ) -> None:
        super().__init__({r: c for r, c in channels.items() if r <= size}, num_classes, size)
        self.members = nn.ModuleList(Member(self.channels, num_classes) for _ in range(members))

    def fit_statistics(self, faces: Iterable[Features]) -> None:
        layers: dict[int, list[Standardised]] = {r: [] for r in self.resolutions}
        for member in self.members:
            assert isinstance(member, Member)
            for name, layer in member.first.items():
                assert isinstance(layer, Standardised)
                layers[int(name)].append(layer)
        fit_standardised(faces, layers)

    def forward(self, features: Features) -> Tensor:
        return self._mean(features)[0].clamp(min=_TINY).log()

    def with_uncertainty(self, features: Features) -> tuple[Tensor, Tensor]:
        """Uncertainty: the members' Jensen-Shannon divergence, as a part of the largest possible.

        The entropy of their mean minus the mean of their entropies, [N, S, S].
        """
        mean, entropies = self._mean(features)
        divergence = _entropy(mean) - entropies
        largest = torch.tensor(float(min(self.num_classes, len(self.members)))).log()
        return mean.clamp(min=_TINY).log(), divergence.clamp(min=0) / largest.clamp(min=_TINY)

    def on_pixels(self, sampled: Features) -> list[Tensor]:
        """Every member's logits [1, K, P, 1] of the same pixels."""
        found = []
        for member in self.members:
            assert isinstance(member, Member)
            found.append(member.on_pixels(sampled))
        return found

    def _mean(self, features: Features) -> tuple[Tensor, Tensor]:
        """Mean probabilities [N, K, S, S] and mean entropy [N, S, S], one member after another."""
        mean: Tensor | float = 0.0
        entropies: Tensor | float = 0.0
        for member in self.members:
            p = member(features, self.size).softmax(1)
            mean = mean + p / len(self.members)
            entropies = entropies + _entropy(p) / len(self.members)
        assert isinstance(mean, Tensor) and isinstance(entropies, Tensor)
        return mean, entropies


def _entropy(p: Tensor) -> Tensor:
    """p [N, K, S, S] -> [N, S, S] in nats."""
    return -(p * p.clamp(min=_TINY).log()).sum(1)


def sample_pixels(feature_map: Tensor, y: Tensor, x: Tensor, size: int) -> Tensor:
    """Bilinear samples [1, C, P, 1] of a map [C, r, r] at pixels y, x of its upsampled copy.

    Exactly what F.interpolate to [size, size] has there.
    """
    grid = torch.stack([2 * (x + 0.5) / size - 1, 2 * (y + 0.5) / size - 1], -1)  # [P, 2]
    return F.grid_sample(
        feature_map[None].float(),
        grid[None, :, None].float(),  # [1, P, 1, 2]
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
