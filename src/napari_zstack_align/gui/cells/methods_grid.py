"""LoG, DoG and DoH as tabs, or side by side with the count of each."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QTabWidget, QVBoxLayout, QWidget

from napari_zstack_align.cells.blobs import BlobResult
from napari_zstack_align.gui.cells.blob_controls import BlobControls
from napari_zstack_align.gui.cells.blob_layers import COLORS, TITLES

TIPS = {
    "log": "Laplacian of Gaussian: the most exact",
    "dog": "Difference of Gaussians: faster, coarser scales",
    "doh": "Determinant of the Hessian: for blobs of some 3 px radius and more",
}


class MethodsGrid(QWidget):
    """A tab a method, and a tick that shows all three side by side in the viewer."""

    method_changed = Signal(str)
    """Another method has come to the front."""
    side_by_side_toggled = Signal(bool)
    params_changed = Signal(object)
    """The new `BlobParams` of a method."""
    refused = Signal(str)
    """One sentence: these values don't go together."""

    def __init__(self) -> None:
        super().__init__()
        self.controls = {method: BlobControls(method) for method in TITLES}
        self.tabs = QTabWidget()
        for method, controls in self.controls.items():
            index = self.tabs.addTab(controls, TITLES[method])
            self.tabs.setTabToolTip(index, TIPS[method])
            controls.changed.connect(self.params_changed)
            controls.refused.connect(self.refused)
        self.box = QCheckBox("Side by side")
        self.box.setToolTip(
            "Show the three methods beside each other in the viewer, with one camera and the count "
            "of blobs below each view"
        )
        self.counts = {method: QLabel() for method in TITLES}
        self._counts_row = QWidget()
        self._lay_out()
        self.tabs.currentChanged.connect(lambda _: self.method_changed.emit(self.method))
        self.box.toggled.connect(self.side_by_side_toggled)
        self.box.toggled.connect(self._counts_row.setVisible)

    @property
    def method(self) -> str:
        """The method in front."""
        return list(TITLES)[self.tabs.currentIndex()]

    @property
    def current(self) -> BlobControls:
        """Controls of the method in front."""
        return self.controls[self.method]

    def choose(self, method: str) -> None:
        """Bring a method to the front."""
        self.tabs.setCurrentIndex(list(TITLES).index(method))

    def show_result(self, method: str, result: BlobResult) -> None:
        """Show what a method has found."""
        self.controls[method].show_result(result)
        self.counts[method].setText(f"{TITLES[method]}: {len(result):,}")

    def show_waiting(self, method: str) -> None:
        """Say that a method is at work."""
        self.controls[method].show_waiting()
        self.counts[method].setText(f"{TITLES[method]}: …")

    def forget(self) -> None:
        """There is no image any more."""
        for method, controls in self.controls.items():
            controls.forget()
            self.counts[method].setText(f"{TITLES[method]}: –")

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        for controls in self.controls.values():
            controls.plot.set_theme(name)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        layout.addWidget(self.box)
        grid = QGridLayout(self._counts_row)
        grid.setContentsMargins(0, 0, 0, 0)
        for column, (method, label) in enumerate(self.counts.items()):
            label.setText(f"{TITLES[method]}: –")
            label.setStyleSheet(f"color: {COLORS[method]}; font-weight: bold;")
            label.setToolTip(f"Blobs that {TITLES[method]} finds")
            grid.addWidget(label, 0, column)
            grid.setColumnStretch(column, 1)
        self._counts_row.setVisible(False)
        layout.addWidget(self._counts_row)
