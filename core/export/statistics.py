"""What a dataset holds, in figures: ages, genders, traits and classes, of all and of each split.

Rows are read twice and none is kept, so memory does not grow with the dataset.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.export.sample import DatasetFacts, Row, RowSource

AGE_STEP, OLDEST = 5, 80  # years of an age group; beyond 80 the estimator says nothing
AGE_GROUPS = (*(f"{low}-{low + AGE_STEP - 1}" for low in range(0, OLDEST, AGE_STEP)), f"{OLDEST}+")
GENDERS = ("female", "male")
UNKNOWN = "unknown"
# By the individual typology angle, degrees above which each begins [Chardon et al. 1991,
# Int. J. Cosmetic Science 13; Del Bino & Bernerd 2013, British J. of Dermatology 169].
SKIN_TONES = {
    "very light": 55.0,
    "light": 41.0,
    "intermediate": 28.0,
    "tan": 10.0,
    "brown": -30.0,
    "dark": -90.0,
}
BINS = 20  # of a trait's histogram
_UNLABELLED = "255"


def age_group(age: float) -> int:
    """Place in AGE_GROUPS of an age in years."""
    return min(max(int(age), 0), OLDEST) // AGE_STEP


def gender_of(values: Mapping[str, Any]) -> str:
    """The likelier gender of measured or asked values; unknown where there is none."""
    male = values.get("male")
    return UNKNOWN if male is None else GENDERS[male > 0.5]


def skin_tone(angle: float) -> str:
    """Name in SKIN_TONES of an individual typology angle in degrees."""
    return next((name for name, above in SKIN_TONES.items() if angle > above), "dark")


def statistics_of(facts: DatasetFacts, rows: RowSource) -> dict[str, Any]:
    """Plain JSON: 'all', and under 'splits' the same for each split.

    Each has faces, identities, ages and asked_ages (faces by gender and age group), genders,
    skin_tones, attributes (count, mean, std, low, high, histogram of BINS equal steps from low to
    high), asked (mean absolute error of what was asked), classes (share of pixels, and of faces
    that have one).
    """
    ranges = _ranges(facts, rows)
    tallies = {split: _Tally(facts, ranges) for split in facts.splits}
    whole = _Tally(facts, ranges)
    for row in rows():
        whole.add(row)
        tallies[row.split].add(row)
    return {
        "all": whole.as_json(),
        "splits": {split: tally.as_json() for split, tally in tallies.items()},
        "age_groups": list(AGE_GROUPS),
    }


def _ranges(facts: DatasetFacts, rows: RowSource) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each attribute that was measured at least once."""
    found: dict[str, tuple[float, float]] = {}
    for row in rows():
        for name, value in _measured(row.record).items():
            low, high = found.get(name, (value, value))
            found[name] = (min(low, value), max(high, value))
    return {known.name: found[known.name] for known in facts.attributes if known.name in found}


def _measured(record: Mapping[str, Any]) -> dict[str, float]:
    measured = record.get("measured", {}).items()
    return {name: value for name, value in measured if value is not None and math.isfinite(value)}


class _Trait:
    """One attribute's values, without keeping them."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.counts = [0] * BINS
        self.number, self.sum, self.squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        width = (self.high - self.low) or 1.0
        self.counts[min(int((value - self.low) / width * BINS), BINS - 1)] += 1
        self.number += 1
        self.sum += value - self.low  # near 0, so that the squares lose no digits
        self.squares += (value - self.low) ** 2

    def as_json(self) -> dict[str, Any]:
        mean = self.sum / self.number if self.number else 0.0
        variance = self.squares / self.number - mean**2 if self.number else 0.0
        return {
            "count": self.number,
            "mean": _rounded(self.low + mean) if self.number else None,
            "std": _rounded(math.sqrt(max(variance, 0.0))) if self.number else None,
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "histogram": self.counts,
        }


class _Tally:
    """The sums of one split, or of all."""

    def __init__(self, facts: DatasetFacts, ranges: Mapping[str, tuple[float, float]]) -> None:
        self.facts = facts
        self.faces = self.identities = 0
        self.last_identity: int | None = None
        self.traits = {name: _Trait(*limits) for name, limits in ranges.items()}
        self.ages, self.asked_ages = _no_ages(), _no_ages()
        self.genders = dict.fromkeys((*GENDERS, UNKNOWN), 0)
        self.skin_tones = dict.fromkeys(SKIN_TONES, 0)
        self.misses: dict[str, list[float]] = {}  # attribute -> sum of errors, number
        self.pixels: NDArray[np.int64] = np.zeros(256, np.int64)
        self.having: NDArray[np.int64] = np.zeros(256, np.int64)

    def add(self, row: Row) -> None:
        record = row.record
        self.faces += 1
        identity = record.get("identity")
        if identity is None or identity != self.last_identity:  # variants are neighbours
            self.identities += 1
        self.last_identity = identity
        measured = _measured(record)
        for name, value in measured.items():
            if name in self.traits:
                self.traits[name].add(value)
        asked_of = record.get("asked", {})
        gender = gender_of(measured)
        self.genders[gender] += 1
        if "age" in measured:
            self.ages[gender][age_group(measured["age"])] += 1
        if "skin_tone" in measured:
            self.skin_tones[skin_tone(measured["skin_tone"])] += 1
        if "age" in asked_of:
            wanted = gender_of(asked_of) if "male" in asked_of else gender
            self.asked_ages[wanted][age_group(asked_of["age"])] += 1
        for name, asked in asked_of.items():
            if name in measured and isinstance(asked, int | float):
                miss = self.misses.setdefault(name, [0.0, 0])
                miss[0] += abs(measured[name] - asked)
                miss[1] += 1
        for class_id, count in record.get("pixels", {}).items():
            self.pixels[int(class_id)] += count
            self.having[int(class_id)] += 1

    def as_json(self) -> dict[str, Any]:
        total = max(int(self.pixels.sum()), 1)
        classes = {
            label.name: {
                "pixel_share": _rounded(int(self.pixels[label.id]) / total),
                "face_share": _rounded(int(self.having[label.id]) / max(self.faces, 1)),
            }
            for label in self.facts.classes
        }
        return {
            "faces": self.faces,
            "identities": self.identities,
            "ages": self.ages,
            "asked_ages": self.asked_ages,
            "genders": self.genders,
            "skin_tones": self.skin_tones,
            "attributes": {name: trait.as_json() for name, trait in self.traits.items()},
            "asked": {
                name: {"count": number, "mean_absolute_error": _rounded(total_miss / number)}
                for name, (total_miss, number) in sorted(self.misses.items())
            },
            "classes": classes,
            "unlabelled_share": _rounded(int(self.pixels[int(_UNLABELLED)]) / total),
        }


def _no_ages() -> dict[str, list[int]]:
    """Faces by gender and age group; where only an age was asked, the measured gender counts."""
    return {gender: [0] * len(AGE_GROUPS) for gender in (*GENDERS, UNKNOWN)}


def _rounded(value: float) -> float:
    """Six digits that count."""
    return float(f"{value:.6g}")
