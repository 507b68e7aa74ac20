"""Charts in a report: lines over the frames as SVG, which stays sharp and needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_zstack_align.write.report.page import Html, element, joined, text

Values = npt.NDArray[np.float64]

WIDTH, HEIGHT = 900, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 10, 24, 40
"""Margins around the lines, in the chart's own units like the next ones."""
FLAG_HEIGHT = 8
MOST_POINTS = 800
"""Of more frames, the smallest and largest value of each stretch are drawn."""
STEPS = np.array([1.0, 2.0, 5.0, 10.0])
"""Distances of ticks that people read easily, times a power of ten."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes
    ----------
    name : str
        In the legend.
    values : numpy.ndarray
        (N,) one for each frame; NaN interrupts it.
    kind : {'before', 'after', 'third'}
        Its colour.
    """

    name: str
    values: Values
    kind: Literal["before", "after", "third"]


def chart(
    title: str, x: Values, x_label: str, lines: Sequence[Line], flagged: npt.NDArray[np.bool_]
) -> Html:
    """Lines over the frames; short strokes below them are flagged frames.

    Parameters
    ----------
    title : str
        With the unit of the values.
    x : numpy.ndarray
        (N,) places of the frames, increasing.
    x_label : str
        With its unit.
    lines : sequence of Line
    flagged : numpy.ndarray
        (N,) bool.

    Returns
    -------
    Html
        '' where there is nothing to draw.
    """
    known = [line.values[np.isfinite(line.values)] for line in lines]
    if not any(len(values) for values in known):
        return Html("")
    horizontal = _Axis.over(x, LEFT, WIDTH - RIGHT)
    vertical = _Axis.over(np.concatenate(known), HEIGHT - BOTTOM, TOP)
    parts = [*_frame(horizontal, vertical, x_label), *_flags(horizontal, x[flagged])]
    for k, line in enumerate(lines):
        parts += _drawn(horizontal, vertical, x, line)
        place = LEFT + 150 * k
        parts.append(Html(f'<text x="{place}" y="14" class="{line.kind}">{text(line.name)}</text>'))
    drawing = element("svg", joined(parts), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
    return element("figure", joined([element("figcaption", text(title)), drawing]))


@dataclass(frozen=True)
class _Axis:
    """Takes values to places along an axis."""

    first: float
    last: float
    begin: float
    end: float

    @classmethod
    def over(cls, values: Values, begin: float, end: float) -> _Axis:
        first, last = float(values.min()), float(values.max())
        if last - first < 1e-9 * max(abs(first), 1):
            first, last = first - 0.5, last + 0.5
        return cls(first, last, begin, end)

    def at(self, values: npt.ArrayLike) -> Values:
        part = (np.asarray(values, np.float64) - self.first) / (self.last - self.first)
        return self.begin + part * (self.end - self.begin)

    def ticks(self) -> Values:
        """Some five round values."""
        rough = (self.last - self.first) / 5
        power = 10.0 ** np.floor(np.log10(rough))
        step = power * STEPS[np.searchsorted(STEPS, rough / power * (1 - 1e-9))]
        return np.arange(np.ceil(self.first / step), np.floor(self.last / step) + 1) * step


def _frame(horizontal: _Axis, vertical: _Axis, x_label: str) -> list[Html]:
    parts = []
    for value, y in zip(vertical.ticks(), vertical.at(vertical.ticks()), strict=True):
        parts.append(_stroke(LEFT, y, WIDTH - RIGHT, y, "axis"))
        parts.append(_words(LEFT - 6, y + 4, f"{_no_minus_zero(value):.4g}", "end"))
    foot = HEIGHT - BOTTOM
    for value, x in zip(horizontal.ticks(), horizontal.at(horizontal.ticks()), strict=True):
        parts.append(_words(x, foot + 20, f"{_no_minus_zero(value):.6g}", "middle"))
    parts.append(_words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, x_label, "middle"))
    return parts


def _no_minus_zero(value: float) -> float:
    return round(value, 12) + 0.0


def _flags(horizontal: _Axis, places: Values) -> list[Html]:
    foot = HEIGHT - BOTTOM
    drawn = np.unique(np.round(horizontal.at(places)))
    return [_stroke(x, foot, x, foot + FLAG_HEIGHT, "flag") for x in drawn]


def _drawn(horizontal: _Axis, vertical: _Axis, x: Values, line: Line) -> list[Html]:
    """The pieces of a line between its gaps; a value alone is a dot."""
    kept = _thinned(line.values)
    x, values = x[kept], line.values[kept]
    known = np.isfinite(values)
    borders = np.flatnonzero(np.diff(known.astype(int))) + 1
    drawn = []
    for piece in np.split(np.arange(len(x)), borders):
        if not known[piece].all():
            continue
        pairs = [*zip(horizontal.at(x[piece]), vertical.at(values[piece]), strict=True)]
        points = " ".join(f"{px:.1f},{py:.1f}" for px, py in pairs)
        if len(pairs) == 1:
            at, high = points.split(",")
            drawn.append(Html(f'<circle class="{line.kind}" cx="{at}" cy="{high}" r="2"/>'))
        elif pairs:
            drawn.append(Html(f'<polyline class="{line.kind}" points="{points}"/>'))
    return drawn


def _thinned(values: Values) -> npt.NDArray[np.intp]:
    """Indices of the smallest and the largest value of each stretch, in their order.

    Of a stretch without a value, any: there the line is interrupted.
    """
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    ends = []
    for part in np.array_split(np.arange(len(values)), MOST_POINTS // 2):
        some = part[np.isfinite(values[part])]
        some = some if len(some) else part
        ends += [some[values[some].argmin()], some[values[some].argmax()]]
    return np.unique(ends)


def _stroke(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    return Html(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')


def _words(x: float, y: float, words: str, anchor: str) -> Html:
    return Html(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>')
