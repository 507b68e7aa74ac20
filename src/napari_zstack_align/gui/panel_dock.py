"""What napari docks: a frame around the panel, which outlives it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_zstack_align.gui.panel import Panel


class PanelDock(QWidget):
    """Shows a panel until the dock is closed, then hands it back to napari's window.

    What was opened, aligned and read stays in the panel, and its jobs go on.

    Parameters
    ----------
    panel : Panel
        The panel of the viewer in whose window this is docked.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(panel)
        panel.hide()  # napari docks a frame that is as wide as the panel, and then shows that
        self.setMinimumWidth(panel.minimumSizeHint().width())
        self.panel = panel
        self._has_panel = True
        panel.destroyed.connect(self._forget)

    def show_panel(self) -> None:
        """Show the panel, once this is docked."""
        if self._has_panel and self.panel.isHidden():
            self.panel.stay_with(self.window())
            self.panel.show()

    def event(self, event: Any) -> bool:
        """Where its dock was closed, napari has only taken it out."""
        taken_out = event.type() == QEvent.Type.ParentChange and self.parent() is None
        if taken_out and self._has_panel:
            self.panel.leave()
            self._has_panel = False
            self.deleteLater()
        return bool(super().event(event))

    def _forget(self) -> None:
        self._has_panel = False
