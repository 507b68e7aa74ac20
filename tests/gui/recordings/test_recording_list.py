from __future__ import annotations

import numpy as np
import pytest
from driving import settled

import napari_zstack_align as nza
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.recording_list import RecordingList
from napari_zstack_align.remark import as_notes, as_warnings

from .test_words import alignment

NOTE, WARNING = as_notes("Still tissue."), as_warnings("Another plane.")


def of(remarks=(), of_file=()) -> Recording:
    stack = nza.Stack.from_array(np.ones((4, 8, 8), np.uint16), name="larva", remarks=of_file)
    return Recording(stack, [], alignment=alignment(remarks=remarks))


@pytest.mark.parametrize(
    ("recording", "shown", "says"),
    [
        (of(), "larva", ""),
        (of(NOTE), "larva", "Still tissue."),
        (of(WARNING), "⚠ larva", "⚠ Another plane."),
        (of(NOTE + WARNING), "⚠ larva", "Still tissue.\n⚠ Another plane."),
        (of(of_file=NOTE), "larva", "Still tissue."),
        (of(of_file=WARNING), "⚠ larva", "⚠ Another plane."),
    ],
    ids=["neither", "note", "warning", "both", "note of the file", "warning of the file"],
)
def test_only_a_warning_puts_a_sign_on_a_row(qtbot, recording, shown, says):
    rows = RecordingList()
    qtbot.addWidget(rows)
    rows.set_recordings([recording])
    item = rows.topLevelItem(0)
    assert item.text(0) == shown
    assert item.toolTip(0).endswith(says)


@pytest.mark.parametrize("n_frames", [1, 2, 4, 5])
def test_a_short_recording_suggests_a_chunk_size_that_is_allowed(qtbot, panel, n_frames):
    frames = np.random.default_rng(0).integers(1, 99, (n_frames, 32, 32)).astype(np.uint16)
    panel.recordings.add_stacks([nza.Stack.from_array(frames)])
    settled(qtbot, panel)
    field = panel.recordings.tab.form.fields["chunk_frames"]
    assert field.get() is None
    assert field.widget.value == 5
