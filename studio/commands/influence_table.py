"""Which layers carry which attribute, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def influence_table(figures: Mapping[str, Any]) -> str:
    """A row an attribute, a column a size of map."""
    table = figures["influence"]
    sizes = list(table)
    rows = [f"{'share of variance by layers':24}" + "".join(f"{size:>8}" for size in sizes)]
    for name in next(iter(table.values())):
        shares = [table[size][name] for size in sizes]
        rows.append(
            f"{name:24}" + "".join(f"{'-' if s is None else f'{s:.2f}':>8}" for s in shares)
        )
    layers = ", ".join(map(str, figures["mixing_layers"]))
    rows.append(f"{figures['faces']} faces; layers for age and gender: {layers}")
    return "\n".join(rows)
