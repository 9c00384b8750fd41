"""Live learning: from a few strokes on one face, and faces painted before, to the whole face.

A base is learned from the painted faces; each prediction goes on from there with the pixels
labelled on the open face, so that it depends on what is painted and not on the way there. What
the strokes changed is shown around them, and the less the farther away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from core.segmentation.live_classifier import Check, Ensemble, Fit
from core.segmentation.live_features import Described, Examples
from core.segmentation.live_reach import reach
from core.threads import one_thread

FACE_EXAMPLES = 1500  # pixels drawn of each painted face
OWN_EXAMPLES = 1500  # pixels drawn of the open face
OWN_WEIGHT = 2.0  # of strokes that surprise, beside the painted faces' examples; more overshoots
BASE = Fit(steps=300, batch=1536)
REFRESH = Fit(steps=120, rate=3e-3, batch=1536)  # a base that another face is added to
OWN = Fit(steps=40, rate=4e-3, batch=512)
ALONE = Fit(steps=120)  # nothing but the strokes to learn from
CALM_WEIGHT = 0.05  # of strokes where the painted faces say the same already
ANCHOR_STEP = 37  # every how manieth cell of the open face is an anchor
CALM = 5  # cells a side that uncertainty is averaged over


def never(*_: object) -> None:
    """The check of callers that do not stop."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """labels: class indices uint8 [H, W]. uncertainty: uint8 [side, side], 0 to 255, of the
    learner's grid. seconds: training and predicting took.
    """

    labels: NDArray[np.uint8]
    uncertainty: NDArray[np.uint8]
    seconds: float


@dataclass(frozen=True, eq=False)
class Base:
    """What the painted faces taught. seen: bool [K], the classes they show."""

    ensemble: Ensemble | None
    examples: Examples | None
    seen: Tensor
    num_faces: int
    has_prior: bool

    @property
    def can_predict(self) -> bool:
        """Without a stroke."""
        return self.has_prior or int(self.seen.sum()) >= 2


def learn_base(
    faces: Sequence[Examples],
    num_classes: int,
    *,
    has_prior: bool,
    before: Base | None = None,
    check: Check = never,
) -> Base:
    """Learn from painted faces, all described the same way; `before`: an earlier base of the
    same project, gone on from. has_prior: a segmenter's probabilities are in the descriptors.
    """
    faces = [face for face in faces if len(face)]
    if not faces:
        return Base(None, None, torch.zeros(num_classes, dtype=torch.bool), 0, has_prior)
    together = joined(faces)
    inputs = together.pixels.shape[1]
    known = None if before is None else before.ensemble
    goes_on = known is not None and known.inputs == inputs
    ensemble = known.copy() if known is not None and goes_on else Ensemble(inputs, num_classes)
    with one_thread():
        ensemble.fit([(together, torch.ones(len(together)))], REFRESH if goes_on else BASE, check)
    return Base(ensemble, together, _seen(together, num_classes), len(faces), has_prior)


def predict(
    base: Base,
    face: Described,
    own: Examples,
    shape: tuple[int, int],
    check: Check = never,
) -> Prediction | None:
    """The whole face; None where less than two classes are known.

    own: the labelled pixels of the open face. shape: height and width of the answer.
    """
    began = time.perf_counter()
    num_classes = len(base.seen)
    seen = base.seen | _seen(own, num_classes)
    if base.has_prior:
        seen = torch.ones_like(seen)
    if int(seen.sum()) < 2:
        return None
    with one_thread():
        start = base.ensemble or Ensemble(face.pixels.shape[1], num_classes)
        ensemble = _adapted(start, base, face, own, check)
        probability, doubt = ensemble.probabilities(face, seen, check)
        if base.can_predict and len(own):
            before, _ = start.probabilities(face, seen, check)
            probability = _blended(before, probability, reach(face, own)[:, None])
        labels = _labels(probability, face.side, shape, check)
    return Prediction(labels, _levels(doubt, face.side), time.perf_counter() - began)


def _adapted(start: Ensemble, base: Base, face: Described, own: Examples, check: Check) -> Ensemble:
    """The base's networks, gone on with the strokes and, so as not to forget, its examples."""
    if not len(own):
        return start
    ensemble = start.copy()
    if base.examples is None:
        ensemble.fit([(own, torch.ones(len(own)))], ALONE, check)
        return ensemble
    usual = torch.bincount(base.examples.labels, minlength=start.num_classes)
    weights = OWN_WEIGHT * as_usual(own.labels, usual) * (surprise(ensemble, own) + CALM_WEIGHT)
    anchors, sureness = anchored(ensemble, face)
    groups = [(own, weights), (base.examples, torch.ones(len(base.examples)))]
    ensemble.fit([*groups, (anchors, sureness * (1.0 - own.coverage))], OWN, check)
    return ensemble


