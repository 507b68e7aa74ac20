"""The key that switches raw and aligned: W by default, and what a person makes of it."""

from __future__ import annotations

import pytest
from driving import end
from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import KeyBinding
from qtpy.QtWidgets import QPushButton

from napari_zstack_align.gui import toggle_key
from napari_zstack_align.gui.open import open_panel, toggle_raw_aligned


def bound(key: str) -> bool:
    """Whether the key calls our action in a viewer."""
    return KeyBinding.from_str(key) in ViewerModel.class_keymap


@pytest.fixture
def free_keys():
    """Settings and key bindings as on the first start, before and after."""

    def reset() -> None:
        get_settings().shortcuts.reset()
        if toggle_key.ACTION in action_manager._actions:
            action_manager.unbind_shortcut(toggle_key.ACTION)

    reset()
    yield
    reset()
    toggle_key.register(toggle_raw_aligned)


def change(keys: list[str]) -> None:
    """Choose keys like the settings dialog does."""
    action_manager.unbind_shortcut(toggle_key.ACTION)
    for key in keys:
        action_manager.bind_shortcut(toggle_key.ACTION, key)
    settings = get_settings().shortcuts
    settings.shortcuts = {
        **settings.shortcuts,
        toggle_key.ACTION: [KeyBinding.from_str(key) for key in keys],
    }


def test_w_by_default_and_listed_in_the_settings(free_keys, qtbot):
    toggle_key.register(toggle_raw_aligned)
    assert bound("W")
    editor = ShortcutEditor()
    qtbot.addWidget(editor)
    listed = editor.key_bindings_strs[editor.VIEWER_KEYBINDINGS]
    assert toggle_key.ACTION in listed
    assert editor.value()[toggle_key.ACTION] == ["W"]


@pytest.mark.parametrize("keys", [["Ctrl+J"], ["J", "Shift+W"], []], ids=str)
def test_the_chosen_keys_stay_when_a_panel_opens_again(free_keys, keys):
    toggle_key.register(toggle_raw_aligned)
    change(keys)
    toggle_key.register(toggle_raw_aligned)
    assert [key for key in ("W", "J", "Ctrl+J", "Shift+W") if bound(key)] == sorted(
        keys, key=("W", "J", "Ctrl+J", "Shift+W").index
    )


def test_a_choice_of_an_earlier_start_is_bound(free_keys):
    settings = get_settings().shortcuts
    settings.shortcuts = {**settings.shortcuts, toggle_key.ACTION: [KeyBinding.from_str("J")]}
    toggle_key.register(toggle_raw_aligned)
    assert bound("J")
    assert not bound("W")


def test_buttons_show_the_keys(free_keys, qtbot):
    toggle_key.register(toggle_raw_aligned)
    button = QPushButton("Raw ⇄ aligned")
    qtbot.addWidget(button)
    toggle_key.show_on(button)
    assert button.text() == "Raw ⇄ aligned  (W)"
    change(["J"])
    assert button.text() == "Raw ⇄ aligned  (J)"
    change([])
    assert button.text() == "Raw ⇄ aligned"


def test_the_action_works_on_the_panel_of_its_viewer(shared_viewer, monkeypatch):
    toggle_raw_aligned(shared_viewer)  # without a panel nothing happens
    panel = open_panel(shared_viewer)
    toggled = []
    monkeypatch.setattr(panel, "toggle", lambda: toggled.append(True))
    toggle_raw_aligned(shared_viewer)
    assert toggled == [True]
    toggle_raw_aligned(ViewerModel())
    assert toggled == [True]
    end(shared_viewer, panel)
