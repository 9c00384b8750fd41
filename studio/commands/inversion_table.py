"""The figures of `evaluate inversion` as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COLUMNS = ("psnr", "ssim", "loss", "looks", "identity", "seconds", "cpu_seconds")


def inversion_table(figures: Mapping[str, Any]) -> str:
    """Means by stage, plain optimisation beside ours, each photo, and how editing went."""
    rows = ["".join([f"{'':24}", *(f"{name:>12}" for name in COLUMNS)])]
    begins = figures["began_at"]
    for stage, told in figures["generated"].items():
        what = f"{begins} alone" if stage == "first" else stage
        rows.append(_row(f"{figures['faces']} faces: {what}", _means(told)))
    for name, told in figures["photos"].items():
        rows.append(_row(f"{name}: {begins} alone", told["first"]))
        rows.append(_row(f"{name}: searched", told["searched"]))
        if "tuned" in told:
            rows.append(_row(f"{name}: tuned", told["tuned"]))
    plain = figures["plain"]
    for name in (name for name in plain if name != "faces"):
        rows.append(_row(f"{len(plain['faces'])} faces: {name}", _means(plain[name])))
        rows += _beside(plain[name])
    if editing := figures["editing"]:
        rows.append(
            f"Sliders move {editing['faces']} found faces {editing['mean_ratio']} times as far as "
            f"the drawn ones (least: {editing['least_ratio']})."
        )
    return "\n".join([*rows, *figures["missing_judges"].values()])


def _beside(told: Mapping[str, Any]) -> list[str]:
    """What a variant of plain optimisation says of ours; nothing where these are ours."""
    rows = [
        f"  ours was as good by {key} for {found['reached']} of {found['of']}, after "
        f"{found['median_share']} of its time (most: {found['largest_share']})"
        for key, found in told.get("ours_as_good", {}).items()
    ]
    if longer := told.get("longer"):
        rows.append(
            f"  given longer, as good as ours for {longer['as_good_as_ours']} of {longer['of']}; "
            f"{longer['median_times']} times our time (least: {longer['least_times']})"
        )
    return rows


def _means(told: Mapping[str, Any]) -> dict[str, float | None]:
    return {name: told[name]["mean"] for name in COLUMNS}


def _row(name: str, told: Mapping[str, float | None]) -> str:
    shown = ("-" if told[column] is None else f"{told[column]:.3f}" for column in COLUMNS)
    return "".join([f"{name:24.24}", *(f"{value:>12}" for value in shown)])
