"""Faces on demand: a generator with its attributes, opened once, and the verbs that use them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.attributes.control import Controller, Steered, targets_of
from core.attributes.estimators import AgeGenderEstimator
from core.attributes.measuring import MeasuredFace
from core.attributes.pack import AttributePack
from core.attributes.store import open_attributes
from core.directions import Direction
from core.errors import InvalidRequestError
from core.generators import Generator, Outputs
from core.progress import OnStep, ignore
from studio.model_cache import ModelCache
from studio.workflows.attribute_training import open_measurer

HELD = (
    "yaw",
    "pitch",
    "smile",
    "mouth_opening",
    "light_side",
    "brightness",
    "skin_tone",
    "eyeglasses",
    "hat",
)

FEW = ("yaw", "light_side")
TRIES = ((0.0, HELD), (0.4, FEW), (0.8, ()))  # how much of the encoder is mixed in; what is held


@dataclass(frozen=True)
class Wish:
    """What is asked of a face. age: years, or as drawn. gender: female, male or as drawn.

    mixing: 0 to 1, how much of the encoder's w is mixed into the layers that carry age and
    gender: 1 is the thesis's style mixing, precise and alike; 0 only moves the drawn face.
    """

    age: float | None = None
    gender: str | None = None
    mixing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.mixing <= 1:
            raise InvalidRequestError(f"mixing must be in 0..1, is {self.mixing}.")


class FaceControl:
    """Steers the faces of one generator. Safe to use from threads; they take turns."""

    def __init__(self, models: ModelCache, generator: str) -> None:
        self.generator: Generator = models.generator(generator)
        self.pack: AttributePack = open_attributes(models.weights, generator)
        self.estimator = AgeGenderEstimator()
        self._measurer = open_measurer(models, generator, self.estimator)
        self._full = models.runtime(generator, Outputs())
        self._lock = threading.Lock()
        self.controller = Controller(
            self.pack.model, self.pack.covariance, self.pack.mixing_layers(), self.measure
        )

    def measure(self, ws: NDArray[np.float32]) -> NDArray[np.float32]:
        """ws [N, L, D] -> values [N, K], on previews."""
        with self._lock:
            return self._measurer.measure(ws)

    def look(self, ws: NDArray[np.float32]) -> list[MeasuredFace]:
        """ws [N, L, D] -> their previews and masks with what is measured on them."""
        with self._lock:
            return list(self._measurer.stream(ws))

    def picture(self, ws: NDArray[np.float32]) -> NDArray[np.uint8]:
        """ws [L, D] -> the full-size picture, uint8 [R, R, 3]."""
        picture: NDArray[np.uint8] = self._full.render(ws)["image"]
        return picture

    def estimate(self, picture: NDArray[np.uint8]) -> Mapping[str, float]:
        """Age and male as seen on a picture uint8 [S, S, 3]; NaN where no face is found."""
        found = self.estimator.estimate([picture])[0]
        return {"age": found.age, "male": found.male}

    def check(self, ws: NDArray[np.float32]) -> Mapping[str, float]:
        """The same of the full-size picture of ws [L, D]."""
        return self.estimate(self.picture(ws))

    def mixed(
        self, ws: NDArray[np.float32], wish: Wish, random: np.random.Generator
    ) -> NDArray[np.float32]:
        """ws [L, D] with the encoder's w in the layers that carry age and gender (the thesis's
        style mixing, chapter 5.3), as far as the wish says."""
        if wish.mixing == 0 or (wish.age is None and wish.gender is None):
            return ws
        male = None if wish.gender is None else float(wish.gender == "male")
        given = self.pack.draw_given(wish.age, male, random)
        w = self.pack.encoder.encode(given[None])[0]  # [D]
        mixed = ws.copy()
        for layer in self.pack.mixing_layers():
            mixed[layer] += np.float32(wish.mixing) * (w - mixed[layer])
        return mixed

    def fulfil(
        self,
        ws: NDArray[np.float32],
        wish: Wish,
        random: np.random.Generator,
        on_step: OnStep = ignore,
        *,
        moves: Sequence[tuple[Direction, float]] = (),
        values: Mapping[str, float] | None = None,
        keep: Sequence[str] = (),
        is_enough: Callable[[Steered], bool] = lambda found: found.reached,
    ) -> Steered:
        """The drawn face ws [L, D] as it was wished, as near to the drawn one as it will go.

        moves: directions and amounts, before age and gender; what they are meant to move is held
        then. values: targets of further attributes, by name. keep: attributes that are held in
        any case. Where it is not enough on the full-size picture, it starts again nearer to
        the mean face of that age and gender, and holds less. The best one counts.
        """
        targets = targets_of(wish.age, wish.gender) | dict(values or {})
        (_, first_held), *others = TRIES
        tries = [(wish.mixing, first_held), *(other for other in others if other[0] > wish.mixing)]
        moved = [*keep, *(direction.attribute for direction, _ in moves if direction.attribute)]

        def started(mixing: float) -> NDArray[np.float32]:
            start = self.mixed(ws, replace(wish, mixing=mixing), random)
            for direction, amount in moves:
                start = direction.apply(start, amount)
            return start

        return first_reached(
            (
                self.controller.steer(
                    started(mixing),
                    targets,
                    [n for n in dict.fromkeys([*hold, *moved]) if n in self.pack.model.names],
                    check=self.check,
                    on_step=on_step,
                )
                for mixing, hold in tries
            ),
            is_enough,
        )


def first_reached(
    tries: Iterable[Steered], is_enough: Callable[[Steered], bool] = lambda found: found.reached
) -> Steered:
    """The first that is enough, else the one that misses least; further ones are not begun.
    Its pictures are all that were measured."""
    best: Steered | None = None
    pictures = 0
    for found in tries:
        pictures += found.pictures
        if is_enough(found):
            best = found
            break
        if best is None or found.miss < best.miss:
            best = found
    assert best is not None
    return replace(best, pictures=pictures)
