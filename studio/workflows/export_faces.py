"""Who a person of an export is: drawn from a seed, steered to the target, seen several times."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attributes.control import Steered
from core.directions import Direction
from core.errors import InvalidRequestError
from core.export.recipe import GENDERS, OLDEST, YOUNGEST, Recipe, seed_of
from core.export.sample import Order
from core.generators import Generator, Noise
from core.progress import OnStep, ignore
from core.sampling import latents_from_seeds, pulled_to_mean
from studio.workflows.face_control import HELD, FaceControl, Wish

Ws = NDArray[np.float32]
BLOCK = 256  # people drawn at once; the mapping computes so many for one
BLOCKS = 4  # kept
CHANGED = {  # what is moved for each kind of change
    "light": ("light_side", "brightness"),
    "hair": ("hair_darkness", "hair_warmth"),
    "pose": ("yaw", "pitch"),
}
PERSON = (  # what stays the same person, and the same expression
    "age",
    "male",
    "face_width",
    "nose_width",
    "lip_fullness",
    "brow_thickness",
    "beard",
    "smile",
    "mouth_opening",
    "eyeglasses",
    "hat",
)
AGE_TOLERANCE = 1.0  # years, of a single age; a range is its own tolerance
TRAIT_TOLERANCE = 0.5  # standard deviations among random faces
SURE = 0.2  # of a probability of male from 0 or 1
LEAST_CHANGE = 0.5  # of the strength: what is asked to differ, differs


@dataclass(frozen=True, eq=False)
class Person:
    """Latents of one person at one try, [variants, L, D].

    estimates: what steering measured last, empty without. has_missed: whether it did not reach
    the target. changes: of each variant, the values that were asked for, by attribute.
    """

    seed: int
    attempt: int
    ws: Ws
    estimates: Mapping[str, float] = field(default_factory=dict)
    has_missed: bool = False
    changes: tuple[Mapping[str, float], ...] = ({},)


class People:
    """Draws the people of a recipe. control: needed where more than a draw is asked for.
    directions: by the names that the recipe's amounts are for. base: ws [L, D] of the recipe's
    base; None: they are drawn."""

    def __init__(
        self,
        recipe: Recipe,
        generator: Generator,
        control: FaceControl | None,
        directions: Mapping[str, Direction],
        base: Ws | None = None,
    ) -> None:
        self._recipe = recipe
        self._generator = generator
        self._control = control
        self._directions = directions
        self._base = None if base is None else pulled_to_mean(generator, base, recipe.psi)
        self._blocks: OrderedDict[tuple[int, int], Ws] = OrderedDict()

    def person(self, orders: Sequence[Order], attempt: int, on_step: OnStep = ignore) -> Person:
        """orders: of one identity, its variants in order. on_step: may raise Cancelled."""
        first = orders[0]
        seed = seed_of(self._recipe.seed, first.identity, attempt)
        drawn = self._drawn(first.identity, attempt)
        ws, steered = self._steered(drawn, first.target, seed, on_step)
        seen, changes = [ws], [dict[str, float]()]
        for order in orders[1:]:
            varied, change = self._varied(ws, order, seed)
            seen.append(varied)
            changes.append(change)
        missed = steered is not None and self._has_missed(steered, first.target)
        estimates = {} if steered is None else steered.estimates
        return Person(seed, attempt, np.stack(seen), estimates, missed, tuple(changes))

    def _drawn(self, identity: int, attempt: int) -> Ws:
        """The base, or as `latents_from_seeds` draws it; neighbours are drawn with it, which costs
        nothing."""
        if self._base is not None:
            return self._base
        key = identity // BLOCK, attempt
        if key not in self._blocks:
            people = range(key[0] * BLOCK, (key[0] + 1) * BLOCK)
            seeds = [seed_of(self._recipe.seed, person, attempt) for person in people]
            drawn = latents_from_seeds(self._generator, seeds, psi=self._recipe.psi, noise=Noise())
            self._blocks[key] = drawn.ws
            if len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(key)
        ws: Ws = self._blocks[key][identity % BLOCK]
        return ws

    def _steered(
        self, ws: Ws, target: Mapping[str, Any], seed: int, on_step: OnStep
    ) -> tuple[Ws, Steered | None]:
        moves = [
            (self._directions[name], float(amount))
            for name, amount in target.get("amounts", {}).items()
        ]
        values = target.get("values", {})
        wish = Wish(target.get("age"), target.get("gender"))
        if wish == Wish() and not values:
            for direction, amount in moves:
                ws = direction.apply(ws, amount)
            return ws, None
        if self._control is None:
            raise InvalidRequestError("Faces cannot be steered without the generator's attributes.")
        random = np.random.default_rng(seed)
        fulfil = functools.partial(
            self._control.fulfil,
            wish=wish,
            random=random,
            on_step=on_step,
            moves=moves,
            is_enough=lambda found: self._is_enough(found, target),
        )
        if wish == Wish():
            return _with_ws(fulfil(ws, values=values))
        if values:  # told by the model first, then held: together they take three times as long
            held = [name for name in HELD if name in self._control.pack.model.names]
            ws = self._control.controller.guess(ws, values, held)
        return _with_ws(fulfil(ws, keep=tuple(values)))

    def _varied(self, ws: Ws, order: Order, seed: int) -> tuple[Ws, dict[str, float]]:
        """The same person under another light, from another side ..., told by the model."""
        assert self._control is not None
        pack, asked = self._control.pack, self._recipe.variants
        names = [
            name for change in asked.change for name in CHANGED[change] if name in pack.model.names
        ]
        told = dict(zip(pack.model.names, pack.model.predict(ws[None])[0], strict=True))
        random = np.random.default_rng([seed, order.variant])
        strengths = random.uniform(LEAST_CHANGE, 1, len(names)) * random.choice([-1, 1], len(names))
        change = {
            name: float(told[name] + asked.strength * strength * pack.scale[name])
            for name, strength in zip(names, strengths, strict=True)
        }
        same = {name: float(told[name]) for name in ("age", "male")}
        held = [name for name in PERSON if name in pack.model.names]
        layers = pack.influence.mixing_layers(names)
        return self._control.controller.guess(ws, {**change, **same}, held, layers), change

    def _is_enough(self, found: Steered, target: Mapping[str, Any]) -> bool:
        """Within what was asked, on the full-size picture."""
        if self._has_missed(found, target):
            return False
        if not found.reached:  # told by the preview alone
            assert self._control is not None
            found.estimates.update(self._control.check(found.ws))
        return not self._has_missed(found, target)

    def _has_missed(self, steered: Steered, target: Mapping[str, Any]) -> bool:
        """Whether the age is out of its range, the gender is not clear, or a trait not there."""
        assert self._control is not None
        found, scale = steered.estimates, self._control.pack.scale
        low, high = target.get("age_range", (YOUNGEST, OLDEST))
        if low == high:
            low, high = low - AGE_TOLERANCE, high + AGE_TOLERANCE
        if "age" in target and not low <= found["age"] <= high:
            return True
        if "gender" in target and not abs(found["male"] - GENDERS.index(target["gender"])) <= SURE:
            return True
        return any(
            not abs(found[name] - value) <= TRAIT_TOLERANCE * scale[name]
            for name, value in target.get("values", {}).items()
        )


def needs_control(recipe: Recipe) -> bool:
    """Whether the generator's attributes are needed."""
    is_measured = any(trait.is_measured for trait in recipe.traits)
    is_varied = recipe.variants.count > 1
    return bool(recipe.ages or recipe.female is not None or is_measured or is_varied)


def _with_ws(steered: Steered) -> tuple[Ws, Steered]:
    return steered.ws, steered
