"""Docks below the image, shown and hidden whether or not a person has closed them with their ×."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

from napari_zstack_align.gui.wheel import WheelGuard


def show_below(viewer: Any, widget: QWidget, name: str, *, tabify: bool = False) -> None:
    """Put a widget into a dock below the image, anew where its dock was closed, and show it.

    With ``tabify`` it shares the place of other docks, in front of them.
    """
    if widget.parent() is None:
        WheelGuard(widget)
        viewer.window.add_dock_widget(widget, name=name, area="bottom", tabify=tabify)
    dock = widget.parent()
    if dock is not None:
        dock.show()
        if tabify:
            dock.raise_()


def hide_below(widget: QWidget) -> None:
    """Hide the dock of a widget; where it was closed, there is none."""
    dock = widget.parent()
    if dock is not None:
        dock.hide()


def take_away(viewer: Any, widget: QWidget) -> None:
    """Take the dock of a widget out of napari's window, and close the widget."""
    if widget.parent() is not None:
        viewer.window.remove_dock_widget(widget)
    widget.close()
