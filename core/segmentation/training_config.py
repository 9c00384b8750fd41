"""What makes a segmenter: the keys of a training's YAML file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch

from core.errors import InvalidRequestError
from core.seeds import MAX_SEED
from core.segmentation.heads import HEADS
from core.segmentation.losses import BETA, LOSSES

OPTIMISERS = ("adamw", "adam", "sgd")
SCHEDULES = ("cosine", "constant")
PRECISIONS = ("f32", "bf16")
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Recipe:
    """Defaults of one model, for keys that are left out."""

    batch_size: int  # faces a step
    epochs: int
    learning_rate: float
    optimiser: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "constant"
    smoothing: float = 0.0  # of the labels
    ema: float = 0.0  # decay of the running mean of the weights; 0: none
    validate_every: int = 1  # epochs
    least_steps: int = 1  # of an epoch


THESIS = Recipe(batch_size=2, epochs=40, learning_rate=1e-3)
RECIPES: dict[str, Recipe] = {
    "weave": Recipe(3, 110, 4e-3, "adamw", 0.02, "cosine", 0.02, 0.99, 10, 5),
    "config-1": THESIS,
    "config-2a": THESIS,
    "config-2b": THESIS,
    "config-2c": THESIS,
    "pixel-mlp": Recipe(2, 40, 1e-3, validate_every=10),
}


@dataclass(frozen=True)
class SegmenterTraining:
    """Keys of the configuration; those that are None take the model's own recipe.

    Raises InvalidRequestError naming the key, the value and what is allowed.
    """

    dataset: str = "starter"  # 'starter', or a project of the workspace
    generator: str = "mobilestylegan-ffhq-1024"
    model: str = "weave"  # a key of HEADS
    classes: int | list[int] | None = None  # how many the scheme must have, or the ids to learn
    size: int = 512  # of the masks, px
    batch_size: int | None = None  # faces a step
    epochs: int | None = None
    optimiser: str | None = None  # adamw, adam, sgd
    learning_rate: float | None = None
    weight_decay: float | None = None
    schedule: str | None = None  # of the learning rate: cosine (with a short rise) or constant
    seed: int = 0
    loss: str = "cross-entropy"  # or class-balanced, effective-number-labelled
    beta: float = BETA  # of the class weights
    smoothing: float | None = None  # of the labels, 0 to 0.5
    mirror: bool = False  # show half of the faces mirrored, left and right classes swapped
    rare: float = 0.6  # share of windows that are put on a class drawn evenly
    window: int = 192  # px a side, where a model learns from windows
    windows: int = 2  # of each face and step
    pixels: int = 2048  # of each face and step, where a model learns from pixels
    ema: float | None = None  # decay of the running mean of the weights; 0: none
    validate_every: int | None = None  # epochs
    least_steps: int | None = None  # of an epoch: few faces come several times in it
    precision: str = "f32"  # of convolutions; bf16 is quicker on processors that compute in it
    splits: dict[str, int] = field(  # where the data set names none itself
        default_factory=lambda: {"train": 30, "validation": 10, "test": 10}
    )

    def __post_init__(self) -> None:
        _one_of("model", self.model, tuple(HEADS))
        _one_of("loss", self.loss, LOSSES)
        _one_of("optimiser", self.optimiser, OPTIMISERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, PRECISIONS)
        for name in ("size", "batch_size", "epochs", "window", "windows", "pixels"):
            _within(name, getattr(self, name), 1, 10**6)
        _within("validate_every", self.validate_every, 1, 10**6)
        _within("least_steps", self.least_steps, 1, 10**6)
        _within("learning_rate", self.learning_rate, 1e-12, 100)
        _within("weight_decay", self.weight_decay, 0, 100)
        _within("smoothing", self.smoothing, 0, 0.5)
        _within("rare", self.rare, 0, 1)
        _within("ema", self.ema, 0, 0.99999)
        _within("beta", self.beta, 0, 0.9999999)
        _within("seed", self.seed, 0, MAX_SEED)
        if set(self.splits) - set(PARTS) or self.splits.get("train", 0) < 1:
            raise InvalidRequestError(
                f"splits must give {', '.join(PARTS)} a number of faces each, train at least 1, "
                f"is {self.splits}."
            )
        if any(number < 0 for number in self.splits.values()):
            raise InvalidRequestError(f"splits must be 0 or more, is {self.splits}.")

    def resolved(self) -> SegmenterTraining:
        """The same with every key filled in."""
        recipe = RECIPES[self.model]
        missing = {
            name: value
            for name, value in dataclasses.asdict(recipe).items()
            if getattr(self, name) is None
        }
        return dataclasses.replace(self, **missing)

    def computed(self, device: torch.device) -> torch.autocast:
        """While it is entered, what is computed there has this precision."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bf16")

    @property
    def shares(self) -> tuple[int, int, int]:
        train, validation, test = (self.splits.get(part, 0) for part in PARTS)
        return train, validation, test


def _one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise InvalidRequestError(f"{name} must be one of {', '.join(allowed)}, is '{value}'.")


def _within(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidRequestError(f"{name} must be in {low:g}..{high:g}, is {value:g}.")


def as_json(config: SegmenterTraining) -> dict[str, Any]:
    """The configuration as plain values, as it is stored beside what it made."""
    return dataclasses.asdict(config)
