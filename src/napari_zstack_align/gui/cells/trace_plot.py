"""The traces of some ROIs along all recordings; a click goes to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QColor

from napari_zstack_align.gui.cells.timeline import Timeline, joined, runs, thinned
from napari_zstack_align.gui.cells.trace_axis import RecordingAxis, Shade, StackedAxis, round_step
from napari_zstack_align.gui.plots import FramePlot

COLORS = (
    "#4fb0e8",
    "#e0843c",
    "#7ccf7c",
    "#e96fb0",
    "#a98be0",
    "#5fd0c8",
    "#ff8f80",
    "#6f7fe8",
    "#b08a68",
    "#9fb4d0",
)
MAX_TRACES = len(COLORS)
"""More curves can't be told apart; each has a colour of its own, that its ROI has too."""
SIZE_HINT = (600, 220)
SHADE = QColor(255, 95, 95, 60)
GAP = QColor(128, 136, 144, 70)
STIMULUS_COLORS = tuple(
    QColor(*rgb, 70)
    for rgb in ((255, 209, 82), (102, 194, 255), (146, 220, 120), (214, 148, 255), (255, 158, 120))
)
"""Bars of stimuli, a colour a name; where there are more names, the colours come again."""
ROOM = 1.05
"""Distance of two traces above each other, in ranges of values."""
RANGE = (0.5, 99.5)
"""Percentiles of the values that a trace's range is from."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One trace: the values (T,) of each recording.

    Attributes
    ----------
    roi : int
        Id of the ROI.
    parts : list of numpy.ndarray
        (T,) of each recording; NaN throughout where the ROI has none.
    """

    roi: int
    parts: list[npt.NDArray[np.floating]]


