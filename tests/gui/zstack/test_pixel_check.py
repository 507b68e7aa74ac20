"""Line phase and channels that look alike: looked for on the Load tab, corrected by consent."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from driving import click, settled, show
from microscope.scans import noisy, tissue
from qtpy.QtWidgets import QComboBox, QLineEdit

import napari_zstack_align as nza
from napari_zstack_align.gui.zstack.pixel_check import PixelCheck
from napari_zstack_align.gui.zstack.reading_details import ReadingDetails
from napari_zstack_align.gui.zstack.stack_details import StackDetails
from napari_zstack_align.said import Said


@pytest.fixture(scope="module")
def clean():
    rng = np.random.default_rng(0)
    return noisy(rng, tissue(rng), 60, photons=20)


@pytest.fixture
def file(tmp_path, clean):
    frames = clean.copy()
    frames[:, 1::2] = np.roll(clean[:, 1::2], 3, axis=2)
    tifffile.imwrite(tmp_path / "scan.tif", frames, photometric="minisblack", metadata=None)
    return tmp_path / "scan.tif"


def test_a_line_phase_is_found_and_corrected_by_consent(qtbot, viewer, panel, file, clean):
    load = panel.zstack.load_tab
    load.open_paths([file])
    settled(qtbot, panel)
    check = load.pixel_check
    click(qtbot, check.check_button)
    settled(qtbot, panel)
    assert "Every second line is shifted to the right by 3.0" in check.words.text()
    assert "px" in check.words.text()
    assert not check.correct_button.isHidden()
    assert load.stack.said.line_phase is None  # nothing happens without consent
    click(qtbot, check.correct_button)
    settled(qtbot, panel)
    assert load.stack.said.line_phase == pytest.approx(3, abs=0.05)
    np.testing.assert_array_equal(load.stack.read(0, 3)[:, 0, :, :-3], clean[:3, :, :-3])
    assert "moved back" in load.remarks.text()
    assert load.reading.line_phase.text().startswith(("3", "2.9"))
    assert check.correct_button.isHidden()
    click(qtbot, check.check_button)
    settled(qtbot, panel)
    assert "lies where it should" in check.words.text()
    assert check.correct_button.isHidden()


def checked(qtbot, stack):
    """A check that has looked at a stack by itself, without a viewer."""
    check = PixelCheck()
    qtbot.addWidget(check)
    qtbot.addWidget(check.found)
    check._timer.setInterval(0)
    check.show_stack(stack)
    qtbot.waitUntil(lambda: not check.busy)
    return check


def test_a_line_phase_is_mentioned_without_being_asked_for(qtbot, file):
    check = checked(qtbot, nza.open_stack(file))
    assert "shifted to the right by 3.0" in check.words.text()
    assert check.words.text().endswith("Correct it?")
    assert not check.correct_button.isHidden()
    with qtbot.waitSignal(check.correction_wanted) as asked:
        click(qtbot, check.correct_button)
    assert asked.args[0] == pytest.approx(3, abs=0.05)
    check.show_stack(nza.open_stack(file, line_phase=3))
    assert (check.busy, check.found.isHidden()) == (False, True)


def test_nothing_is_said_of_lines_that_lie_where_they_should(qtbot, tmp_path, clean):
    tifffile.imwrite(tmp_path / "scan.tif", clean, photometric="minisblack", metadata=None)
    check = checked(qtbot, nza.open_stack(tmp_path / "scan.tif"))
    assert (check.words.text(), check.found.isHidden()) == ("", True)


def test_less_than_half_a_pixel_is_corrected_by_parts_of_one(qtbot):
    reading = ReadingDetails()
    qtbot.addWidget(reading)
    reading.show_line_phase(0.3)
    assert (reading.line_phase.text(), reading.subpixel.isChecked()) == ("0.3", True)


DESCRIBED = nza.Stack.from_array(
    np.zeros((20, 2, 8, 8), np.uint8),
    "TCYX",
    frames_per_slice=(8, 12),
    pixel_size_um=(1, 2),
    z_step_um=3,
    frame_times_s=np.arange(20) / 10,
).replace(said=Said(axes="TCYX", channels=2, drop_frames="3", image=1, line_phase=2.0))


def texts(widget):
    lines = [line.text() for line in widget.findChildren(QLineEdit)]
    return lines + [box.currentText() for box in widget.findChildren(QComboBox)]


def test_fields_are_empty_where_there_is_no_stack(qtbot):
    details, reading = StackDetails(), ReadingDetails()
    for widget in (details, reading):
        qtbot.addWidget(widget)
        widget.show_stack(None)
        empty = texts(widget)
        widget.show_stack(DESCRIBED)
        assert texts(widget) != empty  # the stack's own
        widget.show_stack(None)
        assert texts(widget) == empty
    assert not reading.isEnabled()


def test_it_is_said_by_hand(qtbot, viewer, panel, file):
    load = panel.zstack.load_tab
    load.open_paths([file])
    settled(qtbot, panel)
    click(qtbot, load.reading_button)
    qtbot.keyClicks(load.reading.line_phase, "2.5; 3; 2.5")
    load.reading.subpixel.setChecked(True)
    click(qtbot, load.reading.open_button)
    settled(qtbot, panel)
    said = load.stack.said
    assert (said.line_phase, said.line_phase_subpixel) == ((2.5, 3.0, 2.5), True)
    assert load.reading.line_phase.text() == "2.5; 3; 2.5"
    assert load.reading.subpixel.isChecked()
    load.reading.line_phase.setText("much")
    click(qtbot, load.reading.open_button)
    settled(qtbot, panel)
    assert "'much' is not a number" in load.run_bar.status.text()


def test_an_array_is_checked_but_has_no_file_to_open(qtbot, viewer, panel, file):
    load = panel.zstack.load_tab
    shown = show(qtbot, panel, nza.Stack.from_array(tifffile.imread(file)))
    click(qtbot, load.pixel_check.check_button)
    settled(qtbot, panel)
    assert "Every second line" in load.pixel_check.words.text()
    assert load.pixel_check.correct_button.isHidden()
    assert shown is panel.zstack.shown


def test_channels_that_look_alike_are_named(qtbot, viewer, panel, clean):
    both = np.stack([clean, clean // 2], 1)
    show(qtbot, panel, nza.Stack.from_array(both, "TCYX", channel_names=("green", "red")))
    load = panel.zstack.load_tab
    click(qtbot, load.pixel_check.check_button)
    settled(qtbot, panel)
    assert "'green' and 'red' show the same structure" in load.pixel_check.words.text()
