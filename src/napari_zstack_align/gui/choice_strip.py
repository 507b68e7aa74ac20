"""Small pictures of which one can be chosen, by a click or with the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QRect, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPalette, QPen

from napari_zstack_align.gui.picture_strip import Column, PictureStrip

FRAME_PX = 2
PALE = 150
"""Opacity, of 255, of what lies over pictures that are outdated."""
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
TAKE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class ChoiceStrip(PictureStrip):
    """Draws columns, frames the chosen one, and tells which is clicked.

    The arrow keys go from column to column, the Enter key and the space bar take one.
    """

    BELOW_PX = 2 * FRAME_PX
    chosen = Signal(int)
    """Number of a column that was clicked, or taken with the keyboard."""

    def __init__(self) -> None:
        super().__init__()
        self._framed: int | None = None
        self._at = 0
        self._is_pale = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns; assistive programs read their captions."""
        super().show_columns(columns)
        self._at = min(self._at, max(len(self.columns) - 1, 0))
        captions = (column.caption.replace("\n", " ") for column in self.columns)
        self.setAccessibleDescription("; ".join(captions))

    def show_choice(self, framed: int | None, *, pale: bool = False) -> None:
        """Frame a column, or none; pale pictures are outdated."""
        self._framed, self._is_pale = framed, pale
        self._at = self._at if framed is None else framed
        self.update()

    def column_at(self, x: float) -> int | None:
        """Number of the column at some px from the left; None where there is none."""
        places = range(len(self.columns))
        return next((k for k in places if 0 <= x - self._left(k) < self._wide), None)

    def paintEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Draw the pictures, and what is chosen."""
        super().paintEvent(event)
        painter = QPainter(self)
        if self._is_pale:
            veil = QColor(self.palette().color(QPalette.ColorRole.Window))
            veil.setAlpha(PALE)
            painter.fillRect(self.rect(), veil)
        colour = self.palette().color(QPalette.ColorRole.WindowText)
        if self._framed is not None and self._framed < len(self.columns):
            painter.setPen(QPen(colour, FRAME_PX))
            painter.drawRect(self._around(self._framed))
        if self.hasFocus() and self.columns:
            painter.setPen(QPen(colour, 1, Qt.PenStyle.DotLine))
            painter.drawRect(self._around(self._at).adjusted(2, 2, -2, -2))
        painter.end()

    def mouseReleaseEvent(self, event: Any) -> None:  # noqa: N802
        """Choose what is clicked."""
        at = self.column_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and at is not None:
            self._at = at
            self.chosen.emit(at)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Go from column to column, and take one."""
        key = event.key()
        if key in STEPS and self.columns:
            self._at = min(max(self._at + STEPS[key], 0), len(self.columns) - 1)
            self.update()
        elif key in TAKE and self.columns:
            self.chosen.emit(self._at)
        else:
            super().keyPressEvent(event)

    def _around(self, k: int) -> QRect:
        half = FRAME_PX // 2
        room = QRect(self._left(k), 0, self._wide, self.height())
        return room.adjusted(half, half, -FRAME_PX, -FRAME_PX)