def _blended(before: Tensor, after: Tensor, share: Tensor) -> Tensor:
    """Between two probabilities [N, K], geometrically; not scaled to a sum of 1."""
    found: Tensor = before.clamp(min=1e-6).log().lerp(after.clamp(min=1e-6).log(), share).exp()
    return found


@torch.no_grad()
def anchored(ensemble: Ensemble, face: Described) -> tuple[Examples, Tensor]:
    """Cells of the face with the classes that they seem to be, and how sure that is, [N].

    Without them, strokes of some classes would make every other class unlikely on this face.
    """
    cells = torch.arange(ANCHOR_STEP // 2, len(face.pixels), ANCHOR_STEP)
    prior = None if face.prior is None else face.prior[cells]
    pixels = face.pixels[cells]
    logits = ensemble.logits(pixels.float(), None if prior is None else prior.float())
    sureness, labels = logits.softmax(-1).mean(0).max(-1)
    return Examples(pixels, prior, labels), sureness.square()


@torch.no_grad()
def surprise(ensemble: Ensemble, examples: Examples) -> Tensor:
    """How far the networks are from the right answer: [N], 0 to 1."""
    prior = None if examples.prior is None else examples.prior.float()
    shares = ensemble.logits(examples.pixels.float(), prior).softmax(-1).mean(0)  # [N, K]
    return 1.0 - shares.gather(1, examples.labels[:, None])[:, 0]


def as_usual(labels: Tensor, usual: Tensor) -> Tensor:
    """Weights [N], 1 on average, that give strokes the mix of classes that faces have.

    Somebody corrects an earring with as large a stroke as the hair: taken as they are, strokes
    would say that earrings are as common. usual: how often each class occurs, [K].
    """
    counts = torch.bincount(labels, minlength=len(usual)).clamp(min=1)
    common = usual.clamp(min=int(usual[usual > 0].min()))
    weights = (common / counts)[labels]
    return weights / weights.mean()


def _labels(
    probability: Tensor, side: int, shape: tuple[int, int], check: Check
) -> NDArray[np.uint8]:
    """[side * side, K] -> the likeliest class of each pixel, uint8 [H, W]."""
    check()
    scores = probability.clamp(min=1e-6).log().T.reshape(1, -1, side, side)
    if shape != (side, side):
        scores = F.interpolate(scores, shape, mode="bilinear", align_corners=False)
    check()
    found: NDArray[np.uint8] = scores[0].max(0).indices.to(torch.uint8).numpy()
    return found


def _levels(doubt: Tensor, side: int) -> NDArray[np.uint8]:
    """Disagreement [side * side] -> levels for the eye: calmed, and small ones lifted."""
    reach = min(CALM // 2, side - 1)
    padded = F.pad(doubt.view(1, 1, side, side), (reach,) * 4, mode="replicate")
    calm = F.avg_pool2d(padded, 2 * reach + 1, 1)[0, 0]
    levels: NDArray[np.uint8] = (calm.clamp(0.0, 1.0).sqrt() * 255.0).round().byte().numpy()
    return levels


def joined(parts: Sequence[Examples]) -> Examples:
    """All examples together; a prior only where each part has one."""
    priors = [part.prior for part in parts if part.prior is not None]
    return Examples(
        torch.cat([part.pixels for part in parts]),
        torch.cat(priors) if len(priors) == len(parts) else None,
        torch.cat([part.labels for part in parts]),
    )


def _seen(examples: Examples, num_classes: int) -> Tensor:
    return torch.bincount(examples.labels, minlength=num_classes)[:num_classes] > 0
