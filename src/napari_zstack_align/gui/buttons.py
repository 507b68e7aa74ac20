"""Buttons with a tooltip."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QToolButton, QWidget

MORE = ("More", "Show the parameters that seldom need a change")


def button(text: str, tooltip: str) -> QPushButton:
    """Make a button with a tooltip."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    return made


def more_button(
    text: str, tooltip: str, shown: QWidget, fill: Callable[[], object] = lambda: None
) -> QToolButton:
    """Make a button that unfolds what is seldom needed, which is folded at first.

    ``fill`` is called before, to make what isn't there yet.
    """
    made = QToolButton(text=text, checkable=True)
    made.setToolTip(tooltip)
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setArrowType(Qt.ArrowType.RightArrow)
    shown.setVisible(False)

    def unfold(is_open: bool) -> None:
        if is_open:
            fill()
        made.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        shown.setVisible(is_open)

    made.toggled.connect(unfold)
    return made
