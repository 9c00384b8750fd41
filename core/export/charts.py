"""Bars and histograms as pictures, drawn with Pillow; equal figures make equal pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

BLUE, ORANGE, GREY = (59, 110, 190), (224, 130, 60), (150, 150, 150)
_INK, _FAINT, _PAPER = (35, 38, 45), (214, 217, 222), (255, 255, 255)
_TEXT, _SMALL = 15, 12  # px of letters
_RIM = 16


class Series(NamedTuple):
    """Bars of one colour, a value a label. wanted: outlines over them; empty for none."""

    name: str
    colour: Colour
    values: Sequence[float]
    wanted: Sequence[float] = ()


class Line(NamedTuple):
    """One horizontal bar. value: its length. told: written behind it."""

    label: str
    colour: Colour
    value: float
    told: str


class Panel(NamedTuple):
    """A small histogram. low, high: where its first step begins and its last ends."""

    title: str
    low: float
    high: float
    counts: Sequence[int]


def grouped_bars(title: str, labels: Sequence[str], series: Sequence[Series]) -> Image.Image:
    """Upright bars in groups, a group a label, with a legend."""
    bar = max(6, min(22, 900 // max(1, len(labels) * len(series))))
    widest = max([0, *(round(_font(_SMALL).getlength(label)) for label in labels)])
    group = max(bar * len(series), widest) + 14
    left, top, height = 66, 70, 260
    picture = _paper(left + group * len(labels) + _RIM, top + height + 46)
    draw = ImageDraw.Draw(picture)
    draw.text((_RIM, 10), title, _INK, _font(_TEXT + 2))
    _legend(draw, series)
    highest = max([1.0, *(value for one in series for value in (*one.values, *one.wanted))])
    most = 2 * math.ceil(highest / 2)  # so that the line in the middle is a whole number
    for share in (0.0, 0.5, 1.0):
        y = top + height - round(height * share)
        draw.line((left - 4, y, picture.width - _RIM, y), _FAINT)
        draw.text((left - 8, y), f"{most * share:.10g}", _INK, _font(_SMALL), anchor="rm")
    for place, label in enumerate(labels):
        x = left + place * group + (group - bar * len(series)) // 2
        for number, one in enumerate(series):
            begin, bottom = x + number * bar, top + height
            if tall := round(height * one.values[place] / most):
                draw.rectangle((begin, bottom - tall, begin + bar - 2, bottom), one.colour)
            if one.wanted and (tall := round(height * one.wanted[place] / most)):
                draw.rectangle((begin, bottom - tall, begin + bar - 2, bottom), outline=_INK)
        middle = x + bar * len(series) // 2
        draw.text((middle, top + height + 8), label, _INK, _font(_SMALL), anchor="mt")
    return picture


def lines(title: str, items: Sequence[Line]) -> Image.Image:
    """Horizontal bars, one below the other."""
    row, top, length = 24, 46, 420
    left = _RIM + 12 + max([0, *(round(_font(_SMALL).getlength(item.label)) for item in items)])
    picture = _paper(left + length + 190, top + row * len(items) + _RIM)
    draw = ImageDraw.Draw(picture)
    draw.text((_RIM, 10), title, _INK, _font(_TEXT + 2))
    most = max([1e-12, *(item.value for item in items)])
    for place, item in enumerate(items):
        y = top + place * row
        long = round(length * item.value / most)
        draw.text((left - 8, y + row // 2 - 2), item.label, _INK, _font(_SMALL), anchor="rm")
        draw.rectangle((left, y, left + max(long, 1), y + row - 6), item.colour, _FAINT)
        draw.text((left + long + 8, y + row // 2 - 2), item.told, _INK, _font(_SMALL), anchor="lm")
    return picture


def panels(title: str, given: Sequence[Panel], columns: int = 4) -> Image.Image:
    """Small histograms side by side."""
    wide, tall, top = 230, 150, 46
    rows = -(-max(1, len(given)) // columns)
    picture = _paper(_RIM + wide * min(columns, max(2, len(given))), top + tall * rows)
    draw = ImageDraw.Draw(picture)
    draw.text((_RIM, 10), title, _INK, _font(_TEXT + 2))
    for place, panel in enumerate(given):
        x, y = _RIM + place % columns * wide, top + place // columns * tall
        draw.text((x, y), panel.title, _INK, _font(_SMALL))
        _histogram(draw, panel, (x, y + 20, x + wide - 26, y + tall - 30))
    return picture


def heat_table(
    title: str, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]]
) -> Image.Image:
    """A cell for each row and column, the bluer the nearer to 1; NaN is left white."""
    wide, tall, top = 56, 24, 76
    left = _RIM + 12 + max([0, *(round(_font(_SMALL).getlength(row)) for row in rows)])
    picture = _paper(left + wide * len(columns) + _RIM, top + tall * len(rows) + _RIM)
    draw = ImageDraw.Draw(picture)
    draw.text((_RIM, 10), title, _INK, _font(_TEXT + 2))
    for place, column in enumerate(columns):
        middle = left + place * wide + wide // 2
        draw.text((middle, top - 8), column, _INK, _font(_SMALL), anchor="mb")
    for number, row in enumerate(rows):
        y = top + number * tall
        draw.text((left - 8, y + tall // 2), row, _INK, _font(_SMALL), anchor="rm")
        for place, value in enumerate(values[number]):
            x = left + place * wide
            if math.isnan(value):
                continue
            share = min(max(value, 0.0), 1.0)
            fill = tuple(round(255 + share * (blue - 255)) for blue in BLUE)
            draw.rectangle((x, y, x + wide - 2, y + tall - 2), fill)
            ink = _PAPER if share > 0.55 else _INK
            centre = (x + wide // 2 - 1, y + tall // 2 - 1)
            draw.text(centre, f"{value:.2f}", ink, _font(_SMALL), anchor="mm")
    return picture


def _histogram(draw: ImageDraw.ImageDraw, panel: Panel, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    most, step = max([1, *panel.counts]), (right - left) / max(1, len(panel.counts))
    for place, count in enumerate(panel.counts):
        tall = round((bottom - top) * count / most)
        if tall:
            begin = left + round(place * step)
            draw.rectangle(
                (begin, bottom - tall, left + round((place + 1) * step) - 2, bottom), BLUE
            )
    draw.line((left, bottom, right, bottom), _INK)
    draw.text((left, bottom + 4), f"{panel.low:.3g}", _INK, _font(_SMALL))
    draw.text((right, bottom + 4), f"{panel.high:.3g}", _INK, _font(_SMALL), anchor="ra")


def _legend(draw: ImageDraw.ImageDraw, series: Sequence[Series]) -> None:
    x = _RIM
    for one in series:
        draw.rectangle((x, 42, x + 12, 54), one.colour)
        draw.text((x + 18, 48), one.name, _INK, _font(_SMALL), anchor="lm")
        x += 36 + round(_font(_SMALL).getlength(one.name))
    if any(one.wanted for one in series):
        draw.rectangle((x, 42, x + 12, 54), outline=_INK)
        draw.text((x + 18, 48), "asked", _INK, _font(_SMALL), anchor="lm")


def _paper(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (max(width, 320), height), _PAPER)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
