"""Depth over time with its band, and how sure it is; a click goes to the frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor

from napari_zstack_align.gui.cells.timeline import Timeline, runs, thinned
from napari_zstack_align.gui.cells.trace_axis import RecordingAxis, Shade
from napari_zstack_align.gui.cells.trace_plot import SHADE
from napari_zstack_align.gui.plots import (
    AFTER,
    BORDER,
    FLAG,
    MAX_MARKS,
    MEAN,
    Y_PADDING,
    FramePlot,
)
from napari_zstack_align.gui.zshift.band import PlotBand
from napari_zstack_align.gui.zshift.view import ZShiftView

Numbers = npt.NDArray[np.floating]

BAND = QColor(79, 176, 232, 90)
SIZE_HINT = (600, 250)
LEAST_RANGE = 1.0
"""Least height of the plot, in slices: less would make noise look like drift."""
DEPTH_STRETCH, CONFIDENCE_HEIGHT = 4, 66
"""Height of the upper plot over that of the lower one, which has at least so many px."""
SOME_COLUMNS = 300
"""Before the plot is laid out its width isn't known."""


class ZShiftPlot(FramePlot):
    """Above: z with its 95 % band and the ends of the stack. Below: confidence."""

    pointed = Signal(object)
    """Frame under the pointer, or None."""

    def __init__(self) -> None:
        super().__init__(("", ""))
        self.view: ZShiftView | None = None
        self.depth, self.sure = self.plots
        self.axis = RecordingAxis()
        self.sure.setAxisItems({"bottom": self.axis})
        self.ci.layout.setRowStretchFactor(0, DEPTH_STRETCH)
        self.ci.layout.setRowMinimumHeight(1, CONFIDENCE_HEIGHT)
        self.sure.setYRange(0, 1, padding=0.05)
        self.sure.getAxis("left").setTicks([[(0, "0"), (1, "1")]])
        self.sure.setTitle(None)
        for plot in self.plots:
            plot.getAxis("left").setWidth(50)
        self.band, self.bad = PlotBand(BAND), [Shade(SHADE) for _ in self.plots]
        self.curve = self.depth.plot(pen=AFTER, connect="finite")
        self.confidence = self.sure.plot(pen=MEAN, connect="finite")
        self.marks = self.depth.plot(
            pen=None, symbol="x", symbolSize=8, symbolPen=FLAG, symbolBrush=FLAG
        )
        self.ends = [_end_line() for _ in range(2)]
        for item in (self.band, *self.ends, self.bad[0]):
            self.depth.addItem(item, ignoreBounds=True)
        self.sure.addItem(self.bad[1], ignoreBounds=True)
        self.add_current_lines()
        self.depth.vb.sigXRangeChanged.connect(lambda *_: self._draw_visible())
        self.scene().sigMouseMoved.connect(self._on_move)

    def show_view(self, view: ZShiftView) -> None:
        """Draw a z-shift; the part in view stays where it is of the same recording."""
        same = self.view is not None and self.view.zshift.stack is view.zshift.stack
        self.view, self.n_frames = view, view.n_frames
        self.axis.set_recordings(Timeline((view.n_frames,)), [view.zshift.stack.frame_times_s])
        flagged = np.flatnonzero(view.flagged)
        spans = [(a - 0.5, b - 0.5) for a, b in runs(view.flagged)]
        for shade in self.bad:
            shade.set_spans(spans)
        marked = flagged[:: len(flagged) // MAX_MARKS + 1]
        self.marks.setData(marked, view.z[marked])
        for line, place in zip(self.ends, (0.0, view.last), strict=True):
            line.setValue(place)
        self.depth.setTitle(_title(view), size="8pt")
        low, high = depth_range(view)
        self.depth.setYRange(low, high, padding=Y_PADDING)
        if not same:
            self.show_all()
        self._draw_visible()

    def show_all(self) -> None:
        """Let the whole recording be in view."""
        self.sure.setXRange(-0.5, self.n_frames - 0.5, padding=0.01)

    def go_to(self, frame: int) -> None:
        """Move the line of the current frame."""
        self.move_lines(frame)

    # -- inside --------------------------------------------------------------------------------

    def _draw_visible(self) -> None:
        """Give each curve as many points as the screen can show, of the part in view."""
        view = self.view
        if view is None:
            return
        low, high = self.depth.vb.viewRange()[0]
        part = slice(max(int(low) - 1, 0), max(int(high) + 3, 0))
        columns = max(int(self.depth.vb.width()), SOME_COLUMNS)
        x = np.arange(view.n_frames, dtype=np.float64)[part]
        z, band = view.z[part], np.nan_to_num(view.band[part], nan=0.0)
        self.curve.setData(*thinned(x, z, columns))
        self.confidence.setData(*thinned(x, view.zshift.confidence[part], columns))
        self.band.set_data(*_envelope(x, z - band, z + band, columns))

    def _on_move(self, scene_position: Any) -> None:
        inside = [p for p in self.plots if p.vb.sceneBoundingRect().contains(scene_position)]
        if not inside or not self.n_frames:
            self.pointed.emit(None)
            return
        x = inside[0].vb.mapSceneToView(scene_position).x()
        self.pointed.emit(int(np.clip(round(x), 0, self.n_frames - 1)))

    def leaveEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """The pointer has left."""
        self.pointed.emit(None)
        super().leaveEvent(event)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Low enough to leave most of the window to the images."""
        return QSize(*SIZE_HINT)


def depth_range(view: ZShiftView) -> tuple[float, float]:
    """Depths to show: those of all frames with their band, and at least a slice's."""
    known = np.isfinite(view.z)
    if not known.any():
        return 0.0, view.last
    z = view.z[known]
    band = np.where(view.flagged, 0, np.nan_to_num(view.band, nan=0.0))[known]
    low, high = float((z - band).min()), float((z + band).max())
    more = max(LEAST_RANGE * view.step - (high - low), 0) / 2
    return low - more, high + more


def _envelope(x: Numbers, low: Numbers, high: Numbers, columns: int) -> tuple[Numbers, ...]:
    """Places, least and largest value of each of so many columns."""
    at, lower = thinned(x, low, columns)
    upper = thinned(x, high, columns)[1]
    return (at, lower, upper) if len(at) == len(x) else (at[::2], lower[::2], upper[1::2])


def _title(view: ZShiftView) -> str:
    unit = (
        view.unit if view.unit == "slices" else f"{view.unit}; a slice is {view.step:g} {view.unit}"
    )
    return (
        f"<span style='color:{AFTER}'>z with 95 % band</span> ({unit}), "
        f"<span style='color:{FLAG}'>× flagged</span>, ··· first and last slice; below: "
        f"<span style='color:{MEAN}'>confidence</span>"
    )


def _end_line() -> Any:
    pen = pg.mkPen(BORDER, width=1.5, style=Qt.PenStyle.DotLine)
    return pg.InfiniteLine(0, angle=0, pen=pen)