class TracePlot(FramePlot):
    """Curves with the gaps between recordings, shaded bad frames and the current frame."""

    place_clicked = Signal(int, int)
    """Recording and frame."""
    pointed = Signal(object)
    """(recording, frame) under the pointer, or None."""

    def __init__(self) -> None:
        super().__init__(("",))
        self.timeline = Timeline(())
        self.curves: list[Any] = []
        self._drawn: list[Curve] = []
        self._stimuli_words: list[str] = []
        self._values: list[npt.NDArray[np.floating]] = []
        self._x: npt.NDArray[np.floating] = np.empty(0)
        self.plot = self.plots[0]
        self.axis = RecordingAxis()
        self.values_axis = StackedAxis()
        self.plot.setAxisItems({"bottom": self.axis, "left": self.values_axis})
        self.plot.getAxis("left").setWidth(62)
        self.plot.vb.setAutoVisible(y=True)
        self.plot.vb.enableAutoRange(y=True)
        self.bad, self.gaps = Shade(SHADE), Shade(GAP)
        self.stimuli = [Shade(color) for color in STIMULUS_COLORS]
        for item in (*self.stimuli, self.bad, self.gaps):
            self.plot.addItem(item, ignoreBounds=True)
        self.add_current_lines()
        self._names: list[Any] = []
        self.plot.vb.sigXRangeChanged.connect(lambda *_: self._draw_visible())
        self.frame_clicked.connect(lambda x: self.place_clicked.emit(*self.timeline.locate(x)))
        self.scene().sigMouseMoved.connect(self._on_move)

    # -- what is shown -------------------------------------------------------------------------

    def set_recordings(
        self,
        names: Sequence[str],
        lengths: Sequence[int],
        times: Sequence[npt.NDArray[np.floating] | None],
        bad: Sequence[npt.NDArray[np.bool_]],
    ) -> None:
        """Show an empty axis of recordings, and shade their bad frames (T,)."""
        self._values = []  # of the recordings before
        self.timeline = Timeline(tuple(lengths))
        starts = self.timeline.starts
        self._x = joined([start + np.arange(n) for start, n in zip(starts, lengths, strict=True)])
        self._x = np.where(np.isnan(self._x), np.roll(self._x, 1) + 1, self._x)
        self.n_frames = int(self.timeline.span[1] + 0.5)
        self.axis.set_recordings(self.timeline, times)
        self.gaps.set_spans(self.timeline.gaps)
        self.shade(bad)
        self._name_recordings(names if len(names) > 1 else ())
        self.show_all()

    def shade(self, bad: Sequence[npt.NDArray[np.bool_]]) -> None:
        """Shade the bad frames (T,) of each recording."""
        self.bad.set_spans(
            [
                (start + first - 0.5, start + end - 0.5)
                for start, flags in zip(self.timeline.starts, bad, strict=True)
                for first, end in runs(flags)
            ]
        )

    def show_stimuli(self, stimuli: Sequence[npt.NDArray[np.void]]) -> None:
        """Draw a bar behind the traces for each stimulus of each recording."""
        starts = self.timeline.starts
        rows = [
            (str(row["name"]), start + row["onset_frame"] - 0.5, start + row["offset_frame"] - 0.5)
            for start, table in zip(starts, stimuli, strict=True)
            for row in table
        ]
        names = list(dict.fromkeys(name for name, _, _ in rows))
        for place, shade in enumerate(self.stimuli):
            own = set(names[place :: len(self.stimuli)])
            shade.set_spans([(on, off) for name, on, off in rows if name in own])
        self._stimuli_words = [
            f"<span style='color:{color.name()}'>▮</span> {escape(name)}"
            for name, color in zip(names, STIMULUS_COLORS, strict=False)
        ]
        if len(names) > len(STIMULUS_COLORS):
            self._stimuli_words.append("…")
        self._set_title()

    def show_curves(self, curves: Sequence[Curve], label: str, *, stacked: bool) -> None:
        """Draw these traces, at most `MAX_TRACES`, above each other or over each other."""
        self._drawn = list(curves[:MAX_TRACES])
        apart = self._set_values([joined(curve.parts) for curve in self._drawn], stacked)
        words = f"{label} (offset {apart:g})" if apart and len(self._drawn) > 1 else label
        self.values_axis.setLabel(words)
        while len(self.curves) < len(self._drawn):
            pen = pg.mkPen(COLORS[len(self.curves)], width=1)
            self.curves.append(self.plot.plot(pen=pen, connect="finite"))
        for curve in self.curves[len(self._drawn) :]:
            curve.setData([], [])
        self._set_title()
        self._draw_visible()
        self.plot.vb.enableAutoRange(y=True)

    def show_all(self) -> None:
        """Let all recordings be in view."""
        low, high = self.timeline.span
        self.plot.setXRange(low, high, padding=0.01)

    def go_to(self, recording: int, frame: int) -> None:
        """Move the line of the current frame."""
        if recording < len(self.timeline.lengths):
            self.move_lines(self.timeline.x_of(recording, frame))

    @property
    def rois(self) -> list[int]:
        """Ids of the ROIs that are drawn."""
        return [curve.roi for curve in self._drawn]

    # -- inside --------------------------------------------------------------------------------

    def _set_title(self) -> None:
        """Name ROIs and stimuli beside their colours; words have that of the theme."""
        rois = [
            f"<span style='color:{color}'>━</span> ROI {curve.roi}"
            for curve, color in zip(self._drawn, COLORS, strict=False)
        ]
        self.plot.setTitle("&nbsp;&nbsp; ".join([*rois, *self._stimuli_words]), size="8pt")

    def _set_values(self, values: list[npt.NDArray[np.floating]], stacked: bool) -> float:
        """Keep the values (T,) as they are drawn; returns how far stacked traces are apart."""
        if not stacked or not values:
            self._values = values
            self.values_axis.set_bases([], 1.0)
            return 0.0
        apart = float(f"{ROOM * max(map(spread, values)):.2g}")
        bases = [round_base(v, apart) for v in values]
        places = [-apart * k for k in range(len(values))]
        self._values = [v - b + p for v, b, p in zip(values, bases, places, strict=True)]
        self.values_axis.set_bases(list(zip(places, bases, strict=True)), apart)
        return apart

    def _draw_visible(self) -> None:
        """Give each curve as many points as the screen can show, of the part in view."""
        low, high = self.plot.vb.viewRange()[0]
        first, last = np.searchsorted(self._x, (low - 1, high + 1))
        part = slice(max(int(first) - 1, 0), int(last) + 1)
        columns = max(int(self.plot.vb.width()), 300)
        for curve, values in zip(self.curves, self._values, strict=False):
            curve.setData(*thinned(self._x[part], values[part], columns))

    def _name_recordings(self, names: Sequence[str]) -> None:
        for item in self._names:
            self.plot.removeItem(item)
        self._names = []
        for name, start in zip(names, self.timeline.starts, strict=False):
            line = pg.InfiniteLine(
                float(start) - 0.5,
                pen=pg.mkPen(None),
                label=name,
                labelOpts={"position": 0.94, "anchors": [(0, 0.5), (0, 0.5)], "color": "#9aa0a8"},
            )
            self.plot.addItem(line, ignoreBounds=True)
            self._names.append(line)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Low enough to leave most of the window to the image."""
        return QSize(*SIZE_HINT)

    def _on_move(self, scene_position: Any) -> None:
        inside = self.plot.vb.sceneBoundingRect().contains(scene_position)
        if not inside or not self.timeline.lengths:
            self.pointed.emit(None)
            return
        self.pointed.emit(self.timeline.locate(self.plot.vb.mapSceneToView(scene_position).x()))

    def leaveEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """The pointer has left."""
        self.pointed.emit(None)
        super().leaveEvent(event)


def spread(values: npt.NDArray[np.floating]) -> float:
    """Range of the values, but for a few; 1 where there are none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 1.0
    low, high = np.percentile(finite, RANGE)
    return float(high - low) or 1.0


def round_base(values: npt.NDArray[np.floating], step: float) -> float:
    """Round value near the low end of a trace, for its first tick; 0 where that is near 0."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0
    unit = round_step(0.1 * step)
    low = float(np.percentile(finite, 10))
    return 0.0 if abs(low) < 0.2 * step else unit * round(low / unit)
