"""The wheel scrolls: it turns no value that hasn't the focus.

A page that is scrolled passes under the pointer, and Qt's combo boxes, spin boxes and sliders turn
with the wheel as soon as they lie there: a parameter would be another one, unseen.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGraphicsView,
    QLabel,
    QLineEdit,
    QScrollBar,
    QWidget,
)

TURNED = (QComboBox, QAbstractSpinBox, QAbstractSlider)
"""Widgets whose value the wheel changes; scroll bars are meant to be turned."""
LEAVES = (QLabel, QAbstractButton, QLineEdit, QScrollBar, QGraphicsView)
"""Widgets that hold no others."""


class WheelGuard(QObject):
    """Passes the wheel on to what is below, from every widget that hasn't the focus.

    Widgets that are added later are guarded as soon as they are to be shown.

    Parameters
    ----------
    root : QWidget
        It is guarded with all that is in it, and the dialogs that open over it.
    """

    def __init__(self, root: QWidget) -> None:
        super().__init__(root)
        self._guard(root)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        """Let a turn of the wheel go by, and guard what is new."""
        if event.type() == QEvent.Type.ChildPolished and event.child().isWidgetType():
            self._guard(event.child())
        if event.type() != QEvent.Type.Wheel or not is_turned(watched) or has_focus(watched):
            return False
        event.ignore()  # so that it goes on to the page, which scrolls
        return True

    def _guard(self, root: QWidget) -> None:
        for widget in (root, *root.findChildren(QWidget)):
            if is_turned(widget):
                widget.installEventFilter(self)
                if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel gives no focus
            elif not isinstance(widget, LEAVES):
                widget.installEventFilter(self)


def is_turned(widget: Any) -> bool:
    """Whether the wheel changes the value of a widget."""
    return isinstance(widget, TURNED) and not isinstance(widget, QScrollBar)


def has_focus(widget: QWidget) -> bool:
    """Whether a widget, or a line in it that is typed into, has the focus."""
    focused = QApplication.focusWidget()
    return focused is not None and (focused is widget or widget.isAncestorOf(focused))
