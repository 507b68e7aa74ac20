"""Buttons that make a mask at once, or change the one that there is."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QSpinBox, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.run_bar import RunBar

MOST_PERCENT = 100
STEP_PX, MOST_PX = 5, 200
BRIGHT = (
    "Bright tissue",
    "Cover what is brighter than dark places, at a threshold between both (Otsu's). In place of "
    "what is painted; Ctrl+Z takes it back",
)
SLIDER_TIP = (
    "Threshold of bright tissue (% of the way from dark to bright places of the mean image, "
    "blurred by a fortieth of its size): the mask follows the slider"
)
BUTTONS = {
    "circle": ("Circle", "Cover the largest circle in the middle, as of a lens"),
    "invert": ("Invert", "Cover what isn't covered, and nothing else"),
    "clear": ("Clear", "Cover nothing; Ctrl+Z takes it back"),
    "grow": ("Grow", "Make the mask larger on all sides, by so many px"),
    "shrink": ("Shrink", "Make the mask smaller on all sides, by so many px"),
}
BY_TIP = "How far Grow and Shrink move the edge of the mask (px)"


class MaskBox(QWidget):
    """What makes and changes masks, besides the brush."""

    clicked_on = Signal(str)
    """Name of a button: 'bright', or as in ``BUTTONS``."""
    level_changed = Signal(float)
    """Threshold of bright tissue that the slider was moved to, in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        texts = {"bright": BRIGHT, **BUTTONS}
        self.buttons = {name: button(*words) for name, words in texts.items()}
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, MOST_PERCENT)
        self.slider.setToolTip(SLIDER_TIP)
        self.slider.setAccessibleName("Threshold of bright tissue")
        self.percent = QLabel()
        self.percent.setMinimumWidth(self.percent.fontMetrics().horizontalAdvance("100 % "))
        self.by_px = QSpinBox()
        self.by_px.setRange(1, MOST_PX)
        self.by_px.setValue(STEP_PX)
        self.by_px.setSuffix(" px")
        self.by_px.setToolTip(BY_TIP)
        self.by_px.setAccessibleName("Grow and shrink by")
        self.run_bar = RunBar()
        self._lay_out()
        self.show_level(0.5)
        self.slider.valueChanged.connect(self._on_slider)
        for name, widget in self.buttons.items():
            widget.clicked.connect(lambda _=False, name=name: self.clicked_on.emit(name))

    @property
    def level(self) -> float:
        """Threshold of bright tissue that the slider stands at, in [0, 1]."""
        return self.slider.value() / MOST_PERCENT

    def show_level(self, level: float) -> None:
        """Put the slider somewhere, without a signal."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(MOST_PERCENT * level))
        self.slider.blockSignals(False)
        self._tell()

    def _on_slider(self, _: int) -> None:
        self._tell()
        self.level_changed.emit(self.level)

    def _tell(self) -> None:
        self.percent.setText(f"{self.slider.value()} %")

    def _lay_out(self) -> None:
        bright = QHBoxLayout()
        bright.addWidget(self.buttons["bright"])
        bright.addWidget(self.slider, 1)
        bright.addWidget(self.percent)
        others = QGridLayout()
        for column, name in enumerate(("circle", "invert", "clear")):
            others.addWidget(self.buttons[name], 0, column)
        for column, widget in enumerate((self.buttons["grow"], self.buttons["shrink"], self.by_px)):
            others.addWidget(widget, 1, column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(bright)
        layout.addLayout(others)
        layout.addWidget(self.run_bar)
