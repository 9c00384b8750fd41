"""Training of a segmenter's head: from painted faces to the weights of the best epoch.

Every step draws from a seed of its own, (seed, step), so that a training that was interrupted
and resumed from its checkpoint goes the way it would have gone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import InvalidRequestError, NotEnoughMemoryError
from core.generators import Device, Generator
from core.progress import OnStep, Step, ignore
from core.segmentation.batches import Batches, Lesson
from core.segmentation.checkpoints import Checkpoint, data_hash, load_checkpoint, save_checkpoint
from core.segmentation.classes import UNLABELLED, ClassSet
from core.segmentation.features import FeatureCache, Maps, batched, packed
from core.segmentation.heads import Head, build_head
from core.segmentation.history import Epoch
from core.segmentation.labelled import LabelledFaces
from core.segmentation.losses import class_weights, count_pixels
from core.segmentation.metrics import Scores, score
from core.segmentation.training_config import SegmenterTraining

WARM_UP = 0.1  # of the steps: the learning rate rises


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training made. head: with the weights of the best epoch, on the CPU.

    scores: on the validation faces, in that epoch; None where there were none. warnings: for
    people, such as classes without a pixel.
    """

    head: Head
    history: tuple[Epoch, ...]
    best_epoch: int
    scores: Scores | None
    warnings: tuple[str, ...]
    seconds: float


OnEpoch = Callable[[Epoch, Head], None]


def ignore_epoch(epoch: Epoch, head: Head) -> None:
    """The `on_epoch` of callers that do not watch."""


def train_segmenter(
    generator: Generator,
    classes: ClassSet,
    train: LabelledFaces,
    validation: LabelledFaces | None,
    config: SegmenterTraining,
    *,
    features: FeatureCache | None = None,
    checkpoint: Path | None = None,
    device: Device = "auto",
    on_step: OnStep = ignore,
    on_epoch: OnEpoch = ignore_epoch,
) -> Trained:
    """Learn from `train`, choose the epoch by mean F1 on `validation`, background left out.

    validation: None or empty takes the last epoch. features: a cache to share. checkpoint: a
    file written after every epoch and gone on from if it is there; it must be of the same
    training. on_epoch: gets every epoch with the head as it is then (its running mean, in
    evaluation mode). Raises InvalidRequestError for too few faces or masks that do not fit,
    NotEnoughMemoryError with what to make smaller, and whatever on_step raises.
    """
    config = config.resolved()
    if validation is not None and not len(validation):
        validation = None
    with _memory_explained(config), torch.random.fork_rng(devices=[]):
        work = _Work(generator, classes, train, validation, config, features, device, on_step)
        return work.run(checkpoint, on_epoch)


