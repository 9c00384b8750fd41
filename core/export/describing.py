"""What lies beside the formats of a dataset, so that people and programs know what it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from core.export.card import about, licence_url, write_card
from core.export.contact import write_contact_sheet
from core.export.croissant import METADATA, write_croissant
from core.export.formats.folders import write_lines
from core.export.formats.format import Format
from core.export.histograms import write_histograms
from core.export.sample import DatasetFacts, Row, RowSource
from core.export.statistics import statistics_of
from core.files import write_whole

SCHEME, STATISTICS = "label_scheme.yaml", "statistics.json"


def describe(
    folder: Path, facts: DatasetFacts, formats: Sequence[Format], rows: RowSource
) -> list[Path]:
    """Write metadata, scheme, statistics, pictures of them, card and Croissant; returns the files.

    The same facts and rows make the same bytes. Raises OutputError.
    """
    write_lines(folder / METADATA, map(_line, rows()))
    write_whole(folder / SCHEME, _scheme(facts).encode())
    statistics = statistics_of(facts, rows)
    write_whole(folder / STATISTICS, (json.dumps(statistics, indent=1) + "\n").encode())
    pictures = [*write_histograms(folder, facts, statistics), write_contact_sheet(folder, facts)]
    card = write_card(folder, facts, formats, statistics)
    croissant = write_croissant(folder, facts, formats, licence_url(facts), about(facts))
    named = [folder / name for name in (METADATA, SCHEME, STATISTICS)]
    return [*named, *pictures, card, croissant]


def _line(row: Row) -> dict[str, Any]:
    """place: for programs that take the name for a number and lose its zeros."""
    return {"name": row.name, "place": int(row.name), "split": row.split, **row.record}


def _scheme(facts: DatasetFacts) -> str:
    """In the form of the house's label schemes, with what mirrors into what."""
    classes: list[dict[str, Any]] = []
    for label in facts.classes:
        color = "#{:02x}{:02x}{:02x}".format(*label.rgb)
        known = {"id": label.id, "name": label.name, "color": color, "part": label.part}
        classes.append(
            {**known, "mirrors_to": label.id if label.partner is None else label.partner}
        )
    content: dict[str, Any] = {"name": facts.scheme, "ignore_id": 255, "classes": classes}
    if facts.conventions:
        content["conventions"] = dict(facts.conventions)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
