"""What an export is asked for: the value that a YAML file, options and the tab all make.

Shares are parts of the identities (people), not of the pictures, and add up to 1. The same
recipe makes the same dataset: see plan.py for who is asked for, `seed_of` for who is drawn.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import InvalidRequestError
from core.export.sample import SPLITS
from core.seeds import MAX_SEED

MAX_COUNT = 1_000_000
SIZES = (256, 512, 1024)  # px
MASKS = ("done", "reviewed")  # of a project: all that are finished, or those a review accepted
IMAGES = ("native", "png", "jpeg")  # native: as each format usually has them
CHANGES = ("light", "hair", "pose")  # what can differ between pictures of one person
GENDERS = ("female", "male")
YOUNGEST, OLDEST = 1.0, 80.0  # years that the estimator can tell apart
LARGEST_PSI = 2.0
LARGEST_AMOUNT = 10.0  # of a direction, in its units
MAX_VARIANTS = 16
MAX_TRIES = 100
DEFAULT_SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}
SPLIT_FROM = 10  # identities: fewer are all for training where no splits are asked for
GIVEN = 1e-6  # shares may miss 1 by this much


@dataclass(frozen=True)
class AgeBand:
    """Ages from low to high, years, for a share of the people."""

    low: float
    high: float
    share: float

    def __str__(self) -> str:
        ends = (self.low,) if self.low == self.high else (self.low, self.high)
        return "-".join(f"{age:g}" for age in ends)


@dataclass(frozen=True)
class Trait:
    """What a share of the people gets, and what the others get where `otherwise` is given.

    name: an attribute with a `value` that is steered to and measured, or a direction that is
    applied by an `amount`; one of the two is given. otherwise: the same for the other people.
    """

    name: str
    share: float
    value: float | None = None
    amount: float | None = None
    otherwise: float | None = None

    @property
    def setting(self) -> float:
        return self.value if self.value is not None else self.amount or 0.0

    @property
    def is_measured(self) -> bool:
        return self.value is not None


@dataclass(frozen=True)
class Variants:
    """Pictures of one person. count: of each person, the unchanged one included. change: of
    CHANGES. strength: largest change, in standard deviations among random faces."""

    count: int = 1
    change: tuple[str, ...] = CHANGES
    strength: float = 1.0


@dataclass(frozen=True)
class Limit:
    """Where a filter cuts: at a value, or so that about this share of faces is dropped."""

    value: float
    is_share: bool = False

    def plain(self) -> float | str:
        return f"{100 * self.value:g}%" if self.is_share else self.value


@dataclass(frozen=True)
class Filter:
    """Which faces are dropped and made again from another seed.

    uncertainty: dropped above it; mean over the tenth of the pixels that the label branch is
    least sure of, 0..1. artifact: dropped below it; core/quality.py, 0 (least typical) to 100.
    one_face: dropped where the detector sees none or several. target: dropped where what was
    asked is not reached. tries: faces drawn for a place; then the one with the fewest faults
    stays. pilot: faces that shares are turned into values by.
    """

    uncertainty: Limit | None = None
    artifact: Limit | None = None
    one_face: bool = True
    target: bool = True
    tries: int = 10
    pilot: int = 200


@dataclass(frozen=True)
class ProjectMasks:
    """Painted faces of a project. name: its name, or its id. masks: one of MASKS."""

    name: str
    masks: str = "done"


@dataclass(frozen=True)
class Base:
    """A face to start from instead of a drawn one. name: 'photo:ID' of the workspace, or a latents
    file. sha256: of its ws, where that must not change; '' where it may."""

    name: str
    sha256: str = ""


@dataclass(frozen=True)
class Recipe:
    """Raises InvalidRequestError naming the key, the value and what is allowed.

    count: faces to generate. project: whose painted faces are added to them; with a count of 0
    they are alone. generator, segmenter: names or, the latter, a file; None: those in force.
    size: px of images and masks. ages: bands; empty: as drawn. female: share of women; None: as
    drawn. base: whose pictures all are, as many as there are variants; None: people are drawn.
    balance: which of 'ages', 'gender' and traits are spread over each other exactly.
    splits: shares; None: DEFAULT_SPLITS, or all for training where there are few people.
    formats: names; which there are is known to core/export/formats. mark: every picture says
    that it is synthetic.
    """

    name: str = "faces"
    count: int = 100
    generator: str | None = None
    segmenter: str | None = None
    psi: float = 0.7
    size: int = 512
    ages: tuple[AgeBand, ...] = ()
    female: float | None = None
    traits: tuple[Trait, ...] = ()
    balance: tuple[str, ...] = ()
    variants: Variants = Variants()
    filter: Filter = Filter()
    seed: int = 0
    splits: Mapping[str, float] | None = None
    formats: tuple[str, ...] = ("huggingface",)
    images: str = "native"
    mark: bool = True
    measure: bool = True  # age, gender and traits of every face, as far as a mask can tell
    project: ProjectMasks | None = None
    base: Base | None = None

    def __post_init__(self) -> None:
        within("count", self.count, 0 if self.project else 1, MAX_COUNT)
        if self.project:
            one_of("project.masks", self.project.masks, MASKS)
        within("psi", self.psi, -LARGEST_PSI, LARGEST_PSI)
        within("seed", self.seed, 0, MAX_SEED)
        one_of("size", self.size, SIZES)
        one_of("images", self.images, IMAGES)
        if not self.formats:
            raise InvalidRequestError("formats must name at least one format.")
        twice("formats", self.formats)
        self._check_people()
        self._check_variants()
        self._check_filter()
        self._check_splits()
        self._check_balance()

    @property
    def identities(self) -> int:
        """How many people."""
        return self.count // self.variants.count

    @property
    def shares(self) -> dict[str, float]:
        """Of the splits that have some, in their order."""
        return self.shares_of(self.identities)

    def shares_of(self, people: int) -> dict[str, float]:
        """The same for so many people, those of a project counted in."""
        given = self.splits
        if given is None:
            given = DEFAULT_SPLITS if people >= SPLIT_FROM else {"train": 1.0}
        return {split: given[split] for split in SPLITS if given.get(split, 0) > 0}

    @property
    def is_steered(self) -> bool:
        """Whether more is asked of faces than to be drawn."""
        return bool(self.ages or self.female is not None or self.traits)

    def _check_people(self) -> None:
        for band in self.ages:
            if not YOUNGEST <= band.low <= band.high <= OLDEST:
                raise InvalidRequestError(
                    f"ages: a range goes upwards within {YOUNGEST:g}..{OLDEST:g} years, is "
                    f"'{band}'."
                )
        twice("ages", [str(band) for band in self.ages])
        if self.ages:
            add_up("ages", {str(band): band.share for band in self.ages})
        within("gender_ratio", self.female, 0, 1)
        twice("traits", [trait.name for trait in self.traits])
        for trait in self.traits:
            self._check_trait(trait)

    @staticmethod
    def _check_trait(trait: Trait) -> None:
        from core.attributes.measures import ATTRIBUTES  # a large import; workers need none

        key = f"traits.{trait.name}"
        within(f"{key}.share", trait.share, 0, 1)
        if (trait.value is None) == (trait.amount is None):
            raise InvalidRequestError(
                f"{key} needs either value (of an attribute) or amount (of a direction)."
            )
        low, high = -LARGEST_AMOUNT, LARGEST_AMOUNT
        if trait.is_measured:
            if trait.name in ("age", "male"):
                raise InvalidRequestError(f"{key}: ask for it with ages or gender_ratio.")
            one_of("traits, with value:", trait.name, tuple(ATTRIBUTES))
            low, high = ATTRIBUTES[trait.name].low, ATTRIBUTES[trait.name].high
        within(f"{key}.{'value' if trait.is_measured else 'amount'}", trait.setting, low, high)
        within(f"{key}.otherwise", trait.otherwise, low, high)

    def _check_variants(self) -> None:
        asked = self.variants
        within("variants.count", asked.count, 1, MAX_VARIANTS)
        within("variants.strength", asked.strength, 0, 3)
        for change in asked.change:
            one_of("variants.change", change, CHANGES)
        twice("variants.change", asked.change)
        if asked.count > 1 and not asked.change:
            raise InvalidRequestError(f"variants.change must name some of {', '.join(CHANGES)}.")
        if self.base and self.count != asked.count:
            raise InvalidRequestError(
                f"base: all pictures are of one person, so that count ({self.count}) must be "
                f"variants.count ({asked.count}), at most {MAX_VARIANTS}."
            )
        if self.count % asked.count:
            low = self.count - self.count % asked.count
            raise InvalidRequestError(
                f"count must be a multiple of variants.count ({asked.count}), is {self.count}. "
                f"Choose {low or asked.count} or {low + asked.count}."
            )

    def _check_filter(self) -> None:
        asked = self.filter
        for name, limit, high in (
            ("uncertainty", asked.uncertainty, 1.0),
            ("artifact", asked.artifact, 100.0),
        ):
            if limit is not None:
                within(f"filter.{name}", limit.value, 0, 0.9 if limit.is_share else high)
        within("filter.tries", asked.tries, 1, MAX_TRIES)
        within("filter.pilot", asked.pilot, 20, 10_000)

    def _check_splits(self) -> None:
        if self.splits is None:
            return
        for split in self.splits:
            one_of("splits", split, SPLITS)
        add_up("splits", self.splits)
        if self.project is None:  # else it is not known yet how many there are
            check_splits(self.shares, self.identities)

    def _check_balance(self) -> None:
        known = ("ages", "gender", *(trait.name for trait in self.traits))
        for part in self.balance:
            one_of("balance", part, known)
        twice("balance", self.balance)
        if "ages" in self.balance and not self.ages:
            raise InvalidRequestError("balance names ages, but ages is not given.")
        if "gender" in self.balance and self.female is None:
            raise InvalidRequestError("balance names gender, but gender_ratio is not given.")
        cells = 1
        for part in self.balance:
            cells *= len(self.ages) if part == "ages" else 2
        if self.balance and cells > self.identities:
            raise InvalidRequestError(
                f"count: {self.identities} people cannot be balanced over {cells} groups. Ask "
                f"for at least {cells * self.variants.count} faces, or for fewer groups."
            )

    def plain(self) -> dict[str, Any]:
        """Plain values as a YAML file holds them; core/export/recipe_text.py reads them back."""
        told: dict[str, Any] = {
            "name": self.name,
            "generator": self.generator,
            "segmenter": self.segmenter,
            "count": self.count,
            "psi": self.psi,
            "size": self.size,
            "seed": self.seed,
        }
        if self.ages:
            told["ages"] = {str(band): band.share for band in self.ages}
        told["gender_ratio"] = self.female
        if self.traits:
            told["traits"] = {trait.name: _plain_trait(trait) for trait in self.traits}
        if self.balance:
            told["balance"] = " x ".join(self.balance)
        asked, limits = self.variants, self.filter
        told["variants"] = {
            "count": asked.count,
            "change": list(asked.change),
            "strength": asked.strength,
        }
        told["filter"] = {
            "uncertainty": limits.uncertainty and limits.uncertainty.plain(),
            "artifact": limits.artifact and limits.artifact.plain(),
            "one_face": limits.one_face,
            "target": limits.target,
            "tries": limits.tries,
            "pilot": limits.pilot,
        }
        told["splits"] = None if self.splits is None else dict(self.splits)
        told |= {"formats": list(self.formats), "images": self.images, "mark": self.mark}
        told["measure"] = self.measure
        if self.project:
            told["project"] = {"name": self.project.name, "masks": self.project.masks}
        if self.base:
            told["base"] = {"name": self.base.name, "sha256": self.base.sha256 or None}
        return told

    @property
    def sha256(self) -> str:
        """Of everything asked for, hex."""
        text = json.dumps(self.plain(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def seed_of(recipe_seed: int, identity: int, attempt: int) -> int:
    """The seed that a person's face is drawn from at the given try, 0..2**32-1."""
    text = f"{recipe_seed}/{identity}/{attempt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def check_splits(shares: Mapping[str, float], people: int) -> None:
    """Raises InvalidRequestError for a split that would have nobody."""
    for split, share in shares.items():
        if share * people < 0.5:
            raise InvalidRequestError(
                f"splits.{split} is {share:g} of {people} people, which is nobody. "
                "Ask for more faces, or set it to 0."
            )


def within(key: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidRequestError(f"{key} must be in {low:g}..{high:g}, is {value:g}.")


def one_of(key: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise InvalidRequestError(
            f"{key} must be one of {', '.join(map(str, allowed))}, is '{value!s:.80}'."
        )


def twice(key: str, values: tuple[str, ...] | list[str]) -> None:
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise InvalidRequestError(f"{key} names {', '.join(repeated)} twice. Name each once.")


def add_up(key: str, shares: Mapping[str, float]) -> None:
    for name, share in shares.items():
        within(f"{key}.{name}", share, 0, 1)
    total = math.fsum(shares.values())
    if abs(total - 1) > GIVEN:
        told = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise InvalidRequestError(
            f"{key}: the shares must add up to 1 (or 100 %), add up to {total:g}: {told}."
        )


def _plain_trait(trait: Trait) -> dict[str, float]:
    told = {"share": trait.share, "value" if trait.is_measured else "amount": trait.setting}
    return told if trait.otherwise is None else told | {"otherwise": trait.otherwise}