class _Work:
    """One training under way."""

    def __init__(
        self,
        generator: Generator,
        classes: ClassSet,
        train: LabelledFaces,
        validation: LabelledFaces | None,
        config: SegmenterTraining,
        features: FeatureCache | None,
        device: Device,
        on_step: OnStep,
    ) -> None:
        self.generator, self.classes, self.config = generator, classes, config
        self.on_step = on_step
        on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        self.device = torch.device("cuda" if on_cuda else "cpu")
        self.train = _fitting(train, generator, config.size)
        self.validation = (
            None if validation is None else _fitting(validation, generator, config.size)
        )
        labels = self.train.indices(classes)
        self.truth = None if self.validation is None else self.validation.indices(classes)
        self.warnings = _warnings(labels, classes)
        torch.manual_seed(config.seed)
        channels = generator.synthesis.feature_channels
        self.head = build_head(config.model, channels, classes.num_classes, config.size)
        self.cache = features or FeatureCache(generator, self.head.resolutions, device=device)
        self._learnt: dict[tuple[bool, int], Maps] = {}
        self._prepare()
        self.head.to(self.device)
        self.mean = [t.clone() for t in self._weights()]  # the running mean of the weights
        weights = class_weights(config.loss, labels, classes.num_classes, config.beta)  # type: ignore[arg-type]
        lesson = Lesson(self._reduced, labels, classes.mirrored())
        self.batches = Batches(self.head, lesson, config, weights, self.device)
        self.optimiser = _optimiser(self.head, config)
        self.data = data_hash(
            [self.train, self.validation] if self.validation else [self.train], classes
        )

    def run(self, checkpoint: Path | None, on_epoch: OnEpoch) -> Trained:
        config, began = self.config, time.monotonic()
        state = Checkpoint.first()
        if checkpoint is not None and checkpoint.is_file():
            state = load_checkpoint(checkpoint, self)
        total = config.epochs or 0
        while len(state.history) < total:
            number = len(state.history) + 1
            epoch_began = time.monotonic()
            loss = self._epoch(number, state)
            scores = self._validate(number)
            spent = time.monotonic() - epoch_began
            epoch = Epoch.of(number, loss, self._rate(number * self.steps), spent, scores)
            state = state.after(epoch, scores, self._averaged())
            if checkpoint is not None:
                save_checkpoint(checkpoint, self, state)
            with self._mean_in_place():
                on_epoch(epoch, self.head)
        self.head.load_state_dict(state.best)
        head = self.head.cpu().eval().requires_grad_(False)
        best = Scores(state.confusion, self.classes) if state.confusion is not None else None
        seconds = time.monotonic() - began
        return Trained(head, state.history, state.best_epoch, best, self.warnings, seconds)

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return math.ceil(self._drawn / self._batch_size)

    @property
    def _batch_size(self) -> int:
        return min(self.config.batch_size or 1, len(self.train))

    @property
    def _drawn(self) -> int:
        """Faces of an epoch, few ones counted as often as they come."""
        return max(len(self.train), (self.config.least_steps or 1) * self._batch_size)

    def _epoch(self, number: int, state: Checkpoint) -> float:
        """The faces in random order, few of them several times; returns the mean loss."""
        size, count = self._batch_size, len(self.train)
        chance = np.random.RandomState([self.config.seed, number])
        passes = [chance.permutation(count) for _ in range(math.ceil(self._drawn / count))]
        order = np.concatenate(passes)[: self._drawn]
        losses = []
        began = time.monotonic()
        self.head.train()
        for step in range(self.steps):
            done = (number - 1) * self.steps + step
            faces = order[step * size : (step + 1) * size].tolist()
            losses.append(self._learn(faces, done))
            pace = (time.monotonic() - began) / (step + 1)
            self.on_step(self._told(done + 1, losses[-1], pace, state))
        return float(np.mean(losses))

    def _learn(self, faces: list[int], done: int) -> float:
        config = self.config
        torch.manual_seed(_mixed(config.seed, done))  # of dropout
        chance = np.random.RandomState([config.seed, 1, done])
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(done)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.batches.loss(faces, chance)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.head.parameters(), 5.0)
        self.optimiser.step()
        decay = min(config.ema or 0.0, (done + 1) / (done + 10))
        with torch.no_grad():
            for mean, now in zip(self.mean, self._weights(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(now, 1.0 - decay)
                else:
                    mean.copy_(now)
        return float(loss.detach())

    def _rate(self, done: int) -> float:
        """Learning rate of a step."""
        rate, total = self.config.learning_rate or 0.0, self.steps * (self.config.epochs or 1)
        if self.config.schedule == "constant":
            return rate
        rise = max(1, round(WARM_UP * total))
        if done < rise:
            return rate * (done + 1) / rise
        return rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - rise) / max(total - rise, 1))))

    def _told(self, done: int, loss: float, pace: float, state: Checkpoint) -> Step:
        total = self.steps * (self.config.epochs or 1)
        left = (total - done) * pace
        shown = f"training {self.config.model}: loss {loss:.3f}"
        if state.best_f1 is not None:
            shown += f", best F1 {100 * state.best_f1:.2f} %"
        return Step(done, total, f"{shown}, {_duration(left)} left", "steps")

    def _validate(self, number: int) -> Scores | None:
        due = number % (self.config.validate_every or 1) == 0 or number == self.config.epochs
        if self.validation is None or self.truth is None or not due:
            return None
        predicted = []
        with self._mean_in_place():
            for place in range(len(self.validation)):
                maps = self._reduced_of(self.validation, place)
                features = batched(maps, self.head.resolutions, self.device)
                with self.config.computed(self.device):
                    found = self.head.on_reduced(features)
                predicted.append(found.argmax(1)[0].to(torch.uint8).cpu().numpy())
                self.on_step(
                    Step(place + 1, len(self.validation), f"validating epoch {number}", "faces")
                )
        return score(self.truth, np.stack(predicted), self.classes)

    @contextmanager
    def _mean_in_place(self) -> Iterator[None]:
        """The head with its running mean, in evaluation mode; as it was afterwards."""
        own = [t.clone() for t in self._weights()]
        self._put(self.mean)
        self.head.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self._put(own)

    def _put(self, tensors: list[Tensor]) -> None:
        with torch.no_grad():
            for into, tensor in zip(self._weights(), tensors, strict=True):
                into.copy_(tensor)

    def _weights(self) -> list[Tensor]:
        return list(self.head.state_dict().values())

    def _averaged(self) -> dict[str, Tensor]:
        names = self.head.state_dict().keys()
        return {n: t.detach().cpu().clone() for n, t in zip(names, self.mean, strict=True)}

    def _prepare(self) -> None:
        """Make the features of every face once, and the statistics of the training faces."""
        faces = [self.train] + ([self.validation] if self.validation is not None else [])
        total, done = sum(map(len, faces)), 0
        for part in faces:
            for place in range(len(part)):
                self._maps_of(part, place)
                done += 1
                self.on_step(Step(done, total, "features of the painted faces", "faces"))
        self.head.fit_statistics(
            batched(self._maps_of(self.train, place), self.head.resolutions)
            for place in range(len(self.train))
        )

    def _reduced(self, place: int) -> Maps:
        return self._reduced_of(self.train, place)

    def _reduced_of(self, faces: LabelledFaces, place: int) -> Maps:
        """What the head learns from, made once a face. Only to be asked for when the head has
        the statistics that it goes on with: a checkpoint brings its own.
        """
        if not self.head.reduces:
            return self._maps_of(faces, place)
        key = (faces is self.train, place)
        if key not in self._learnt:
            maps = batched(self._maps_of(faces, place), self.head.resolutions, self.device)
            self._learnt[key] = {r: packed(m[0]) for r, m in self.head.reduced(maps).items()}
        return self._learnt[key]

    def _maps_of(self, faces: LabelledFaces, place: int) -> Maps:
        return self.cache.get(faces.ws[place], faces.noises[place])


