"""Sliders, histogram and count of one method."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.cells.blobs import BlobResult
from napari_zstack_align.cells.strength import elbow
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.gui.buttons import MORE, more_button
from napari_zstack_align.gui.cells.slider_row import SliderRow
from napari_zstack_align.gui.cells.strength_plot import StrengthPlot
from napari_zstack_align.params import BlobParams

SPANS = {
    "threshold": (0.0, 0.5),
    "threshold_rel": (0.0, 1.0),
    "overlap": (0.0, 1.0),
    "min_sigma": (0.5, 20.0),
    "max_sigma": (0.5, 20.0),
    "exclude_border": (0.0, 60.0),
    "num_sigma": (1.0, 30.0),
    "sigma_ratio": (1.05, 3.0),
}
"""From where to where the sliders go: the range of daily use, within what the model allows."""

ALWAYS = ("threshold", "threshold_rel", "overlap", "min_sigma", "max_sigma")


class BlobControls(QWidget):
    """The parameters of one method, with how many blobs they give.

    Parameters
    ----------
    method : str
        'log', 'dog' or 'doh'.
    """

    changed = Signal(object)
    """The new `BlobParams`."""
    refused = Signal(str)
    """One sentence: these values don't go together."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method
        self._result: BlobResult | None = None
        scales = ("sigma_ratio",) if method == "dog" else ("num_sigma",)
        self._fields = {field.name: field for field in fields_of(BlobParams, method=method)}
        names = (*ALWAYS, *scales, "exclude_border")
        self.rows = {name: _row(self._fields[name], method) for name in names}
        self.count = QLabel("–")
        self.count.setToolTip("Blobs that are found with these values")
        self.auto_button = QPushButton("Auto")
        self.auto_button.setToolTip(
            "Set the threshold at the elbow of the blobs' strengths: where many weak ones begin"
        )
        self.reset_button = QPushButton("Defaults")
        self.reset_button.setToolTip("Go back to the values that are published for this method")
        self.nuclei_button = QPushButton("Nuclei")
        self.nuclei_button.setToolTip("Values for bright, filled nuclei of some 5 to 20 px across")
        self.nuclei_button.setVisible(method == "log")
        self.plot = StrengthPlot()
        self._lay_out()
        self.show_params(BlobParams(method=method))
        for row in self.rows.values():
            row.changed.connect(self._on_changed)
        self.plot.threshold_dragged.connect(self._on_dragged)
        self.auto_button.clicked.connect(self.auto)
        self.reset_button.clicked.connect(lambda: self.use(BlobParams(method=method)))
        self.nuclei_button.clicked.connect(lambda: self.use(BlobParams.nuclei()))

    @property
    def params(self) -> BlobParams:
        """The parameters as they stand.

        Raises
        ------
        InputError
            Where they don't go together.
        """
        values = {
            name: round(row.value) if self._fields[name].kind is int else row.value
            for name, row in self.rows.items()
        }
        return BlobParams(method=self.method, **values)

    def use(self, params: BlobParams) -> None:
        """Show these parameters, and tell of them."""
        self.show_params(params)
        self.changed.emit(params)

    def show_params(self, params: BlobParams) -> None:
        """Show these parameters, without telling of them."""
        for name, row in self.rows.items():
            row.set_value(getattr(params, name))

    def set_threshold(self, value: float) -> None:
        """Use another threshold."""
        self.rows["threshold"].set_value(max(value, 0.0))
        self._on_changed()

    def _on_dragged(self, value: float) -> None:
        """The line shows the larger of both thresholds: a relative one that holds it gives way."""
        if self._result is not None and self._result.threshold > self.rows["threshold"].value:
            self.rows["threshold_rel"].set_value(0.0)
        self.set_threshold(value)

    def auto(self) -> None:
        """Set the threshold at the elbow; the relative one gives way."""
        if self._result is None or not len(self._result.candidate_strengths):
            self.refused.emit("There is no image yet: press 'Find blobs' first.")
            return
        found = elbow(self._result.candidate_strengths)
        if found is None:
            self.refused.emit("There are too few maxima to see an elbow among their strengths.")
            return
        self.rows["threshold_rel"].set_value(0.0)
        self.set_threshold(found)

    def show_result(self, result: BlobResult) -> None:
        """Show how many blobs there are, and among which strengths the threshold chose."""
        old, self._result = self._result, result
        self.count.setText(counted(len(result), "blob"))
        strengths = result.candidate_strengths
        if old is None or not _same(old, result):
            strongest = float(strengths[0]) if len(strengths) else 1.0
            self.rows["threshold"].set_span(0.0, max(strongest, self.rows["threshold"].value))
            self.plot.show_strengths(strengths)
        self.plot.show_threshold(result.threshold)

    def show_waiting(self) -> None:
        """Say that the count is being found."""
        self.count.setText("…")

    def forget(self) -> None:
        """There is no image any more."""
        self._result = None
        self.count.setText("–")
        self.plot.show_strengths(())

    def _on_changed(self, _: float = 0.0) -> None:
        self._keep_order()
        try:
            params = self.params
        except InputError as error:
            self.refused.emit(str(error))
            return
        self.changed.emit(params)

    def _keep_order(self) -> None:
        """The smallest scale pushes the largest one, and the other way round."""
        low, high = self.rows["min_sigma"], self.rows["max_sigma"]
        if low.value <= high.value:
            return
        if self.sender() is high:
            low.set_value(high.value)
        else:
            high.set_value(low.value)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        top = QHBoxLayout()
        self.count.setStyleSheet("font-weight: bold;")
        top.addWidget(self.count, 1)
        for button in (self.auto_button, self.reset_button, self.nuclei_button):
            top.addWidget(button)
        layout.addLayout(top)
        layout.addWidget(self.plot)
        form, more = _form(), QWidget()
        for name in ALWAYS:
            form.addRow(self.rows[name].label, self.rows[name])
        layout.addLayout(form)
        rest = _form(more)
        for name, row in self.rows.items():
            if name not in ALWAYS:
                rest.addRow(row.label, row)
        self.more_button = more_button(*MORE, more)
        layout.addWidget(self.more_button)
        layout.addWidget(more)


def _row(field: ParamField, method: str) -> SliderRow:
    low, high = SPANS[field.name]
    if field.name == "min_sigma" and method == "doh":
        low = 0.0
    return SliderRow(field, (low, high))


def _form(parent: QWidget | None = None) -> QFormLayout:
    form = QFormLayout(parent) if parent is not None else QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return form


def _same(old: BlobResult, new: BlobResult) -> bool:
    """Whether two results chose from the same maxima."""
    a, b = old.candidate_strengths, new.candidate_strengths
    return len(a) == len(b) and (not len(a) or (a[0] == b[0] and a[-1] == b[-1]))
