"""Histogram of the blobs' strengths, with the threshold as a line to drag."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_zstack_align.cells.strength import histogram

BAR, BELOW, LINE = "#4fb0e8", "#20242acc", "#f5c542"
HEIGHT = 124


class StrengthPlot(QWidget):
    """How many maxima have which strength; those left of the line are no blobs.

    Both axes are logarithmic: there are many more weak maxima than blobs. The drawing is made when
    it is first seen, which takes a moment.
    """

    threshold_dragged = Signal(float)
    """Where the line is now; sent while it is dragged."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT)
        self.setToolTip(
            "Histogram of the strengths of all maxima (response of the detector on an image "
            "between 0 and 1; both axes logarithmic). Drag the line to set the threshold."
        )
        QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)
        self.edges = np.array([0.0, 1.0])
        """Edges of the bins, log10 of the strength."""
        self.counts = np.zeros(1, np.int64)
        self._threshold = 1.0
        self._theme = ""

    @cached_property
    def drawing(self) -> Drawing:
        """The plot; made the first time."""
        drawing = Drawing()
        drawing.line.sigDragged.connect(self._on_dragged)
        self.layout().addWidget(drawing)
        self._draw_on(drawing)
        return drawing

    @property
    def line(self) -> pg.InfiniteLine:
        """The threshold."""
        return self.drawing.line

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Draw when it is first seen."""
        super().showEvent(event)
        self.drawing.show()

    def show_strengths(self, strengths: npt.ArrayLike) -> None:
        """Draw the histogram of strengths (n,)."""
        found = histogram(strengths)
        self.counts, self.edges = found.counts, np.log10(found.edges)
        self._draw()

    def show_threshold(self, value: float) -> None:
        """Draw the line at a threshold."""
        self._threshold = value
        if self._is_made:
            self.drawing.show_threshold(self._place, self.edges)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self._theme = name
        if self._is_made:
            self.drawing.set_theme(name)

    @property
    def _is_made(self) -> bool:
        return "drawing" in vars(self)

    @property
    def _place(self) -> float:
        """Where the line stands, log10 of the strength."""
        return float(np.clip(np.log10(max(self._threshold, 1e-300)), self.edges[0], self.edges[-1]))

    def _draw(self) -> None:
        if self._is_made:
            self._draw_on(self.drawing)

    def _draw_on(self, drawing: Drawing) -> None:
        drawing.show_histogram(self.counts, self.edges)
        drawing.show_threshold(self._place, self.edges)
        if self._theme:
            drawing.set_theme(self._theme)

    def _on_dragged(self, line: Any) -> None:
        self.threshold_dragged.emit(float(10 ** line.value()))


class Drawing(pg.PlotWidget):
    """Bars, and a line over them."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        plot = self.getPlotItem()
        plot.setMouseEnabled(x=False, y=False)
        plot.hideButtons()
        plot.setLabel("bottom", "strength of maxima")
        plot.hideAxis("left")
        axis = plot.getAxis("bottom")
        axis.enableAutoSIPrefix(False)
        axis.setLogMode(True)
        self._bars = plot.plot(
            [0.0, 1.0], [0.0], stepMode="center", fillLevel=0, brush=BAR, pen=None
        )
        self._shade = pg.LinearRegionItem(
            (0, 0), movable=False, brush=BELOW, pen=pg.mkPen(None), span=(0, 1)
        )
        plot.addItem(self._shade, ignoreBounds=True)
        self.line = pg.InfiniteLine(
            0, movable=True, pen=pg.mkPen(LINE, width=2), hoverPen=pg.mkPen(LINE, width=4)
        )
        plot.addItem(self.line, ignoreBounds=True)

    def show_histogram(
        self, counts: npt.NDArray[np.integer], edges: npt.NDArray[np.floating]
    ) -> None:
        """Draw the numbers of maxima between edges (log10)."""
        self._bars.setData(edges, np.log10(counts + 1.0))
        self.setXRange(edges[0], edges[-1], padding=0.02)
        highest = max(float(np.log10(counts.max() + 1.0)), 0.3)
        self.setYRange(0.0, highest, padding=0.05)
        self.line.setBounds((edges[0], edges[-1]))

    def show_threshold(self, place: float, edges: npt.NDArray[np.floating]) -> None:
        """Draw the line at a place (log10), and what is left of it in the shade."""
        if self.line.value() != place:
            self.line.setValue(place)
        self._shade.setRegion((edges[0] - 1, place))

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        theme = get_theme(name)
        self.setBackground(theme.background.as_hex())
        axis = self.getPlotItem().getAxis("bottom")
        axis.setPen(theme.secondary.as_hex())
        axis.setTextPen(theme.text.as_hex())