def _fitting(faces: LabelledFaces, generator: Generator, size: int) -> LabelledFaces:
    """Masks at the size that is learned. Raises InvalidRequestError for what does not fit."""
    if not len(faces):
        raise InvalidRequestError("There are no labelled faces to learn from. Paint one first.")
    wanted = (generator.num_ws, generator.synthesis.w_dim)
    if faces.ws.shape[1:] != wanted:
        raise InvalidRequestError(
            f"The painted faces have ws of {list(faces.ws.shape[1:])}, generator "
            f"'{generator.identity.name}' needs {list(wanted)}. They were painted on another one."
        )
    return faces.at_size(size)


def _warnings(labels: NDArray[np.uint8], classes: ClassSet) -> tuple[str, ...]:
    """What is odd about the training masks, and does not stop the training."""
    counts = count_pixels(labels, classes.num_classes)
    if not counts.sum():
        raise InvalidRequestError(
            "No pixel of the training faces is labelled. Paint some strokes first."
        )
    found = []
    if empty := [name for name, n in zip(classes.names, counts, strict=True) if not n]:
        found.append(
            f"No training face shows {', '.join(empty)}: the segmenter will not find "
            f"{'it' if len(empty) == 1 else 'them'}."
        )
    if blank := int((labels == UNLABELLED).all(axis=(1, 2)).sum()):
        found.append(f"{blank} of {len(labels)} training faces have no labelled pixel.")
    return tuple(found)


def _optimiser(head: Head, config: SegmenterTraining) -> torch.optim.Optimizer:
    rate, decay = config.learning_rate or 0.0, config.weight_decay or 0.0
    groups: list[dict[str, Any]] = [
        {"params": [p for p in head.parameters() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in head.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9)
    kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate)


@contextmanager
def _memory_explained(config: SegmenterTraining) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = str(error).lower()
        if isinstance(error, MemoryError) or "memory" in told:
            size = config.batch_size or 1
            smaller = (
                f"Set batch_size below {size}."
                if size > 1
                else "Set a smaller size, or choose the model 'weave', which needs least."
            )
            raise NotEnoughMemoryError(
                f"Training '{config.model}' with batch_size {size} at {config.size} px does not "
                f"fit into memory. {smaller}"
            ) from error
        raise


def _mixed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, 2, step]).generate_state(1)[0])


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
