"""Plots along the frames: the correlation that finds the layout, and the quality."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import QSize, Qt, Signal

from napari_zstack_align.flags import Flag, are_flagged

BEFORE, AFTER = "#c9651d", "#2f88c5"
MEAN, MAX = "#43953f", "#7f858e"
FLAG, CURRENT, BORDER = "#e8484c", "#f2f2f2", "#9aa0a880"
"""Words in them are read on napari's dark themes as on its light one."""


def _coloured(**words: str) -> str:
    return ", ".join(f"<span style='color:{color}'>{word}</span>" for word, color in words.items())


QUALITY_TITLES = (
    f"correlation {_coloured(before=BEFORE, after=AFTER)}, <span style='color:{FLAG}'>× flagged"
    f"</span>",
    f"displacement {_coloured(mean=MEAN, largest=MAX)} (px)",
)
MAX_BORDERS = 80
"""More slice borders than this would hide the curve."""
MAX_MARKS = 2000
"""More crosses than this take long to draw, and can't be told apart."""


TICK_DENSITY = 0.5
"""Times the usual: the plots are low, and labels must not run into each other."""
Y_PADDING = 0.1
LOWEST_PX = 230
"""Of the two plots of the quality: lower ones can't be read."""


class FramePlot(pg.GraphicsLayoutWidget):
    """Plots along one axis of frames, in the colours of napari's theme.

    Parameters
    ----------
    titles : tuple of str
        Title of each plot, as HTML, from above.
    beside : bool
        Whether the plots stand beside each other, each with its own axis.
    """

    frame_clicked = Signal(int)

    def __init__(self, titles: tuple[str, ...], *, beside: bool = False) -> None:
        super().__init__()
        self.n_frames = 0
        self.ci.setContentsMargins(2, 2, 6, 8)
        places = [(0, k) if beside else (k, 0) for k in range(len(titles))]
        self.plots = [self._add(place, name) for place, name in zip(places, titles, strict=True)]
        self.plots[-1].setLabel("bottom", "frame, in acquisition order")
        for plot in self.plots:
            plot.getAxis("left").setTickDensity(TICK_DENSITY)
        for above in self.plots[:-1]:
            above.setXLink(self.plots[-1])
            if beside:
                above.setLabel("bottom", "frame, in acquisition order")
            else:
                above.getAxis("bottom").setStyle(showValues=False)
        pen = pg.mkPen(BORDER, style=Qt.PenStyle.DotLine)
        self._borders = [pg.VTickGroup(yrange=(0, 1), pen=pen) for _ in self.plots]
        for plot, ticks in zip(self.plots, self._borders, strict=True):
            plot.addItem(ticks, ignoreBounds=True)
        self.current: list[Any] = []
        """The line of the current frame in each plot; none where there is no such frame."""
        self.scene().sigMouseClicked.connect(self._on_click)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        theme = get_theme(name)
        self.setBackground(theme.background.as_hex())
        for plot in self.plots:
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.secondary.as_hex())
                plot.getAxis(side).setTextPen(theme.text.as_hex())
            plot.titleLabel.setText(plot.titleLabel.text, color=theme.text.as_hex())
        for line in self.current:
            line.setPen(pg.mkPen(theme.text.as_hex(), width=1))

    def set_name(self, words: str) -> None:
        """Say below what the frames are."""
        self.plots[-1].setLabel("bottom", words)

    def set_borders(self, frames: npt.ArrayLike) -> None:
        """Draw a dotted line before each of these frames."""
        x = np.asarray(frames, float) - 0.5
        for ticks in self._borders:
            ticks.setXVals(x if len(x) <= MAX_BORDERS else ())

    def every(self, period: int | None) -> np.ndarray:
        """First frame of each slice after the first, where slices follow each other."""
        return np.arange(period, self.n_frames, period) if period else np.empty(0)

    def add_current_lines(self) -> None:
        """Draw a line at the current frame."""
        self.current = [pg.InfiniteLine(0, pen=pg.mkPen(CURRENT, width=1)) for _ in self.plots]
        for plot, line in zip(self.plots, self.current, strict=True):
            plot.addItem(line, ignoreBounds=True)

    def move_lines(self, x: float) -> None:
        """Move the line of the current frame."""
        for line in self.current:
            line.setValue(x)

    def _add(self, place: tuple[int, int], name: str) -> Any:
        row, column = place
        plot = self.addPlot(row=row, col=column, enableMenu=False)
        plot.setTitle(name, size="8pt")
        plot.getAxis("left").setWidth(40)
        for side in ("left", "bottom"):
            plot.getAxis(side).enableAutoSIPrefix(False)
        plot.setMouseEnabled(x=True, y=False)
        plot.hideButtons()
        return plot

    def _on_click(self, event: Any) -> None:
        for plot in self.plots:
            if plot.sceneBoundingRect().contains(event.scenePos()) and self.n_frames:
                x = plot.vb.mapSceneToView(event.scenePos()).x()
                self.frame_clicked.emit(int(np.clip(round(x), 0, self.n_frames - 1)))
                return


