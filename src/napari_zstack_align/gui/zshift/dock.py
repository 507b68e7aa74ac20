"""The dock below the images: depth over time, and the patches of the frame in view."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.remarks import SIGN
from napari_zstack_align.gui.zshift.patch_map import PatchMap
from napari_zstack_align.gui.zshift.plot import ZShiftPlot
from napari_zstack_align.gui.zshift.view import ZShiftView

HINT = "Click the plot to go to a frame; turn the wheel to zoom in time, drag to move."


class ZShiftDock(QWidget):
    """Shows a z-shift; frames are chosen from outside."""

    frame_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.view: ZShiftView | None = None
        self.outdated = ""
        """Why the z-shift is outdated, a sentence; '' for not."""
        self.plot, self.map = ZShiftPlot(), PatchMap()
        self.plot.setToolTip(
            "Above: the depth of each frame, with the band in which 95 % should lie; dotted are "
            "the first and the last slice of the reference. Below: how sure it is, 0 to 1. Red: "
            "flagged frames; white line: the frame in view. A click goes to the frame."
        )
        self.all_button = button("Whole length", "Let the whole recording be in view again")
        self.words = QLabel(HINT)
        self._lay_out()
        self.plot.frame_clicked.connect(self.frame_clicked)
        self.plot.pointed.connect(self._on_pointed)
        self.all_button.clicked.connect(lambda _: self.plot.show_all())

    def show_view(self, view: ZShiftView) -> None:
        """Show another z-shift."""
        self.view = view
        self.plot.show_view(view)
        self.map.show_view(view)

    def call_outdated(self, why: str) -> None:
        """Say why the z-shift is outdated; '' for not."""
        if why != self.outdated:
            self.outdated = why
            self.words.setText(self._hint())

    def go_to(self, frame: int) -> None:
        """Show a frame in the map, and where it is in the plot."""
        self.plot.go_to(frame)
        self.map.go_to(frame)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.plot.set_theme(name)
        self.map.set_theme(name)

    def _on_pointed(self, frame: int | None) -> None:
        """Say what is under the pointer."""
        if frame is None or self.view is None:
            self.words.setText(self._hint())
        else:
            name = self.view.zshift.stack.acquisition.words(frame)
            self.words.setText(f"{name}: {self.view.words(frame)}")

    def _hint(self) -> str:
        return f"{SIGN} {self.outdated}" if self.outdated else HINT

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.words, 1)
        row.addWidget(self.all_button)
        left = QVBoxLayout()
        left.addLayout(row)
        left.addWidget(self.plot, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addLayout(left, 1)
        layout.addWidget(self.map)
        self.setMinimumHeight(190)
