"""The widget of one field of a parameter model, and how its value maps to the model's.

``magicgui``'s own form from a pydantic model loses numeric defaults, turns None into 0.0 and drops
exclusive bounds, so each field gets a widget of its own here.
"""

from __future__ import annotations

from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QWidget

from napari_zstack_align.errors import InputError
from napari_zstack_align.fields import ParamField
from napari_zstack_align.typed_numbers import number, numbers

NO_BOUND = 10**9
HAIR = 1e-6
"""How far a spin box of decimals stays off a bound that is not allowed itself."""


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


class WordField(Field):
    """A number, or one of the words that a list offers."""

    def __init__(self, described: ParamField) -> None:
        self._described = described
        self._box = QComboBox()
        super().__init__(self._box)
        self._box.setEditable(True)
        self._box.addItems(described.words)

    @property
    def native(self) -> QWidget:
        """The list, which can be typed into."""
        return self._box

    def get(self) -> Any:
        """Return the number or the word."""
        text = self._box.currentText().strip()
        if text.lower() in self._described.words:
            return text.lower()
        try:
            return number(text)
        except ValueError:
            words = ", ".join(map(repr, self._described.words))
            raise InputError(f"'{text}' is no number and none of {words}.") from None

    def set(self, value: Any) -> None:
        """Show a number or a word."""
        self._box.setCurrentText(self._described.word_for(value))

    def on_change(self, call: Any) -> None:
        """Typed and chosen alike."""
        self._box.currentTextChanged.connect(lambda *_: call())


class TupleField(Field):
    """Numbers or words between commas in one line."""

    def __init__(self, widget: Any, member: type) -> None:
        super().__init__(widget)
        self._member = member

    def get(self) -> tuple[Any, ...]:
        """Return the members."""
        if self._member is float:
            return self._numbers()
        words = [word.strip() for word in self.widget.value.split(",") if word.strip()]
        try:
            return tuple(self._member(word) for word in words)
        except ValueError:
            kind = "whole numbers" if self._member is int else "words"
            raise InputError(
                f"'{self.widget.value}' isn't a list of {kind}: write them with commas between."
            ) from None

    def _numbers(self) -> tuple[float, ...]:
        try:
            return numbers(self.widget.value)
        except ValueError as error:
            raise InputError(f"{error}.") from None

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

    def suggest(self, value: float) -> None:
        """Show a number to begin with, the nearest that is allowed, where it is unticked."""
        if not self._tick.isChecked():
            self.widget.native.blockSignals(True)
            self._inner.set(min(max(value, self.widget.min), self.widget.max))
            self.widget.native.blockSignals(False)

    def on_change(self, call: Any) -> None:
        """Tick and field alike."""
        self._inner.on_change(call)
        self._tick.toggled.connect(lambda *_: call())


def make_field(field: ParamField) -> Field:
    """Make the widget of one model field and show its default in it."""
    made = _of_type(field)
    if field.optional:
        made = OptionalField(made)
    made.set(field.default)
    return made


def spin_range(field: ParamField) -> tuple[float | None, float | None]:
    """Smallest and largest value a spin box can show: a bound that is not allowed is moved in."""
    step = 1 if field.kind is int else HAIR
    low, high = field.lower, field.upper
    if low is not None and field.open_lower:
        low += step
    if high is not None and field.open_upper:
        high -= step
    return low, high


def _of_type(field: ParamField) -> Field:
    if field.words:
        return WordField(field)
    if field.choices:
        choices = {"choices": list(field.choices), "nullable": False}
        return Field(create_widget(name=field.name, annotation=field.kind, options=choices))
    if field.kind is tuple:
        line = create_widget(name=field.name, annotation=str)
        line.native.setPlaceholderText("none; numbers with commas between")
        return TupleField(line, field.item)
    if field.kind not in (int, float):
        return Field(create_widget(name=field.name, annotation=field.kind))
    cast = field.kind
    low, high = spin_range(field)
    limits = {
        "min": -NO_BOUND if low is None else cast(low),
        "max": NO_BOUND if high is None else cast(high),
        "step": 1 if cast is int else _step(field),
    }
    widget = create_widget(name=field.name, annotation=cast, options=limits)
    return Field(widget) if cast is int else FloatField(widget)


def _step(field: ParamField) -> float:
    """Step of a spin box: a tenth of the default's size, no coarser than the lower bound."""
    size = abs(field.default) if field.default else 1.0
    step = 10.0 ** round(-1 + _log10(size))
    return min(step, field.lower) if field.lower else float(step)


def _log10(size: float) -> int:
    return int(f"{size:e}".partition("e")[2])
