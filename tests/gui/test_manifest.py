"""What napari is told of the plugin, and that the code keeps to it."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from npe2 import PluginManager

import napari_zstack_align
from napari_zstack_align.gui.preferences import PLUGIN, Preferences
from napari_zstack_align.write.writers import Takes, writers_of

MANIFEST = Path(napari_zstack_align.__file__).with_name("napari.yaml")


@pytest.fixture(scope="module")
def contributions() -> dict[str, Any]:
    return yaml.safe_load(MANIFEST.read_text("utf-8"))["contributions"]


def test_napari_finds_the_plugin_with_its_icon():
    manager = PluginManager.instance()
    manager.discover()
    manifest = manager.get_manifest(PLUGIN)
    assert {str(category.value) for category in manifest.categories} >= {"Registration", "IO"}
    module, _, name = str(manifest.icon).partition(":")
    assert files(module).joinpath(name).read_text("utf-8").startswith("<svg")


def test_menus_hold_widgets_under_the_layers_menu(contributions):
    widgets = {widget["command"] for widget in contributions["widgets"]}
    assert set(contributions["menus"]) == {
        f"napari/layers/{menu}" for menu in ("register", "segment", "measure")
    }
    for items in contributions["menus"].values():
        assert {item["command"] for item in items} <= widgets


def test_preferences_have_the_defaults_of_the_manifest(contributions):
    defaults = {
        key: described["default"]
        for category in contributions["configurations"].values()
        for key, described in category["properties"].items()
    }
    assert defaults == asdict(Preferences())


def test_the_formats_to_choose_from_are_those_of_the_tab(contributions):
    exporting = contributions["configurations"]["exporting"]["properties"]
    assert exporting["frames_format"]["enum"] == [
        writer.suffix for writer in writers_of(Takes.MOVIE)
    ]


def test_the_writers_are_formats_of_the_table(contributions):
    usual = {writer.title: [writer.suffix] for writer in writers_of(Takes.VOLUME)}
    offered = {
        each["display_name"]: each["filename_extensions"] for each in contributions["writers"]
    }
    assert offered == usual
