"""A slider and a spin box for one number of a parameter model."""

from __future__ import annotations

from math import floor, log10

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QSizePolicy, QWidget
from superqt import QDoubleSlider

from napari_zstack_align.fields import ParamField
from napari_zstack_align.gui.form import tooltip
from napari_zstack_align.gui.param_widgets import spin_range

SPIN_WIDTH = 70
DIGITS = 3
"""How finely a slider steps: this many digits of its range."""


class SliderRow(QWidget):
    """One number: the slider covers what is useful, the spin box what the model allows.

    Parameters
    ----------
    field : ParamField
        Its name, description, unit, bounds, and whether only whole numbers make sense.
    span : (float, float)
        From where to where the slider goes.
    """

    changed = Signal(float)
    """Somebody has moved it; not sent by ``set_value``."""

    def __init__(self, field: ParamField, span: tuple[float, float]) -> None:
        super().__init__()
        self._whole = field.kind is int
        self.label = QLabel(field.title)
        self.slider = QDoubleSlider(Qt.Orientation.Horizontal)
        self.spin = QDoubleSpinBox()
        self.spin.setKeyboardTracking(False)
        self.spin.setFixedWidth(SPIN_WIDTH)
        self.spin.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        low, high = spin_range(field)
        self._limits = (0.0 if low is None else low, 1e9 if high is None else high)
        self.spin.setRange(*self._limits)
        self.set_span(*span)
        for widget in (self.label, self.slider, self.spin):
            widget.setToolTip(tooltip(field))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.spin)
        self.slider.valueChanged.connect(self._on_slider)
        self.spin.valueChanged.connect(self._on_spin)

    @property
    def value(self) -> float:
        """The number."""
        return float(self.spin.value())

    def set_value(self, value: float) -> None:
        """Show a number, without telling of it."""
        self._show(value)

    def set_span(self, low: float, high: float) -> None:
        """Let the slider go from ``low`` to ``high``, and step as finely as that needs."""
        low, high = max(low, self._limits[0]), min(high, self._limits[1])
        decimals = 0 if self._whole else max(0, DIGITS - floor(log10(max(high - low, 1e-9))) - 1)
        value = self.value
        for widget in (self.spin, self.slider):
            widget.blockSignals(True)
        self.spin.setDecimals(max(decimals, self._decimals_of(value)))
        self.spin.setSingleStep(1.0 if self._whole else 10.0 ** (1 - decimals))
        self.slider.setRange(low, max(high, low + 1e-9))
        self.slider.setSingleStep(1.0 if self._whole else 10.0**-decimals)
        self.slider.setPageStep((high - low) / 10)
        for widget in (self.spin, self.slider):
            widget.blockSignals(False)
        self._show(value)

    def _on_slider(self, value: float) -> None:
        before = self.value
        self.spin.blockSignals(True)
        self.spin.setValue(value)
        self.spin.blockSignals(False)
        if self.value != before:
            self.changed.emit(self.value)

    def _on_spin(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(value)
        self.slider.blockSignals(False)
        self.changed.emit(self.value)

    def _show(self, value: float) -> None:
        for widget in (self.spin, self.slider):
            widget.blockSignals(True)
        self.spin.setDecimals(max(self.spin.decimals(), self._decimals_of(value)))
        self.spin.setValue(value)
        self.slider.setValue(value)
        for widget in (self.spin, self.slider):
            widget.blockSignals(False)

    def _decimals_of(self, value: float) -> int:
        return len(f"{value:.6g}".partition(".")[2]) if "e" not in f"{value:.6g}" else 9
