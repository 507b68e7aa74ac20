"""What a file doesn't say of its frames is said on the Load tab, and the file opened again so."""

from __future__ import annotations

import numpy as np
import tifffile
from driving import click, settled
from stacks import shifted


def test_a_file_is_opened_again_as_it_is_said(qtbot, viewer, panel, tmp_path):
    rng = np.random.default_rng(0)
    planes = rng.poisson(50 + 200 * (np.arange(24) % 2)[:, None, None], (24, 32, 40))
    path = tmp_path / "two.tif"
    tifffile.imwrite(path, planes.astype(np.uint16), photometric="minisblack", metadata=None)
    load = panel.zstack.load_tab
    load.open_paths([path])
    settled(qtbot, panel)
    assert "24 frames" in load.words.text()
    assert load.reading.isHidden()
    click(qtbot, load.reading_button)
    assert not load.reading.isHidden()
    load.reading.channels.setValue(2)
    qtbot.keyClicks(load.reading.drop, "5")
    qtbot.keyClicks(load.details.each, "3, 4, 5")
    load.details.interval.setValue(0.25)
    click(qtbot, load.reading.open_button)
    settled(qtbot, panel)
    assert "3 slices × 3 to 5 repeats" in load.words.text()
    assert "2 channels" in load.words.text()
    stack = load.stack
    assert (stack.dropped, stack.shape[:2]) == ((5,), (12, 2))
    assert stack.frame_interval_s == 0.25
    assert stack.read(0, 1).mean(axis=(0, 2, 3))[1] > 200
    assert load.details.each.text() == "3, 4, 5"
    assert load.reading.channels.value() == 2

    load.details.each.setText("3, 4")
    click(qtbot, load.reading.open_button)
    settled(qtbot, panel)
    assert "2 slices of 7 frames in all" in load.run_bar.status.text()
    assert load.stack is stack


def broken_off(path):
    """20 pages of which the last is half written."""
    frames = np.random.default_rng(0).integers(5, 99, (20, 32, 40)).astype(np.uint16)
    tifffile.imwrite(path, frames, photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[-1].dataoffsets[0]
    path.write_bytes(path.read_bytes()[: offset + 1200])
    return path


def test_whole_frames_of_a_file_that_breaks_off_are_offered(qtbot, panel, tmp_path):
    load = panel.zstack.load_tab
    load.open_paths([broken_off(tmp_path / "crash.tif")])
    settled(qtbot, panel)
    assert "click 'Open the whole frames'" in load.run_bar.status.text()
    [offered] = load.ways_out.buttons
    click(qtbot, offered)
    settled(qtbot, panel)
    assert load.stack.n_frames == 19
    assert "19 whole frames" in load.remarks.text()
    assert load.ways_out.isHidden()
    click(qtbot, load.reading_button)
    load.reading.drop.setText("4")
    click(qtbot, load.reading.open_button)
    settled(qtbot, panel)
    assert (load.stack.n_frames, load.stack.dropped) == (19, (4,))


def test_the_offer_goes_with_the_next_file(qtbot, panel, tmp_path):
    load = panel.zstack.load_tab
    load.open_paths([broken_off(tmp_path / "crash.tif")])
    settled(qtbot, panel)
    assert not load.ways_out.isHidden()
    load.open_paths([tmp_path / "absent.tif"])
    settled(qtbot, panel)
    assert load.ways_out.isHidden()


def two_in_turn(path):
    rng = np.random.default_rng(0)
    planes = rng.poisson(50 + 200 * (np.arange(24) % 2)[:, None, None], (24, 32, 40))
    tifffile.imwrite(path, planes.astype(np.uint16), photometric="minisblack", metadata=None)
    return path


def test_a_file_opened_plainly_is_offered_as_its_run_had_it(qtbot, panel, tmp_path):
    path, load = two_in_turn(tmp_path / "two.tif"), panel.zstack.load_tab
    load.open_as([path], channels=2, frames_per_slice=4)
    settled(qtbot, panel)
    shown = panel.zstack.shown
    shown.runs.add({shown: shifted(shown.stack, 1.0)})
    load.open_paths([path])
    settled(qtbot, panel)
    assert panel.zstack.shown.stack.shape[:2] == (24, 1)
    assert not any(layer.visible for layer in shown.raw)  # what is under the new one
    words = "made with 'Frames per slice: 4, Channels: 2': 'Open as its run had it'"
    assert words in load.run_bar.status.text()
    [offered] = load.ways_out.buttons
    click(qtbot, offered)
    settled(qtbot, panel)
    assert panel.zstack.shown is shown
    assert panel.zstack.workspace.stacks == [shown]
    assert all(layer.visible for layer in shown.raw)


def test_a_file_that_was_said_to_be_so_is_left_at_that(qtbot, panel, tmp_path):
    path, load = two_in_turn(tmp_path / "two.tif"), panel.zstack.load_tab
    load.open_as([path], channels=2)
    settled(qtbot, panel)
    shown = panel.zstack.shown
    shown.runs.add({shown: shifted(shown.stack, 1.0)})
    load.open_as([path], channels=3)
    settled(qtbot, panel)
    assert load.ways_out.isHidden()
    assert len(panel.zstack.workspace.stacks) == 2
