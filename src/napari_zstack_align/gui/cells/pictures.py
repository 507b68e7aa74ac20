"""Pictures of a plot as it is seen.

Qt draws them itself: pyqtgraph's exporter of SVG fails on some of its own paths.
"""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QRect, QRectF, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QGraphicsView

SHARPNESS = 2.0
"""Pixels of a PNG per pixel of the screen."""


def write_png(view: QGraphicsView, path: Path) -> None:
    """Write what a view shows as PNG, sharper than the screen."""
    image = QImage(view.viewport().size() * SHARPNESS, QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(SHARPNESS)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _render(view, painter)
    painter.end()
    image.save(str(path), "PNG")


def write_svg(view: QGraphicsView, path: Path) -> None:
    """Write what a view shows as SVG."""
    size = view.viewport().size()
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    painter = QPainter()
    if painter.begin(generator):
        _render(view, painter)
        painter.end()


def _render(view: QGraphicsView, painter: QPainter) -> None:
    seen = view.viewport().rect()
    view.render(painter, QRectF(seen), seen)
