"""Buttons with a tooltip."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton


def button(text: str, tooltip: str) -> QPushButton:
    """Make a button with a tooltip."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    return made
