"""Buttons below a sentence that says why something can't be: what can be done instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
    instead_of : str
        Ways of one name exclude one another; '' for one by itself.
    """

    text: str
    tooltip: str
    do: Callable[[], object]
    instead_of: str = ""


class WaysOut(QWidget):
    """A button for each way out; a click takes it away, and those that it excludes."""

    def __init__(self) -> None:
        super().__init__()
        self._offered: list[tuple[WayOut, QPushButton]] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.setVisible(False)

    def offer(self, *ways: WayOut) -> None:
        """Offer these instead of any before; none to offer nothing."""
        self._keep(lambda _: False)
        self.add(*ways)

    def add(self, *ways: WayOut) -> None:
        """Offer these besides those of before."""
        for way in ways:
            made = button(way.text, way.tooltip)
            made.clicked.connect(partial(self._take, way))
            self._layout.addWidget(made)
            self._offered.append((way, made))
        self.setVisible(bool(self._offered))

    @property
    def buttons(self) -> tuple[QPushButton, ...]:
        """What can be clicked."""
        return tuple(made for _, made in self._offered)

    def _take(self, way: WayOut, _: bool = False) -> None:
        name = way.instead_of
        self._keep(lambda each: each is not way and (not name or each.instead_of != name))
        way.do()

    def _keep(self, stays: Callable[[WayOut], bool]) -> None:
        """Take away the buttons of all others."""
        for way, made in self._offered:
            if not stays(way):
                made.hide()
                made.deleteLater()
        self._offered = [pair for pair in self._offered if stays(pair[0])]
        self.setVisible(bool(self._offered))


OPEN_WHOLE = "Open the whole frames"
OPEN_WHOLE_TIP = "Open what is whole of a file that breaks off; a remark says how many frames"
