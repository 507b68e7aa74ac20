"""What lies behind the traces: ticks that begin anew in each recording, shaded frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QRectF
from qtpy.QtGui import QColor

from napari_zstack_align.gui.cells.timeline import Timeline

TICK_DISTANCE = 90
"""Least distance of two ticks, in screen pixels."""
ROOM_FOR_TWO = 50.0
"""Height of a trace, in screen pixels, that has room for two numbers."""
STEPS = (1, 2, 5)


class RecordingAxis(pg.AxisItem):
    """Seconds, or frames where no times are known, counted anew in each recording."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._timeline = Timeline(())
        self._units: list[npt.NDArray[np.floating]] = []
        self.enableAutoSIPrefix(False)

    def set_recordings(
        self, timeline: Timeline, times: Sequence[npt.NDArray[np.floating] | None]
    ) -> None:
        """Count along a timeline, by the times (T,) s of each recording's frames."""
        known = [t for t in times if t is not None]
        in_seconds = bool(known) and len(known) == len(times)
        self._timeline = timeline
        self._units = (
            [np.asarray(t - t[0]) for t in known]
            if in_seconds
            else [np.arange(n, dtype=float) for n in timeline.lengths]
        )
        what = "time" if in_seconds else "frame"
        within = " in each recording" if len(timeline.lengths) > 1 else ""
        self.setLabel(f"{what}{within}{' (s)' if in_seconds else ''}")
        self.picture = None
        self.update()

    def tickValues(  # noqa: N802 (pyqtgraph's name)
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Places of round numbers, as many as there is room for."""
        ticks = self._ticks(minVal, maxVal, size)
        return [(1.0, [x for x, _ in ticks])]

    def tickStrings(  # noqa: N802
        self, values: Sequence[float], scale: float, spacing: float
    ) -> list[str]:
        """Number at each place."""
        words = []
        for x in values:
            recording, frame = self._timeline.locate(x)
            words.append(f"{round(float(self._units[recording][frame]), 3):g}")
        return words

    def _ticks(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        if not self._timeline.lengths or high <= low:
            return found
        frames_a_tick = (high - low) * TICK_DISTANCE / max(size, 1.0)
        for start, unit in zip(self._timeline.starts, self._units, strict=True):
            first, last = max(low - start, 0.0), min(high - start, len(unit) - 1.0)
            if last < first or len(unit) < 2:
                continue
            step = round_step(frames_a_tick * float(unit[-1] - unit[0]) / (len(unit) - 1))
            begin, end = np.interp((first, last), np.arange(len(unit)), unit)
            marks = step * np.arange(np.ceil(begin / step), np.floor(end / step) + 1)
            places = start + np.interp(marks, unit, np.arange(len(unit)))
            found += [
                (float(x), float(mark)) for x, mark in zip(np.rint(places), marks, strict=True)
            ]
        return found


class StackedAxis(pg.AxisItem):
    """Values of traces that are drawn below each other: each has its own 0 and one round value."""

    def __init__(self) -> None:
        super().__init__("left")
        self._bases: list[tuple[float, float]] = []
        self._step = 1.0
        self.enableAutoSIPrefix(False)

    def set_bases(self, bases: Sequence[tuple[float, float]], step: float) -> None:
        """Say where which value of each trace stands, and how far they are apart."""
        self._bases, self._step = list(bases), step
        self.picture = None
        self.update()

    def tickValues(  # noqa: N802 (pyqtgraph's name)
        self, minVal: float, maxVal: float, size: float
    ) -> list[tuple[float, list[float]]]:
        """Round values of each trace."""
        if not self._bases:
            found: list[tuple[float, list[float]]] = super().tickValues(minVal, maxVal, size)
            return found
        room = self._step * size / max(maxVal - minVal, 1e-12)
        ticks = self._ticks() if room >= ROOM_FOR_TWO else self._bases
        return [(1.0, [x for x, _ in ticks if minVal <= x <= maxVal])]

    def tickStrings(  # noqa: N802
        self, values: Sequence[float], scale: float, spacing: float
    ) -> list[str]:
        """Value of the trace that a tick belongs to."""
        if not self._bases:
            words: list[str] = super().tickStrings(values, scale, spacing)
            return words
        ticks = self._ticks()
        nearest = [min(ticks, key=lambda tick: abs(tick[0] - x))[1] for x in values]
        return [f"{value:g}" for value in nearest]

    def _ticks(self) -> list[tuple[float, float]]:
        """Place and value of each tick."""
        top = round_step(0.35 * self._step)
        return [(place + up, value + up) for place, value in self._bases for up in (0.0, top)]


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, at least so much."""
    if not least > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(m * power for m in (*STEPS, 10) if m * power >= least * (1 - 1e-9)))


class Shade(pg.GraphicsObject):
    """Spans of x in one colour, over the whole height of a plot.

    Parameters
    ----------
    color : QColor
        With its opacity.
    """

    def __init__(self, color: QColor) -> None:
        super().__init__()
        self.spans: npt.NDArray[np.floating] = np.empty((0, 2))
        self._color = color
        self.setZValue(-10)

    def set_spans(self, spans: Sequence[tuple[float, float]]) -> None:
        """Shade these (start, end), ascending."""
        self.spans = np.array(spans, float).reshape(-1, 2)
        self.prepareGeometryChange()
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802 (Qt's name)
        """All that is in view."""
        view = self.viewRect()
        return QRectF() if view is None else QRectF(view)

    def viewTransformChanged(self) -> None:  # noqa: N802 (pyqtgraph's name)
        """Another part is in view."""
        super().viewTransformChanged()  # forgets the view it has kept
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: Any, *_: Any) -> None:
        """Fill the spans that are in view; those narrower than a pixel count as one."""
        view = self.boundingRect()
        pixel = self.pixelWidth() or 0.0
        for start, end in self._merged(view.left(), view.right(), pixel):
            span = QRectF(start, view.top(), max(end - start, pixel), view.height())
            painter.fillRect(span, self._color)

    def _merged(self, low: float, high: float, pixel: float) -> list[tuple[float, float]]:
        """Spans in view; those less than a pixel apart are one, for there may be thousands."""
        spans = self.spans[(self.spans[:, 1] >= low) & (self.spans[:, 0] <= high)]
        if not len(spans):
            return []
        apart = np.flatnonzero(spans[1:, 0] - spans[:-1, 1] > pixel)
        starts = spans[np.r_[0, apart + 1], 0]
        ends = spans[np.r_[apart, len(spans) - 1], 1]
        return [(float(a), float(b)) for a, b in zip(starts, ends, strict=True)]
