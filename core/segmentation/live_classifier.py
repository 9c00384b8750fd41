"""The classifier of live learning: three small networks on single cells, trained in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.live_features import Described, Examples

MEMBERS = 3
HIDDEN = 48
PRIOR_START = 1.0  # trust in the segmenter at first, learned from there
_ROWS = 16_384  # cells at once, so that they stay in the processor's cache

Check = Callable[[], None]  # called between steps; raises where the work is not wanted any more


@dataclass(frozen=True)
class Fit:
    """How to train. rate: of learning at the start, falls to a tenth. batch: examples a step."""

    steps: int
    rate: float = 5e-3
    batch: int = 1024
    decay: float = 1e-2


class Ensemble:
    """MEMBERS networks D -> HIDDEN -> K that differ in their start and in their examples.

    Where examples have a prior, the logits are the scaled prior plus the networks' answer, so
    that an untrained ensemble says what the segmenter says.
    """

    def __init__(self, inputs: int, num_classes: int, seed: int = 0) -> None:
        source = torch.Generator().manual_seed(seed)
        wide = MEMBERS * HIDDEN
        first = torch.randn(inputs, wide, generator=source) * (2.0 / inputs) ** 0.5
        second = torch.randn(MEMBERS, HIDDEN, num_classes, generator=source) * 0.5 / HIDDEN**0.5
        self.weights = [first, torch.zeros(wide), second, torch.zeros(MEMBERS, 1, num_classes)]
        self.weights.append(torch.full((MEMBERS, 1, 1), PRIOR_START))

    @property
    def inputs(self) -> int:
        return len(self.weights[0])

    @property
    def num_classes(self) -> int:
        return int(self.weights[2].shape[-1])

    def copy(self) -> Ensemble:
        other = Ensemble.__new__(Ensemble)
        other.weights = [each.clone() for each in self.weights]
        return other

    def logits(self, pixels: Tensor, prior: Tensor | None) -> Tensor:
        """pixels [N, D], prior [N, K] -> [MEMBERS, N, K]."""
        first, shift, second, bias, trust = self.weights
        hidden = torch.addmm(shift, pixels, first).relu_()
        hidden = hidden.view(len(pixels), MEMBERS, HIDDEN).transpose(0, 1)
        found = torch.baddbmm(bias, hidden, second)
        return found if prior is None else found + trust * prior

    def fit(
        self, groups: list[tuple[Examples, Tensor]], how: Fit, check: Check, seed: int = 0
    ) -> None:
        """Train on groups of examples, each with weights [N] of its examples."""
        source = torch.Generator().manual_seed(seed)
        data = [_Group(examples, each, source) for examples, each in groups if len(examples)]
        weights = [each.requires_grad_() for each in self.weights]
        optimizer = torch.optim.AdamW(weights, lr=how.rate, weight_decay=how.decay)
        for step in range(how.steps if data else 0):
            check()
            for settings in optimizer.param_groups:
                settings["lr"] = how.rate * (1.0 - 0.9 * step / how.steps)
            loss = torch.stack([self._loss(group, how.batch, source) for group in data]).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.weights = [each.detach() for each in weights]

    def _loss(self, group: _Group, batch: int, source: torch.Generator) -> Tensor:
        pixels, prior, labels, shares = group.draw(batch, source)
        logits = self.logits(pixels, prior)  # [M, N, K]
        flat = labels.expand(MEMBERS, -1).reshape(-1)
        each = F.cross_entropy(logits.reshape(-1, self.num_classes), flat, reduction="none")
        return (each * shares.reshape(-1)).mean() * MEMBERS

    @torch.no_grad()
    def probabilities(self, face: Described, seen: Tensor, check: Check) -> tuple[Tensor, Tensor]:
        """Mean probability [N, K], and the members' disagreement [N], 0 to 1.

        seen: bool [K], classes that may be answered. Disagreement is the Jensen-Shannon
        divergence over its largest value.
        """
        means, doubts = [], []
        closed = torch.where(seen, 0.0, -1e4)
        for start in range(0, len(face.pixels), _ROWS):
            check()
            part = slice(start, start + _ROWS)
            prior = None if face.prior is None else face.prior[part].float()
            each = (self.logits(face.pixels[part].float(), prior) + closed).softmax(-1)
            mean = each.mean(0)
            doubts.append(_entropy(mean) - _entropy(each).mean(0))
            means.append(mean)
        most = torch.tensor(float(MEMBERS)).log()
        return torch.cat(means), (torch.cat(doubts) / most).clamp(0.0, 1.0)


class _Group:
    """Examples ready for training; each member sees some of them more, some less."""

    def __init__(self, examples: Examples, weights: Tensor, source: torch.Generator) -> None:
        self.pixels = examples.pixels.float()
        self.prior = None if examples.prior is None else examples.prior.float()
        self.labels = examples.labels
        draws = torch.rand(MEMBERS, len(examples), generator=source)
        self.shares = -torch.log(draws.clamp(min=1e-6)) * weights  # a smooth bootstrap

    def draw(
        self, batch: int, source: torch.Generator
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        if len(self.labels) <= batch:
            return self.pixels, self.prior, self.labels, self.shares
        at = torch.randint(len(self.labels), (batch,), generator=source)
        prior = None if self.prior is None else self.prior[at]
        return self.pixels[at], prior, self.labels[at], self.shares[:, at]


def _entropy(shares: Tensor) -> Tensor:
    return -(shares * shares.clamp(min=1e-8).log()).sum(-1)
