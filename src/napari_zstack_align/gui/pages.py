"""Pages of the panel: they scroll, and their tab may come later."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget


class Page(QWidget):
    """Where a tab stands; empty until it is filled."""

    def __init__(self) -> None:
        super().__init__()
        QVBoxLayout(self).setContentsMargins(0, 0, 0, 0)

    def fill(self, tab: QWidget) -> None:
        """Let a tab scroll here; where it names a ``footer``, that stays in view below it."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addWidget(_scrolling(tab), 1)
        footer = getattr(tab, "footer", None)
        if footer is not None:
            layout.addWidget(footer)
            footer.setContentsMargins(8, 0, 8, 4)


def _scrolling(tab: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(tab)
    bar = area.verticalScrollBar().sizeHint().width()
    area.setMinimumWidth(tab.minimumSizeHint().width() + bar)
    return area


def bring_into_sight(widget: QWidget) -> None:
    """Scroll a page so far that a widget of it is seen, once that has its place."""
    area = widget.parent()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parent()
    if area is not None:
        QTimer.singleShot(0, partial(area.ensureWidgetVisible, widget))
