"""Small pictures in columns with captions below, as wide as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy, QWidget

GAP_PX = 4
MOST_HEIGHT_PX, LEAST_HEIGHT_PX = 150, 60
"""The pictures of a column share this height; one of many is as high as the second at least."""
NOTHING = 40
"""Grey of a picture that there isn't."""
WRAPPED = Qt.TextFlag.TextWordWrap.value | Qt.AlignmentFlag.AlignHCenter.value


@dataclass(frozen=True, eq=False)
class Column:
    """Pictures above one another, and what they show.

    Attributes
    ----------
    caption : str
    pictures : tuple of numpy.ndarray
        (Y, X) uint8 each.
    names : tuple of str
        Written into the pictures, in order.
    """

    caption: str
    pictures: tuple[npt.NDArray[np.uint8], ...]
    names: tuple[str, ...] = ()


class PictureStrip(QWidget):
    """Draws columns of equal width; its height follows from its width."""

    BELOW_PX = 0
    """Room below the captions."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: tuple[Column, ...] = ()
        self._images: list[list[QImage]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(0)

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns."""
        self.columns = tuple(columns)
        self._images = [[_grey(picture) for picture in each.pictures] for each in columns]
        self._fit()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """As narrow as may be: it takes the width that there is."""
        return QSize(0, self.height())

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Another width needs another height."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _: Any) -> None:  # noqa: N802
        """Draw the pictures and captions."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        for k, (column, images) in enumerate(zip(self.columns, self._images, strict=True)):
            y = 0
            for image, name in zip(images, (*column.names, *[""] * len(images)), strict=False):
                place = self._place(k, y, image)
                painter.drawImage(place, image)
                self._write(painter, place, name)
                y += self._high(image) + GAP_PX
            caption = QRect(self._left(k), y, self._wide, self.height() - y)
            painter.drawText(caption, WRAPPED, column.caption)
        painter.end()

    # -- inside --------------------------------------------------------------------------------

    @property
    def _wide(self) -> int:
        n = max(len(self.columns), 1)
        return max((self.width() - GAP_PX * (n - 1)) // n, 1)

    def _left(self, k: int) -> int:
        return k * (self._wide + GAP_PX)

    def _high(self, image: QImage) -> int:
        full = self._wide * image.height() // max(image.width(), 1)
        most = max(MOST_HEIGHT_PX // max(map(len, self._images)), LEAST_HEIGHT_PX)
        return max(min(full, most), 1)

    def _place(self, k: int, y: int, image: QImage) -> QRect:
        """Where a picture is drawn: in the middle of its column, with its own proportions."""
        high = self._high(image)
        wide = min(max(high * image.width() // max(image.height(), 1), 1), self._wide)
        return QRect(self._left(k) + (self._wide - wide) // 2, y, wide, high)

    def _write(self, painter: QPainter, place: QRect, name: str) -> None:
        """Write a name into the lower left corner of a picture, on ground of its own."""
        if not name:
            return
        words = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, place.width() - 4)
        room = self.fontMetrics().boundingRect(words).adjusted(-2, 0, 3, 0)
        room.moveBottomLeft(place.bottomLeft())
        painter.save()
        painter.fillRect(room, QColor(0, 0, 0, 150))
        painter.setPen(QColor("white"))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, words)
        painter.restore()

    def _fit(self) -> None:
        """Take the height of the highest column."""
        room, metrics = QRect(0, 0, self._wide, 1000), self.fontMetrics()
        heights = [
            sum(self._high(image) + GAP_PX for image in images)
            + metrics.boundingRect(room, WRAPPED, column.caption).height()
            for column, images in zip(self.columns, self._images, strict=True)
        ]
        self.setFixedHeight(max(heights) + self.BELOW_PX if heights else 0)


def _grey(picture: npt.NDArray[np.uint8]) -> QImage:
    rows, columns = picture.shape
    held = np.ascontiguousarray(picture)
    grey = QImage.Format.Format_Grayscale8
    return QImage(held.tobytes(), columns, rows, columns, grey).copy()
