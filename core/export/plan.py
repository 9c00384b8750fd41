"""Recipe -> orders: who is asked for at each place of the dataset. Pure and deterministic.

In each split generated people come first, then the painted ones, whose splits are dealt apart.

Groups are quotas, not lots: of 500 people a share of 0.5 gets 250. What is balanced is counted
in joint cells; what is not is spread independently. Splits hold whole people and are dealt so
that each is like the whole. Where nothing is asked of the faces and there is one split, a
longer plan begins with the shorter one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.export.quotas import cells, dealt, largest_remainder
from core.export.recipe import GENDERS, AgeBand, Recipe, check_splits
from core.export.sample import CHUNK_SIZE, SPLITS, Chunk, Order, PaintedFace

AGE_MARGIN = 1.0  # years from the ends of a range, so that a small miss stays within
LARGE = 1024  # px of pictures whose chunks are smaller, which bounds memory
LARGE_CHUNK = 32  # faces

Groups = NDArray[np.int64]


class Plan:
    """The orders of a recipe, made when they are asked for: memory grows by people, not orders.

    painted: faces of a project, in any order. Raises InvalidRequestError where a split that is
    asked for would have nobody.
    """

    def __init__(self, recipe: Recipe, painted: Sequence[PaintedFace] = ()) -> None:
        self.recipe = recipe
        people = recipe.identities
        self._groups = _groups(recipe, people)
        by_person = _by_person(painted)
        shares = recipe.shares_of(people + len(by_person))
        if painted and recipe.splits is not None:
            check_splits(shares, people + len(by_person))
        self._sizes = people_by_split(people, shares)
        self._painted = _dealt_painted(recipe, by_person, shares)
        joint = _numbered(self._groups, people)
        part_of = dealt(joint.tolist(), list(self._sizes.values()))
        self._order = np.argsort(part_of, kind="stable")  # place of an identity -> whose groups
        self._ages = _ages(recipe, self._groups.get("ages"))

    def __len__(self) -> int:
        return sum(self.splits.values())

    @property
    def splits(self) -> dict[str, int]:
        """Faces of each split that has some, in their order."""
        found = {s: self._num_generated(s) + len(self._painted.get(s, ())) for s in SPLITS}
        return {split: count for split, count in found.items() if count}

    @property
    def painted(self) -> tuple[PaintedFace, ...]:
        """With their splits, in the order of their places."""
        orders = (order for split in SPLITS for order in self._painted.get(split, ()))
        return tuple(order.painted for order in orders if order.painted is not None)

    @property
    def chunk_size(self) -> int:
        """Faces of a chunk that is not the last of its split: whole people."""
        variants = self.recipe.variants.count
        most = LARGE_CHUNK if self.recipe.size >= LARGE else CHUNK_SIZE
        return most // variants * variants

    def order(self, place: int) -> Order:
        """place: 0 up to the number of faces."""
        left, generated = place, 0
        for split, count in self.splits.items():
            here = self._num_generated(split)
            if left < here:
                identity, variant = divmod(generated + left, self.recipe.variants.count)
                return Order(place, identity, variant, split, self._target(identity))
            if left < count:
                return replace(self._painted[split][left - here], place=place)
            left -= count
            generated += here
        raise IndexError(f"There is no place {place}; there are {len(self)}.")

    def person(self, identity: int) -> tuple[Order, ...]:
        """All pictures of somebody who is generated, 0 up to the recipe's identities."""
        variants, place = self.recipe.variants.count, identity * self.recipe.variants.count
        last = 0
        for split, size in self._sizes.items():
            last += size
            if identity < last:
                break
            place += len(self._painted.get(split, ()))
        return tuple(self.order(place + variant) for variant in range(variants))

    def orders(self) -> Iterator[Order]:
        return (self.order(place) for place in range(len(self)))

    def chunks(self) -> Iterator[Chunk]:
        """All orders, whole people of one split together."""
        step = self.chunk_size
        index = first = 0
        for split, count in self.splits.items():
            generated = self._num_generated(split)
            for part in (generated, count - generated):
                for start in range(first, first + part, step):
                    places = range(start, min(start + step, first + part))
                    yield Chunk(index, split, tuple(self.order(place) for place in places))
                    index += 1
                first += part

    def _num_generated(self, split: str) -> int:
        """Faces."""
        return self._sizes.get(split, 0) * self.recipe.variants.count

    def _target(self, identity: int) -> dict[str, Any]:
        """age, age_range, gender and traits, as far as they are asked for; plain JSON."""
        person = int(self._order[identity])
        target: dict[str, Any] = {}
        if self.recipe.ages:
            band = self.recipe.ages[self._groups["ages"][person]]
            target["age"] = round(float(self._ages[person]), 2)
            target["age_range"] = [band.low, band.high]
        if self.recipe.female is not None:
            target["gender"] = GENDERS[self._groups["gender"][person]]
        for trait in self.recipe.traits:
            has = self._groups[trait.name][person] == 0
            setting = trait.setting if has else trait.otherwise
            if setting is not None:
                target.setdefault("values" if trait.is_measured else "amounts", {})[trait.name] = (
                    setting
                )
        return target


