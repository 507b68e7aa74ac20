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
from napari_zstack_align.gui import writer
from napari_zstack_align.gui.preferences import PLUGIN, Preferences
from napari_zstack_align.read.readers import file_suffixes
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


def has_to_be(part: str, found: Any, expected: Any) -> None:
    """Fail with what has to stand in the manifest, which napari reads without our code."""
    said = yaml.safe_dump(expected, default_flow_style=True, sort_keys=False, width=1000).strip()
    assert found == expected, f"In {MANIFEST.name}, {part} must be {said}"


def test_the_reader_has_the_endings_of_the_table(contributions):
    [reader] = contributions["readers"]
    patterns = [f"*{suffix}" for suffix in (*file_suffixes(), ".zalign")]
    has_to_be("filename_patterns of the reader", reader["filename_patterns"], patterns)
    assert reader["accepts_directories"]


def test_the_formats_to_choose_from_are_those_of_the_tab(contributions):
    chosen = contributions["configurations"]["exporting"]["properties"]["frames_format"]
    has_to_be(
        "the enum of frames_format", chosen["enum"], [w.suffix for w in writers_of(Takes.MOVIE)]
    )


def test_the_writers_are_formats_of_the_table(contributions):
    commands = {each["id"]: each["python_name"] for each in contributions["commands"]}
    offered = [
        {
            "python_name": commands[each["command"]],
            "filename_extensions": each["filename_extensions"],
            "display_name": each["display_name"],
        }
        for each in contributions["writers"]
    ]
    expected = [
        {
            "python_name": f"{writer.__name__}:write_{row.name.replace('-', '_')}",
            "filename_extensions": [row.suffix],
            "display_name": row.title,
        }
        for row in writers_of(Takes.VOLUME)
    ]
    has_to_be("writers with their commands", offered, expected)
    for each in expected:
        assert callable(getattr(writer, each["python_name"].partition(":")[2]))
