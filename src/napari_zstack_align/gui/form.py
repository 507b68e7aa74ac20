"""A form for any parameter model, made field by field."""

from __future__ import annotations

from typing import Generic, TypeVar

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QToolButton, QWidget

from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.gui.param_widgets import make_field
from napari_zstack_align.params import Params

Model = TypeVar("Model", bound=Params)


class ParamsForm(QWidget, Generic[Model]):
    """The fields of one model, those of daily use first and the others under 'More'.

    Parameters
    ----------
    model : type of Params
        Names, types, defaults, bounds, units and help are read from it.
    first : tuple of str
        Fields to show above 'More'; all of them where empty.
    """

    changed = Signal()

    def __init__(self, model: type[Model], first: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._model = model
        self._described = {field.name: field for field in fields_of(model)}
        self.fields = {name: make_field(field) for name, field in self._described.items()}
        first = first or tuple(self.fields)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name in first:
            self._add_row(layout, name)
        rest = [name for name in self.fields if name not in first]
        if rest:
            layout.addRow(*self._more(rest))

    def values(self) -> Model:
        """Return the parameters as they stand in the form.

        Raises
        ------
        InputError
            Where the model refuses a value.
        """
        return self._model(**{name: field.get() for name, field in self.fields.items()})

    def set_values(self, params: Model) -> None:
        """Show these parameters."""
        for name, field in self.fields.items():
            field.set(getattr(params, name))

    def take(self, params: Params | None) -> None:
        """Show parameters that are of this form's model; others change nothing."""
        if isinstance(params, self._model):
            self.set_values(params)

    def reset(self) -> None:
        """Show the defaults."""
        self.set_values(self._model())

    def _add_row(self, layout: QFormLayout, name: str) -> None:
        field = self.fields[name]
        help_text = tooltip(self._described[name])
        label = QLabel(self._described[name].title)
        for widget in (label, *field.natives):
            widget.setToolTip(help_text)
        layout.addRow(label, field.native)
        field.on_change(self.changed.emit)

    def _more(self, names: list[str]) -> tuple[QWidget, ...]:
        button = QToolButton(text="More", checkable=True)
        button.setToolTip("Show the parameters that seldom need a change")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setArrowType(Qt.ArrowType.RightArrow)
        box = QWidget()
        layout = QFormLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        for name in names:
            self._add_row(layout, name)
        box.setVisible(False)
        button.toggled.connect(box.setVisible)
        button.toggled.connect(
            lambda on: button.setArrowType(
                Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow
            )
        )
        self.more_button = button
        outer = QWidget()
        rows = QFormLayout(outer)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(button)
        rows.addRow(box)
        return (outer,)


def tooltip(field: ParamField) -> str:
    """Help text with bounds, unit and default, as rich text so that Qt wraps it."""
    parts = [field.description]
    if field.allowed:
        parts.append(f"Allowed: {field.allowed}.")
    parts.append(f"Default: {field.default_in_words()}.")
    return "<qt>" + " ".join(filter(None, parts)) + "</qt>"
