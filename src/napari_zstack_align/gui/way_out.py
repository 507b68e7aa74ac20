"""Buttons below a sentence that says why something can't be: what can be done instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button


@dataclass(frozen=True)
class WayOut:
    """Something that can be done instead.

    Attributes
    ----------
    text, tooltip : str
        Of its button.
    do : callable
        Called without arguments when that is clicked.
    """

    text: str
    tooltip: str
    do: Callable[[], object]


class WaysOut(QWidget):
    """A button for each way out; a click takes all of them away."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons: tuple[QPushButton, ...] = ()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.setVisible(False)

    def offer(self, *ways: WayOut) -> None:
        """Offer these instead of any before; none to offer nothing."""
        for old in self.buttons:
            old.hide()
            old.deleteLater()
        self.buttons = tuple(self._button(way) for way in ways)
        self.setVisible(bool(ways))

    def _button(self, way: WayOut) -> QPushButton:
        made = button(way.text, way.tooltip)

        def take() -> None:
            self.offer()
            way.do()

        made.clicked.connect(take)
        self._layout.addWidget(made)
        return made


OPEN_WHOLE = "Open the whole frames"
OPEN_WHOLE_TIP = "Open what is whole of a file that breaks off; a remark says how many frames"
