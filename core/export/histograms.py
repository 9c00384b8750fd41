"""The statistics of a dataset as pictures: ages, genders, classes and traits."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from core.export.charts import (
    BLUE,
    GREY,
    ORANGE,
    Line,
    Panel,
    Series,
    grouped_bars,
    lines,
    panels,
)
from core.export.sample import DatasetFacts
from core.files import write_whole

FOLDER = "histograms"
_COLOURS = {"female": ORANGE, "male": BLUE, "unknown": GREY}


def write_histograms(
    folder: Path, facts: DatasetFacts, statistics: Mapping[str, Any]
) -> list[Path]:
    """Write those PNG files for which something was measured; returns them."""
    whole = statistics["all"]
    drawn = {"classes.png": _classes(facts, whole)}
    if "age" in whole["attributes"]:
        drawn["ages.png"] = _ages(statistics)
    if "male" in whole["attributes"]:
        drawn["genders.png"] = _genders(statistics)
    if whole["attributes"]:
        drawn["traits.png"] = _traits(facts, whole)
    written = []
    for name, picture in sorted(drawn.items()):
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=True)
        written.append(folder / FOLDER / name)
        write_whole(written[-1], file.getvalue())
    return written


def _ages(statistics: Mapping[str, Any]) -> Image.Image:
    whole = statistics["all"]
    series = [
        Series(name, colour, whole["ages"][name], wanted if any(wanted) else ())
        for name, colour in _COLOURS.items()
        if any(whole["ages"][name]) or any(whole["asked_ages"][name])
        for wanted in [whole["asked_ages"][name]]
    ]
    return grouped_bars("Faces by measured age, years", statistics["age_groups"], series)


def _genders(statistics: Mapping[str, Any]) -> Image.Image:
    splits = statistics["splits"]
    series = [
        Series(name, colour, [split["genders"][name] for split in splits.values()])
        for name, colour in _COLOURS.items()
        if statistics["all"]["genders"][name]
    ]
    return grouped_bars("Faces by measured gender", list(splits), series)


def _classes(facts: DatasetFacts, whole: Mapping[str, Any]) -> Image.Image:
    items = []
    for label in facts.classes:
        found = whole["classes"][label.name]
        told = f"{100 * found['pixel_share']:.3g} %; in {100 * found['face_share']:.3g} % of faces"
        items.append(Line(label.name, label.rgb, found["pixel_share"], told))
    items.sort(key=lambda item: -item.value)
    return lines("Share of all pixels, by class", items)


def _traits(facts: DatasetFacts, whole: Mapping[str, Any]) -> Image.Image:
    given = []
    for known in facts.attributes:
        if found := whole["attributes"].get(known.name):
            unit = f", {known.unit}" if known.unit else ""
            title = f"{known.title or known.name}{unit}"
            given.append(Panel(title, found["low"], found["high"], found["histogram"]))
    return panels("Faces by what was measured", given)
