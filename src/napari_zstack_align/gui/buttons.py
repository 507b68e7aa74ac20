"""Buttons with a tooltip."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QToolButton, QWidget


def button(text: str, tooltip: str) -> QPushButton:
    """Make a button with a tooltip."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    return made


def more_button(text: str, tooltip: str, shown: QWidget) -> QToolButton:
    """Make a button that unfolds what is seldom needed, which is folded at first."""
    made = QToolButton(text=text, checkable=True)
    made.setToolTip(tooltip)
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setArrowType(Qt.ArrowType.RightArrow)
    shown.setVisible(False)

    def unfold(is_open: bool) -> None:
        made.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        shown.setVisible(is_open)

    made.toggled.connect(unfold)
    return made
