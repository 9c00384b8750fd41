"""Curves over epochs as inline SVG: no script, no other host, light and dark by CSS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 190  # of the view box
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 24  # px around the plot
MOST_POINTS = 300  # of a line; more are thinned out


@dataclass(frozen=True)
class Curve:
    """points: (epoch, value); values that are not finite are left out. style: a CSS class."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str = "a"


def chart_html(title: str, curves: Sequence[Curve], *, last_epoch: int, percent: bool) -> str:
    """A figure with one plot. last_epoch: where the x axis ends. percent: values are 0..1."""
    kept = [Curve(c.name, _thinned(_finite(c.points)), c.style) for c in curves]
    values = [value for curve in kept for _, value in curve.points]
    legend = "".join(
        f'<span class="fl-key fl-line-{c.style}">{escape(c.name)}{_last(c, percent)}</span>'
        for c in kept
    )
    head = f"<figcaption><b>{escape(title)}</b>{legend}</figcaption>"
    if not values:
        return f'<figure class="fl-chart">{head}<p class="fl-note">No epoch yet.</p></figure>'
    scale = _Scale(max(2, last_epoch), *_range(values, percent))
    lines = "".join(_line(curve, scale) for curve in kept)
    text = ", ".join(f"{c.name}{_last(c, percent)}" for c in kept)
    return (
        f'<figure class="fl-chart">{head}<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)} after {_epoch(kept)} epochs: {escape(text)}">'
        f"{_grid(scale, percent)}{lines}</svg></figure>"
    )


@dataclass(frozen=True)
class _Scale:
    last_epoch: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        share = (epoch - 1) / (self.last_epoch - 1)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, share)), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    step = max(1, math.ceil(len(points) / MOST_POINTS))
    return points if step == 1 else [*points[:-1:step], points[-1]]


def _range(values: Sequence[float], percent: bool) -> tuple[float, float]:
    """Whole steps around the values, so that the axis has round numbers."""
    low, high = min(values), max(values)
    if not percent:
        low = 0.0 if low >= 0 else low
    step = _step(max(high - low, 1e-3 if not percent else 0.05))
    low = math.floor(low / step + 1e-9) * step
    high = max(math.ceil(high / step - 1e-9) * step, low + step)
    return (max(0.0, low), min(1.0, high)) if percent else (low, high)


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten: about four steps in the span."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 5)


def _grid(scale: _Scale, percent: bool) -> str:
    step = _step(scale.high - scale.low)
    count = round((scale.high - scale.low) / step)
    parts = []
    for place in range(count + 1):
        value = scale.low + place * step
        y, text = scale.y(value), f"{100 * value:.4g} %" if percent else f"{value:.4g}"
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{LEFT - 6}" y="{y + 3.5}" text-anchor="end">{text}</text>'
        )
    for epoch in _epoch_marks(scale.last_epoch):
        anchor = "end" if epoch == scale.last_epoch else "middle"
        parts.append(
            f'<text x="{scale.x(epoch)}" y="{HEIGHT - 7}" text-anchor="{anchor}">{epoch}</text>'
        )
    return f'<g class="fl-axes">{"".join(parts)}</g>'


def _epoch_marks(last: int) -> list[int]:
    step = max(1, round(_step(last)))
    inner = [epoch for epoch in range(step, last, step) if last - epoch > 0.4 * step]
    return [1, *(epoch for epoch in inner if epoch > 1 + 0.4 * step), last]


def _line(curve: Curve, scale: _Scale) -> str:
    if not curve.points:
        return ""
    places = [(scale.x(epoch), scale.y(value)) for epoch, value in curve.points]
    path = " ".join(f"{x},{y}" for x, y in places)
    x, y = places[-1]
    return (
        f'<g class="fl-line-{curve.style}"><polyline points="{path}"/>'
        f'<circle cx="{x}" cy="{y}" r="2.6"/></g>'
    )


def _last(curve: Curve, percent: bool) -> str:
    if not curve.points:
        return ""
    value = curve.points[-1][1]
    return f" {100 * value:.1f} %" if percent else f" {value:.3g}"


def _epoch(curves: Sequence[Curve]) -> int:
    return int(max((curve.points[-1][0] for curve in curves if curve.points), default=0))
