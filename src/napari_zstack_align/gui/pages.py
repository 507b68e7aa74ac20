"""Tabs as pages that scroll."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget


def page(tab: QWidget) -> QWidget:
    """A tab that scrolls; where it names a ``footer``, that stays in view below it."""
    area = _scrolling(tab)
    footer = getattr(tab, "footer", None)
    if footer is None:
        return area
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(area, 1)
    layout.addWidget(footer)
    footer.setContentsMargins(8, 0, 8, 4)
    return page


def _scrolling(tab: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(tab)
    bar = area.verticalScrollBar().sizeHint().width()
    area.setMinimumWidth(tab.minimumSizeHint().width() + bar)
    return area
