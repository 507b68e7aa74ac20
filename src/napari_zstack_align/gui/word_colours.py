"""Colours of words that mean something, readable on napari's dark themes and on its light one."""

from __future__ import annotations

from typing import Literal, TypeAlias

from napari.utils.theme import get_theme
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QWidget

Meaning: TypeAlias = Literal["", "error", "go", "no go", "odd"]

ON_DARK = {"error": "#ff7070", "go": "#67c967", "no go": "#ff7070", "odd": "#e0843c"}
ON_LIGHT = {"error": "#b3261e", "go": "#1b6e1b", "no go": "#b3261e", "odd": "#8f4a00"}
BOLD = ("go", "no go")
_MEANING = "meaning of the words"
_in_use = dict(ON_DARK)


def colour_of(meaning: str) -> str:
    """Colour of words in the theme there is."""
    return _in_use[meaning]


def give_meaning(widget: QWidget, meaning: Meaning) -> None:
    """Colour the words of a widget; '' for the colour that all words have."""
    widget.setProperty(_MEANING, meaning)
    weight = " font-weight: bold;" if meaning in BOLD else ""
    widget.setStyleSheet(f"color: {colour_of(meaning)};{weight}" if meaning else "")


def use_theme(name: str, inside: QWidget) -> None:
    """Use the colours for a theme of napari, also for words inside of a widget."""
    is_light = QColor(get_theme(name).background.as_hex()).lightness() > 127
    _in_use.update(ON_LIGHT if is_light else ON_DARK)
    for widget in inside.findChildren(QWidget):
        if meaning := widget.property(_MEANING):
            give_meaning(widget, meaning)