class CorrelationPlot(FramePlot):
    """How alike neighbouring frames are: it drops where a new slice begins."""

    def __init__(self) -> None:
        super().__init__(("correlation of each frame with the next",))
        self.setToolTip(
            "Correlation of each frame with the next one. It drops where a new slice begins; the "
            "dotted lines are the proposed borders."
        )
        self.setFixedHeight(200)
        self._curve = self.plots[0].plot(pen=AFTER, symbol="o", symbolSize=3, symbolBrush=AFTER)

    def show_curve(self, correlation: np.ndarray, period: int | None) -> None:
        """Draw the correlation (T - 1,) and, where a period was found, the borders."""
        self.n_frames = len(correlation) + 1
        self._curve.setData(np.arange(len(correlation)) + 0.5, correlation)
        self.set_borders(self.every(period))
        self.plots[0].autoRange()


class QualityPlot(FramePlot):
    """Correlation before and after, and displacement, of every frame; a click goes there."""

    def __init__(self, *, beside: bool = False) -> None:
        super().__init__(QUALITY_TITLES, beside=beside)
        self.setToolTip(
            "Above: correlation of each frame, raw and aligned, with the mean of the other aligned "
            "repeats of its slice. Below: how far the frame was moved (px). A click goes to the "
            "frame. Red crosses are flagged frames and repeats left out of the volume."
        )
        self._lowest_px = LOWEST_PX // 2 if beside else LOWEST_PX
        self.setMinimumHeight(self._lowest_px)
        above, below = self.plots
        self._curves = {
            "correlation_before": above.plot(pen=BEFORE, connect="finite"),
            "correlation_after": above.plot(pen=AFTER, connect="finite"),
            "max_displacement_px": below.plot(pen=MAX, connect="finite"),
            "mean_displacement_px": below.plot(pen=MEAN, connect="finite"),
        }
        self.marks = above.plot(
            pen=None, symbol="x", symbolSize=9, symbolPen=FLAG, symbolBrush=FLAG
        )
        self.add_current_lines()

    def show_quality(
        self, table: np.ndarray, period: int | None = None, borders: npt.ArrayLike = ()
    ) -> None:
        """Draw a quality table (T,).

        ``period`` marks the slices where they follow each other, ``borders`` the first frames of
        other groups.
        """
        self.n_frames = len(table)
        frames = np.arange(self.n_frames)
        for name, curve in self._curves.items():
            # as many points as there are pixels; one NaN would take a whole peak with it
            peaks = bool(np.isfinite(table[name]).all())
            curve.setDownsampling(auto=True, method="peak" if peaks else "subsample")
            curve.setClipToView(True)
            curve.setData(frames, table[name])
        left_out = ~table["used"] & (table["flag"] != Flag.NOT_RUN)
        marked = np.flatnonzero(are_flagged(table["flag"]) | left_out)
        marked = marked[:: len(marked) // MAX_MARKS + 1]
        heights = np.nan_to_num(table["correlation_after"][marked], nan=0.0)
        self.marks.setData(marked, heights)
        self.set_borders(self.every(period) if period else borders)
        self.plots[-1].setXRange(-0.5, self.n_frames - 0.5, padding=0.02)
        # What is clipped to the view tells the range of the view alone: the table tells it all.
        names = list(self._curves)
        for plot, shown, others in zip(
            self.plots, (names[:2], names[2:]), (heights, np.zeros(0)), strict=True
        ):
            values = np.concatenate([*(table[name] for name in shown), others])
            values = values[np.isfinite(values)]
            if len(values):
                plot.setYRange(float(values.min()), float(values.max()), padding=Y_PADDING)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Low enough to leave the buttons above it in sight."""
        return QSize(0, self._lowest_px)

    def go_to(self, frame: int) -> None:
        """Move the line of the current frame."""
        self.move_lines(frame)
