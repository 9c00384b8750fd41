"""The figures of an evaluation of sliders as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def direction_table(figures: Mapping[str, Any]) -> str:
    """One line each, the cleanest first."""
    rows = [f"{'slider':22} {'effect':>7} {'ratio':>6} {'range':>12} {'identity':>9}  leaks most"]
    found = figures["directions"]
    for name in sorted(found, key=lambda each: -(found[each]["ratio"] or 0.0)):
        told = found[name]
        worst, change = told["worst"]
        low, high = told["safe"]
        rows.append(
            f"{name:22} {_shown(told['effect']):>7} {_shown(told['ratio'], '.1f'):>6} "
            f"{f'{low:+.1f} {high:+.1f}':>12} {_shown(told['identity']):>9}  "
            f"{worst} {_shown(change, '+.2f')}"
        )
    rows.append(
        f"Per unit, in standard deviations of random faces; identity: share of the distance of two "
        f"people; {figures['faces']} faces, psi {figures['psi']:g}."
    )
    if figures["missing"]:
        rows.append(f"identity was not measured: {figures['missing']}")
    return "\n".join(rows)


def _shown(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)
