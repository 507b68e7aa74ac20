"""The key that switches between raw and aligned frames: W, unless a person has chosen another.

napari lists the action under Preferences > Shortcuts, where its keys can be changed or taken away.
napari keeps the choice, but binds it only to actions it knows of: registering looks it up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from qtpy.QtWidgets import QPushButton

ACTION = "napari-zstack-align:toggle_raw_aligned"
DEFAULT_KEYS = ("W",)
"""Bound by napari neither in the viewer nor in any layer."""


def register(toggle: Callable[[ViewerModel], None]) -> None:
    """Tell napari of the action, and bind its keys; nothing changes where that was done before.

    Parameters
    ----------
    toggle : callable
        Called with the viewer in which the key was pressed.
    """
    action_manager.register_action(
        ACTION, toggle, "Switch between raw and aligned frames (Z-stack align)", ViewerModel
    )
    for key in keys():
        action_manager.bind_shortcut(ACTION, key)


def keys() -> list[str]:
    """Keys of the action as the settings have them."""
    return [str(key) for key in get_settings().shortcuts.shortcuts.get(ACTION, DEFAULT_KEYS)]


def show_on(button: QPushButton) -> None:
    """Show the keys on a button that does the same, whatever they are changed to."""
    text, tip = button.text(), button.toolTip()

    def show(_: Any = None) -> None:
        shown = " or ".join(keys())
        button.setText(f"{text}  ({shown})" if shown else text)
        button.setToolTip(f"{tip}; key {shown}" if shown else tip)

    show()
    get_settings().shortcuts.events.shortcuts.connect(show, until=button.destroyed)
