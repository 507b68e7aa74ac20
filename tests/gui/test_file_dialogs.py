from __future__ import annotations

from importlib.resources import files

import pytest
from npe2 import PluginManifest

from napari_zstack_align.gui.file_dialogs import open_filter
from napari_zstack_align.gui.load_tab import LoadTab
from napari_zstack_align.gui.zshift.source_row import SourceRow
from napari_zstack_align.read import readers
from napari_zstack_align.read.readers import READERS, Reader, starts_with


@pytest.fixture
def twophoton(monkeypatch):
    """One row more in the table of formats."""
    row = Reader("twophoton", "Twophoton", (".2p",), starts_with(b"2PHO"), "nothing", "twophoton")
    monkeypatch.setattr(readers, "READERS", (*READERS, row))
    return row


def test_open_filter():
    images, tiff, *_, everything = open_filter().split(";;")
    assert images == "Images (*.tif *.tiff *.btf *.tf2 *.tf8 *.npy)"
    assert tiff == "TIFF (*.tif *.tiff *.btf *.tf2 *.tf8)"
    assert everything == "All files (*)"


def test_a_new_format_is_offered_everywhere(qtbot, make_napari_viewer, twophoton):
    assert "*.2p)" in open_filter().split(";;")[0]
    assert "Twophoton (*.2p)" in open_filter().split(";;")
    load, row = LoadTab(make_napari_viewer(show=False)), SourceRow("recording", "")
    for widget in (load, row):
        qtbot.addWidget(widget)
    for button in (load.files_button, load.folder_button, row.file_button):
        assert "Twophoton" in button.toolTip()


def test_the_manifest_has_the_endings_of_the_table():
    manifest = PluginManifest.from_file(files("napari_zstack_align") / "napari.yaml")
    [reader] = manifest.contributions.readers
    assert reader.filename_patterns == [f"*{s}" for s in (*readers.file_suffixes(), ".zalign")]
    assert reader.accepts_directories
