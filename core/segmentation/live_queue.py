"""Which face to paint next: one that the learner is unsure about and that is unlike the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.segmentation.live import Base, never
from core.segmentation.live_features import Described, Examples

SHARE = 0.2  # of a face's cells: the most uncertain ones stand for it


@dataclass(frozen=True)
class Suggestion:
    """place: in the candidates. uncertainty, novelty: 0..1, of the largest among them."""

    place: int
    uncertainty: float
    novelty: float


def rank_faces(
    base: Base, candidates: Sequence[Examples], painted: Sequence[Examples], count: int
) -> list[Suggestion]:
    """Up to `count` candidates, best first; each counts as painted for those after it.

    Without anything learned yet the most different ones are chosen.
    """
    if not candidates:
        return []
    doubts = _scaled(torch.tensor([_doubt(base, face) for face in candidates]))
    looks = torch.stack([look(face) for face in [*candidates, *painted]])  # [N, D]
    distances = torch.cdist(looks, looks)
    rows = len(candidates)
    if painted:
        novelty = distances[:rows, rows:].min(1).values
    else:
        novelty = -distances[:rows, :rows].mean(1)  # first the most typical one
        novelty = novelty - novelty.min()
    taken: list[Suggestion] = []
    while len(taken) < min(count, rows):
        scaled = _scaled(novelty)
        score = doubts + scaled if base.can_predict else scaled
        score[[each.place for each in taken]] = -1.0
        place = int(score.argmax())
        taken.append(Suggestion(place, float(doubts[place]), float(scaled[place])))
        nearest = distances[:rows, place]
        is_first = len(taken) == 1 and not painted
        novelty = nearest if is_first else torch.minimum(novelty, nearest)
    return taken


def look(face: Examples) -> Tensor:
    """float [D]: how a face differs as a whole, for distances."""
    pixels = face.pixels.float()
    return torch.cat([pixels.mean(0), pixels.std(0, correction=0)])


def _doubt(base: Base, face: Examples) -> float:
    """Mean disagreement over the most uncertain share of the cells."""
    if base.ensemble is None:
        return _prior_doubt(face)
    seen = torch.ones_like(base.seen) if base.has_prior else base.seen
    described = Described(face.pixels, face.prior, 0)
    _, doubt = base.ensemble.probabilities(described, seen, never)
    return float(doubt.topk(max(1, int(SHARE * len(doubt)))).values.mean())


def _prior_doubt(face: Examples) -> float:
    """Of the segmenter alone: how far its answers are from certain."""
    if face.prior is None:
        return 0.0
    doubt = 1.0 - face.prior.float().exp().max(1).values
    return float(doubt.topk(max(1, int(SHARE * len(doubt)))).values.mean())


def _scaled(values: Tensor) -> Tensor:
    """Divided by the largest; zeros stay."""
    return values.float() / values.max().clamp(min=1e-9)
