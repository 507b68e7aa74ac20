"""Histogram of the blobs' strengths, with the threshold as a line to drag."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import Signal

from napari_zstack_align.cells.strength import histogram

BAR, BELOW, LINE = "#4fb0e8", "#20242acc", "#f5c542"
HEIGHT = 124


class StrengthPlot(pg.PlotWidget):
    """How many maxima have which strength; those left of the line are no blobs.

    Both axes are logarithmic: there are many more weak maxima than blobs.
    """

    threshold_dragged = Signal(float)
    """Where the line is now; sent while it is dragged."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setFixedHeight(HEIGHT)
        self.setToolTip(
            "Histogram of the strengths of all maxima (response of the detector on an image "
            "between 0 and 1; both axes logarithmic). Drag the line to set the threshold."
        )
        plot = self.getPlotItem()
        plot.setMouseEnabled(x=False, y=False)
        plot.hideButtons()
        plot.setLabel("bottom", "strength of maxima")
        plot.hideAxis("left")
        axis = plot.getAxis("bottom")
        axis.enableAutoSIPrefix(False)
        axis.setLogMode(True)
        self.edges = np.array([0.0, 1.0])
        """Edges of the bins, log10 of the strength."""
        self.counts = np.zeros(1, np.int64)
        self._bars = plot.plot(
            self.edges, [0.0], stepMode="center", fillLevel=0, brush=BAR, pen=None
        )
        self._shade = pg.LinearRegionItem(
            (0, 0), movable=False, brush=BELOW, pen=pg.mkPen(None), span=(0, 1)
        )
        plot.addItem(self._shade, ignoreBounds=True)
        self.line = pg.InfiniteLine(
            0, movable=True, pen=pg.mkPen(LINE, width=2), hoverPen=pg.mkPen(LINE, width=4)
        )
        plot.addItem(self.line, ignoreBounds=True)
        self.line.sigDragged.connect(self._on_dragged)

    def show_strengths(self, strengths: npt.ArrayLike) -> None:
        """Draw the histogram of strengths (n,)."""
        found = histogram(strengths)
        self.counts, self.edges = found.counts, np.log10(found.edges)
        self._bars.setData(self.edges, np.log10(self.counts + 1.0))
        self.setXRange(self.edges[0], self.edges[-1], padding=0.02)
        highest = max(float(np.log10(self.counts.max() + 1.0)), 0.3)
        self.setYRange(0.0, highest, padding=0.05)
        self.line.setBounds((self.edges[0], self.edges[-1]))

    def show_threshold(self, value: float) -> None:
        """Draw the line at a threshold."""
        shown = float(np.clip(np.log10(max(value, 1e-300)), self.edges[0], self.edges[-1]))
        if self.line.value() != shown:
            self.line.setValue(shown)
        self._shade.setRegion((self.edges[0] - 1, shown))

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        theme = get_theme(name)
        self.setBackground(theme.background.as_hex())
        axis = self.getPlotItem().getAxis("bottom")
        axis.setPen(theme.secondary.as_hex())
        axis.setTextPen(theme.text.as_hex())

    def _on_dragged(self, line: Any) -> None:
        self.threshold_dragged.emit(float(10 ** line.value()))
