"""The Load tab shows what is typed before it is applied or opened again."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import tifffile
from driving import Heartbeat, click, settled
from stacks import SlowSource, small_zstack

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.picture_strip import Column, PictureStrip
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.stack import Stack


@pytest.fixture
def load(panel):
    """The tab in a window that can be seen: else nothing is read."""
    panel.window().show()
    yield panel.zstack.load_tab
    panel.window().hide()


def seen(qtbot, panel):
    """Wait for the preview, and return its captions."""
    settled(qtbot, panel)
    preview = panel.zstack.load_tab.preview
    qtbot.waitUntil(lambda: not preview.busy)
    return [column.caption for column in preview.strip.columns]


def interleaved(path):
    """6 slices × 4 repeats of two channels, which the file doesn't say."""
    rng = np.random.default_rng(0)
    slices = rng.gamma(1.0, 60.0, (6, 1, 2, 32, 40)).repeat(4, axis=1)
    planes = rng.poisson(slices + 20).reshape(-1, 32, 40)
    tifffile.imwrite(path, planes.astype(np.uint16), photometric="minisblack", metadata=None)
    return path


@pytest.mark.slow
def test_what_is_typed_is_seen_before_the_file_is_opened_again(qtbot, panel, load, tmp_path):
    load.open_paths([interleaved(tmp_path / "two.tif")])
    assert seen(qtbot, panel) == ["first frame", "second frame", "last frame"]
    stack = load.stack
    click(qtbot, load.reading_button)
    load.reading.channels.setValue(2)
    load.details.repeats.setValue(4)
    assert seen(qtbot, panel) == [
        "slice 3: first repeat",
        "slice 3: last repeat",
        "slice 4: first repeat",
    ]
    assert [len(column.pictures) for column in load.preview.strip.columns] == [2, 2, 2]
    words = load.preview.words.text()
    assert words.startswith("As typed, not applied yet: 6 slices × 4 repeats")
    assert "Press 'Open again'." in words
    assert "within slices 3 and 4" in words
    assert load.preview.strip.columns[0].names == ("channel 0", "channel 1")
    assert load.stack is stack

    load.preview.slice_box.setValue(1)
    assert seen(qtbot, panel)[2] == "slice 2: first repeat"
    click(qtbot, load.reading.open_button)
    seen(qtbot, panel)
    assert "As typed" not in load.preview.words.text()
    assert load.stack.shape[:2] == (24, 2)


@pytest.mark.slow
def test_what_cannot_be_is_said_in_place_of_pictures(qtbot, panel, load, tmp_path):
    load.open_paths([interleaved(tmp_path / "two.tif")])
    seen(qtbot, panel)
    load.reading.axes.setText("ZQ")
    assert seen(qtbot, panel) == []
    assert "'Axes: ZQ' can't be" in load.preview.words.text()
    load.details.each.setText("3, x")
    load.details.each.textEdited.emit("3, x")
    assert "is no list of repeats" in load.preview.words.text()


def test_nothing_is_read_where_nobody_looks(qtbot, panel, load):
    panel.open_tab("Align")
    stack = small_zstack(size=32)
    panel.zstack.load_stack(stack)
    assert seen(qtbot, panel) == []
    panel.open_tab("Load")
    assert seen(qtbot, panel)


@pytest.mark.slow
def test_slow_frames_hold_nothing_up(qtbot, panel, load):
    stack = small_zstack(n_slices=4, size=32)
    panel.zstack.load_stack(stack)
    seen(qtbot, panel)
    gate, reads = threading.Event(), []

    class Waiting:
        shape, dtype = stack.source.shape, stack.source.dtype

        def read(self, start, stop):
            if threading.current_thread() is threading.main_thread():
                return stack.read(start, stop)
            reads.append(start)
            assert gate.wait(20)
            return stack.read(start, stop)

    slow = Stack(Waiting(), frames_per_slice=4)
    load.show_stack(slow)
    qtbot.waitUntil(lambda: len(reads) > 0)
    heart = Heartbeat()
    for repeats in (2, 3, 4, 2):
        load.details.repeats.setValue(repeats)
        qtbot.wait(60)
    assert heart.stop() < 1
    gate.set()
    captions = seen(qtbot, panel)
    assert captions[0] == "slice 4: first repeat"  # of 8 slices of 2
    assert "8 slices × 2 repeats" in load.preview.words.text()


def test_the_last_word_wins_over_a_slow_preview(qtbot, panel, load):
    stack = small_zstack(n_slices=4, size=32)
    load.show_stack(stack.replace(name="slow"))
    load.show_stack(Stack(SlowSource(stack.source, 0.02), frames_per_slice=4))
    load.show_stack(None)
    assert load.preview.isHidden()
    load.preview.follow(_refuses)
    qtbot.waitUntil(lambda: "no such file" in load.preview.words.text())
    assert load.preview.words.text().endswith("'Frames per slice' is 3.")


def _refuses():
    raise InputError("There is no such file. frames_per_slice is 3.")


def test_a_strip_is_as_high_as_its_pictures_and_captions(qtbot):
    strip = PictureStrip()
    qtbot.addWidget(strip)
    picture = np.full((50, 100), 99, np.uint8)
    strip.resize(320, 10)
    strip.show_columns([Column("one", (picture,)), Column("two", (picture, picture))])
    low = strip.height()
    assert low > 2 * 60
    strip.show_columns(
        [Column("a caption that takes several lines at this width " * 3, (picture,))]
    )
    shown = strip.grab().toImage()
    assert shown.pixelColor(160, 20).red() == 99
    strip.show_columns(())
    assert strip.height() == 0


def test_words_take_no_more_room_than_they_need(qtbot):
    line = StatusLine()
    qtbot.addWidget(line)
    line.resize(200, 20)
    line.show()
    line.setText("One line.")
    low = line.height()
    line.setText("Many more words than there is room for in one line of this width. " * 3)
    assert line.height() > 3 * low
    line.setText("One line.")
    assert line.height() == low
