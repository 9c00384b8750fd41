"""The figures of an evaluation of control as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """key: of a way's figures. form: of the value times `factor`."""

    title: str
    key: str
    form: str = ".2f"
    factor: float = 1.0

    @property
    def width(self) -> int:
        return len(self.title) + 2

    def cell(self, found: dict[str, Any]) -> str:
        value = found.get(self.key)
        shown = "-" if value is None else format(self.factor * value, self.form)
        return f"{shown:>{self.width}}"


COLUMNS = (
    Column("age error", "age_error"),
    Column("median", "median_age_error"),
    Column("2nd error", "second_age_error"),
    Column("median", "second_median_age_error"),
    Column("2nd recal.", "recalibrated_age_error"),
    Column("gender %", "gender", ".1f", 100),
    Column("2nd %", "second_gender", ".1f", 100),
    Column("no face", "without_face", ".0f"),
    Column("quality", "quality", ".1f"),
    Column("div. w", "diversity_w"),
    Column("div. face", "diversity_embedding"),
    Column("identity", "identity_distance"),
    Column("s/face", "seconds_per_face"),
)


def control_table(figures: dict[str, Any]) -> str:
    """One row a way; a column that no way has a value for is left out. Then who judged."""
    ways = figures["ways"]
    columns = [c for c in COLUMNS if any(found.get(c.key) is not None for found in ways.values())]
    rows = [f"{'way':12}" + "".join(f"{column.title:>{column.width}}" for column in columns)]
    rows += [
        f"{way:12}" + "".join(column.cell(found) for column in columns)
        for way, found in ways.items()
    ]
    return "\n".join([*rows, *_notes(figures)])


def _notes(figures: dict[str, Any]) -> Iterator[str]:
    yield f"{figures['faces']} faces, psi {figures['psi']:g}; {figures['targets']}."
    yield f"Estimator: {figures['estimator']}."
    if second := figures["second_estimator"]:
        yield f"Second estimator (2nd): {second['name']}; nothing steers with it."
        if found := second.get("on_random_faces"):
            yield (
                f"On the random faces it differs from ours by {found['disagreement']:.1f} years "
                f"(bias {found['bias']:+.1f}, correlation {found['correlation']:.2f}), "
                f"recalibrated by {found['recalibrated_disagreement']:.1f}; on gender they agree "
                f"in {100 * found['same_gender']:.1f} %. So much of its error is its own."
            )
            yield f"Recalibrated (recal.) is {second['recalibration']}."
        else:
            yield f"Its error is not recalibrated: {second['without_recalibration']}."
    if any("diversity_embedding" in found for found in figures["ways"].values()):
        yield (
            f"Face embedding: {figures['embedding']}; div. face is the mean distance of two faces, "
            "identity that from the drawn face, both as a share of two random faces' distance."
        )
    for kind, reason in figures["missing_judges"].items():
        yield f"Without the {kind}: {reason}"
