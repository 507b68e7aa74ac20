"""A form for any parameter model, made field by field.

``magicgui``'s own form from a pydantic model loses numeric defaults, turns None into 0.0 and drops
exclusive bounds, so each field gets a widget of its own here.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from magicgui.widgets import create_widget
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QToolButton, QWidget

from napari_zstack_align.errors import InputError
from napari_zstack_align.params import Params

Model = TypeVar("Model", bound=Params)

NO_BOUND = 10**9
HAIR = 1e-5
UNIT_SUFFIXES = ("_px", "_um", "_s", "_mad", "_hz", "_deg", "_percent", "_frames")


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
        self.fields = {name: make_field(name, info) for name, info in model.model_fields.items()}
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

    def reset(self) -> None:
        """Show the defaults."""
        self.set_values(self._model())

    def _add_row(self, layout: QFormLayout, name: str) -> None:
        field = self.fields[name]
        help_text = tooltip(self._model.model_fields[name])
        label = QLabel(title(name, self._model.model_fields[name]))
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


# -- words -------------------------------------------------------------------------------------


def title(name: str, info: FieldInfo) -> str:
    """Label of a field: 'grid_spacing_px' reads 'Grid spacing (px)'."""
    suffix = next((s for s in UNIT_SUFFIXES if name.endswith(s)), "")
    words = name.removesuffix(suffix)
    words = f"number of {words[2:]}" if words.startswith("n_") else words
    words = words.replace("_", " ").capitalize()
    return f"{words} ({unit})" if (unit := unit_of(info)) else words


def unit_of(info: FieldInfo) -> str:
    """Unit of a field, '' where it has none."""
    extra = info.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def tooltip(info: FieldInfo) -> str:
    """Help text with bounds, unit and default, as rich text so that Qt wraps it."""
    unit = unit_of(info)
    low, high = bounds(info)
    parts = [info.description or ""]
    if low is not None and high is not None:
        parts.append(f"From {low:g} to {high:g} {unit}".strip() + ".")
    if (
        default := info.get_default(call_default_factory=True, validated_data={})
    ) is not PydanticUndefined:
        parts.append(f"Default: {in_words(default)} {unit}".strip() + ".")
    return "<qt>" + " ".join(part for part in parts if part) + "</qt>"


def in_words(value: Any) -> str:
    """Return a value as a person would write it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(in_words, value)) or "empty"
    return f"{value:g}" if isinstance(value, float) else str(value)


def bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """Bounds of a number, exclusive ones moved in by a step; None where there is none."""
    low = high = None
    step = 1 if int in _members(info.annotation) else 1e-6
    for rule in info.metadata:
        if (ge := getattr(rule, "ge", None)) is not None:
            low = ge
        if (gt := getattr(rule, "gt", None)) is not None:
            low = gt + step
        if (le := getattr(rule, "le", None)) is not None:
            high = le
        if (lt := getattr(rule, "lt", None)) is not None:
            high = lt - step
    return low, high


# -- fields ------------------------------------------------------------------------------------


