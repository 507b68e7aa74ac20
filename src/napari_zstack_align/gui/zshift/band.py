"""The area between two curves, with gaps where they are unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QPointF, QRectF
from qtpy.QtGui import QColor, QPainterPath, QPolygonF

from napari_zstack_align.gui.cells.timeline import runs

Numbers = npt.NDArray[np.floating]


class PlotBand(pg.GraphicsObject):
    """A filled band.

    Parameters
    ----------
    color : QColor
        With its opacity.
    """

    def __init__(self, color: QColor) -> None:
        super().__init__()
        self._color = color
        self._path = QPainterPath()
        self.setZValue(-5)

    def set_data(self, x: Numbers, low: Numbers, high: Numbers) -> None:
        """Fill between two curves (n,); NaN makes a gap."""
        path = QPainterPath()
        for start, end in runs(np.isfinite(low) & np.isfinite(high)):
            there = np.concatenate([x[start:end], x[start:end][::-1]])
            values = np.concatenate([high[start:end], low[start:end][::-1]])
            points = map(QPointF, there.tolist(), values.tolist())
            path.addPolygon(QPolygonF(list(points)))
            path.closeSubpath()
        self.prepareGeometryChange()
        self._path = path
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802 (Qt's name)
        """Where the band is."""
        return self._path.boundingRect()

    def paint(self, painter: Any, *_: Any) -> None:
        """Fill it."""
        painter.fillPath(self._path, self._color)
