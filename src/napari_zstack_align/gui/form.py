"""A form for any parameter model, made field by field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QWidget

from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.gui.buttons import MORE, more_button
from napari_zstack_align.gui.param_widgets import Field, make_field
from napari_zstack_align.params import Params

Model = TypeVar("Model", bound=Params)


class Fields(Mapping[str, Field]):
    """The fields of a form by name, each made when it is first asked for: that takes its time."""

    def __init__(self, names: Sequence[str], make: Callable[[str], Field]) -> None:
        self._names = names
        self._make = make
        self.made: dict[str, Field] = {}
        """Those that there are so far."""

    def __getitem__(self, name: str) -> Field:
        if name not in self._names:
            raise KeyError(name)
        if name not in self.made:
            self.made[name] = self._make(name)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class ParamsForm(QWidget, Generic[Model]):
    """The fields of one model, those of daily use first and the others under 'More'.

    Fields that nobody has opened yet hold their defaults.

    Parameters
    ----------
    model : type of Params
        Names, types, defaults, bounds, units and help are read from it.
    first : tuple of str
        Fields to show above 'More'; all of them where empty.
    elsewhere : tuple of str
        Fields that are chosen outside of the form, and have no row in it.
    """

    changed = Signal()

    def __init__(
        self, model: type[Model], first: tuple[str, ...] = (), elsewhere: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self._model = model
        self._described = {field.name: field for field in fields_of(model)}
        self.fields = Fields(tuple(self._described), self._make)
        first = first or tuple(self.fields)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name in first:
            self._add_row(layout, name)
        rest = [name for name in self.fields if name not in (*first, *elsewhere)]
        if rest:
            layout.addRow(*self._more(rest))

    def values(self) -> Model:
        """Return the parameters as they stand in the form.

        Raises
        ------
        InputError
            Where the model refuses a value.
        """
        return self._model(**{name: field.get() for name, field in self.fields.made.items()})

    def set_values(self, params: Model, stay: Collection[str] = ()) -> None:
        """Show these parameters, but in fields that stay as they are."""
        for name, described in self._described.items():
            if name in stay:
                continue
            value = getattr(params, name)
            if name in self.fields.made or value != described.default:
                self.fields[name].set(value)

    def take(self, params: Params | None) -> None:
        """Show parameters that are of this form's model; others change nothing."""
        if isinstance(params, self._model):
            self.set_values(params)

    def reset(self) -> None:
        """Show the defaults."""
        self.set_values(self._model())

    def put_beside_more(self, widget: QWidget) -> None:
        """Put a widget at the end of the row that unfolds the other fields."""
        self._beside_more.addWidget(widget)

    def _make(self, name: str) -> Field:
        field = make_field(self._described[name])
        for widget in field.natives:
            widget.setToolTip(tooltip(self._described[name]))
        field.on_change(self.changed.emit)
        return field

    def _add_row(self, layout: QFormLayout, name: str) -> None:
        label = QLabel(self._described[name].title)
        label.setToolTip(tooltip(self._described[name]))
        layout.addRow(label, self.fields[name].native)

    def _more(self, names: list[str]) -> tuple[QWidget, ...]:
        box = QWidget()
        layout = QFormLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)

        def fill() -> None:
            if not layout.rowCount():
                for name in names:
                    self._add_row(layout, name)

        self.more_button = more_button(*MORE, box, fill)
        self._beside_more = QHBoxLayout()
        self._beside_more.addWidget(self.more_button)
        self._beside_more.addStretch(1)
        outer = QWidget()
        rows = QFormLayout(outer)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(self._beside_more)
        rows.addRow(box)
        return (outer,)


def tooltip(field: ParamField) -> str:
    """Help text with bounds, unit and default, as rich text so that Qt wraps it."""
    parts = [field.description]
    if field.allowed:
        parts.append(f"Allowed: {field.allowed}.")
    parts.append(f"Default: {field.default_in_words()}.")
    return "<qt>" + " ".join(filter(None, parts)) + "</qt>"