class Field:
    """One parameter: a magicgui widget, and how its value maps to the model's."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget

    @property
    def native(self) -> QWidget:
        """The Qt widget to lay out."""
        return self.widget.native

    @property
    def natives(self) -> list[QWidget]:
        """Every Qt widget that a pointer can rest on."""
        return [self.native]

    def get(self) -> Any:
        """Return the value for the model."""
        return self.widget.value

    def set(self, value: Any) -> None:
        """Show a value of the model."""
        self.widget.value = value

    def on_change(self, call: Any) -> None:
        """Call back without arguments when the value changes."""
        self.widget.changed.connect(lambda *_: call())


class FloatField(Field):
    """A number with as many decimals as its value needs."""

    def set(self, value: float) -> None:
        """Show a number, exactly."""
        needed = len(f"{value:.12f}".rstrip("0").partition(".")[2])
        self.native.setDecimals(max(self.native.decimals(), needed))
        self.widget.value = value


class TupleField(Field):
    """Numbers or words between commas in one line."""

    def __init__(self, widget: Any, member: type) -> None:
        super().__init__(widget)
        self._member = member

    def get(self) -> tuple[Any, ...]:
        """Return the members."""
        words = [word.strip() for word in self.widget.value.split(",") if word.strip()]
        try:
            return tuple(self._member(word) for word in words)
        except ValueError:
            kind = "numbers" if self._member in (int, float) else "words"
            raise InputError(
                f"'{self.widget.value}' isn't a list of {kind}: write them with commas between, "
                f"such as 1, 0.5."
            ) from None

    def set(self, value: tuple[Any, ...]) -> None:
        """Show the members."""
        self.widget.value = ", ".join(repr(v) if self._member is float else str(v) for v in value)


class OptionalField(Field):
    """Another field behind a tick: unticked means None."""

    def __init__(self, inner: Field) -> None:
        super().__init__(inner.widget)
        self._inner = inner
        self._box = QWidget()
        self._tick = QCheckBox()
        row = QHBoxLayout(self._box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._tick)
        row.addWidget(inner.native, 1)
        self._tick.toggled.connect(inner.native.setEnabled)
        inner.native.setEnabled(False)

    @property
    def native(self) -> QWidget:
        """Tick and field."""
        return self._box

    @property
    def natives(self) -> list[QWidget]:
        """Tick, field and what holds them."""
        return [self._box, self._tick, *self._inner.natives]

    def get(self) -> Any:
        """None where unticked."""
        return self._inner.get() if self._tick.isChecked() else None

    def set(self, value: Any) -> None:
        """Untick for None."""
        self._tick.setChecked(value is not None)
        if value is not None:
            self._inner.set(value)

    def suggest(self, value: Any) -> None:
        """Show a value to begin with, where it is unticked."""
        if not self._tick.isChecked():
            self.widget.native.blockSignals(True)
            self._inner.set(value)
            self.widget.native.blockSignals(False)

    def on_change(self, call: Any) -> None:
        """Tick and field alike."""
        self._inner.on_change(call)
        self._tick.toggled.connect(lambda *_: call())


def make_field(name: str, info: FieldInfo) -> Field:
    """Make the widget of one model field and show its default in it."""
    members = _members(info.annotation)
    field = _of_type(name, next(m for m in members if m is not NoneType), info)
    if NoneType in members:
        field = OptionalField(field)
    default = info.get_default(call_default_factory=True, validated_data={})
    if default is not PydanticUndefined:
        field.set(default)
    return field


def _members(annotation: Any) -> tuple[Any, ...]:
    """Types of a union, or the one type."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _of_type(name: str, kind: Any, info: FieldInfo) -> Field:
    low, high = bounds(info)
    if get_origin(kind) is Literal:
        choices = {"choices": list(get_args(kind)), "nullable": False}
        return Field(create_widget(name=name, annotation=kind, options=choices))
    if get_origin(kind) is tuple:
        line = create_widget(name=name, annotation=str)
        line.native.setPlaceholderText("none; numbers with commas between")
        return TupleField(line, get_args(kind)[0])
    if kind not in (int, float):
        return Field(create_widget(name=name, annotation=kind))
    limits = {
        "min": -NO_BOUND if low is None else low,
        "max": NO_BOUND if high is None else high,
        "step": 1 if kind is int else _step(low, info),
    }
    widget = create_widget(name=name, annotation=kind, options=limits)
    return Field(widget) if kind is int else FloatField(widget)


def _step(low: float | None, info: FieldInfo) -> float:
    """Step of a spin box: a tenth of the default's size, no coarser than the lower bound.

    A bound that is a hair above 0 only says that 0 itself is out.
    """
    default = info.get_default(call_default_factory=True, validated_data={})
    size = abs(default) if isinstance(default, (int, float)) and default else 1.0
    step = 10.0 ** round(-1 + _log10(size))
    return min(step, low) if low and low > HAIR else step


def _log10(size: float) -> int:
    return int(f"{size:e}".partition("e")[2])
