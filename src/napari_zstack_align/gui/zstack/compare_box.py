"""Raw and aligned frames compared: in which way, and how many of them are averaged."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

OFF, FLICKER, BESIDE, COLOURS, DIFFERENCE = "off", "flicker", "beside", "colours", "difference"
WAYS = {
    OFF: "Don't compare",
    FLICKER: "Flicker",
    BESIDE: "Side by side",
    COLOURS: "Magenta and green",
    DIFFERENCE: "Difference",
}
MOST_FRAMES = 99
SPIN_PX = 128
"""For 'mean of 99' between the buttons that napari's style has."""
SHORTEST = 8
"""Letters of the combo box that are seen in a narrow panel."""


class CompareBox(QWidget):
    """A combo box for the way, and a spin box for how many frames around the one in view count."""

    changed = Signal()
    """Another way or number was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.combo = QComboBox()
        for way, words in WAYS.items():
            self.combo.addItem(words, way)
        self.combo.setToolTip(
            "Compare the raw and the aligned frame in view, or means of several, in one contrast"
        )
        self.combo.setAccessibleName("Compare raw and aligned frames")
        self.spin = QSpinBox()
        self.spin.setRange(1, MOST_FRAMES)
        self.spin.setPrefix("mean of ")
        self.spin.setToolTip(
            "Repeats of the slice around the one in view, or frames, that both images are the mean "
            "of: single dim frames show nothing"
        )
        self.spin.setAccessibleName("Frames averaged for the comparison")
        self.spin.setMinimumWidth(SPIN_PX)
        self.combo.setMinimumContentsLength(SHORTEST)
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.spin.valueChanged.connect(lambda _: self.changed.emit())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.spin)

    @property
    def way(self) -> str:
        """One of `WAYS`."""
        return str(self.combo.currentData())

    def choose(self, way: str) -> None:
        """Choose a way."""
        self.combo.setCurrentIndex(list(WAYS).index(way))