def _by_person(painted: Sequence[PaintedFace]) -> list[list[PaintedFace]]:
    """The faces of each person, in an order that does not depend on the one given."""
    ordered = sorted(painted, key=lambda face: (face.person, face.face))
    return [list(faces) for _, faces in groupby(ordered, lambda face: face.person)]


def _dealt_painted(
    recipe: Recipe, by_person: Sequence[Sequence[PaintedFace]], shares: dict[str, float]
) -> dict[str, list[Order]]:
    """Orders of each split that has some, whole people together; their places are open."""
    sizes = largest_remainder(len(by_person), list(shares.values()))
    mixed = iter(_random(recipe, "painted").permutation(len(by_person)))
    found: dict[str, list[Order]] = {}
    for split, size in zip(shares, sizes, strict=True):
        for person in sorted(int(next(mixed)) for _ in range(size)):
            identity = recipe.identities + person
            for variant, face in enumerate(by_person[person]):
                placed = replace(face, split=split)
                order = Order(0, identity, variant, split, painted=placed)
                found.setdefault(split, []).append(order)
    return found


def people_by_split(people: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Of those who are generated, by the splits that have some."""
    sizes = largest_remainder(people, list(shares.values()))
    return {split: size for split, size in zip(shares, sizes, strict=True) if size}


def _shares(recipe: Recipe) -> dict[str, list[float]]:
    """Of the groups of each dimension that is asked for."""
    found: dict[str, list[float]] = {}
    if recipe.ages:
        found["ages"] = [band.share for band in recipe.ages]
    if recipe.female is not None:
        found["gender"] = [recipe.female, 1 - recipe.female]
    return found | {trait.name: [trait.share, 1 - trait.share] for trait in recipe.traits}


def _groups(recipe: Recipe, people: int) -> dict[str, Groups]:
    """dimension -> the group of each person, int64 [people]."""
    shares = _shares(recipe)
    joint = {name: shares[name] for name in shares if name in recipe.balance}
    found = {}
    if joint:
        combinations, parts = cells(joint)
        table = np.array(combinations, np.int64)
        mixed = _spread(recipe, "balance", people, parts)
        found = {name: table[mixed, column] for column, name in enumerate(joint)}
    for name, parts in shares.items():
        if name not in joint:
            found[name] = _spread(recipe, name, people, parts)
    return found


def _spread(recipe: Recipe, name: str, people: int, shares: list[float]) -> Groups:
    """Groups in their exact numbers, in an order that belongs to this dimension alone."""
    counts = largest_remainder(people, shares)
    groups = np.repeat(np.arange(len(counts)), counts)
    return _random(recipe, name).permutation(groups)


def _ages(recipe: Recipe, groups: Groups | None) -> NDArray[np.float64]:
    """An age for each person: evenly over their range, mixed."""
    if groups is None:
        return np.empty(0)
    ages = np.empty(len(groups))
    random = _random(recipe, "years")
    for number, band in enumerate(recipe.ages):
        places = np.flatnonzero(groups == number)
        ages[random.permutation(places)] = _evenly(band, len(places))
    return ages


def _evenly(band: AgeBand, count: int) -> NDArray[np.float64]:
    margin = min(AGE_MARGIN, (band.high - band.low) / 4)
    low, high = band.low + margin, band.high - margin
    return low + (high - low) * (np.arange(count) + 0.5) / max(count, 1)


def _numbered(groups: dict[str, Groups], people: int) -> Groups:
    """One number for each combination of groups that a person can be in."""
    joint = np.zeros(people, np.int64)
    for each in groups.values():
        joint = joint * (int(each.max()) + 1) + each
    return joint


def _random(recipe: Recipe, name: str) -> np.random.Generator:
    return np.random.default_rng([recipe.seed, *name.encode()])
