"""A saved session whose frames are gone gets its own back, and no others."""

from __future__ import annotations

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.gui.recordings.session_files import opening_saved


def test_frames_of_another_recording_of_the_same_name_are_not_taken(recording, tmp_path):
    folder = nza.save_session([recording], tmp_path / "larva")
    own = nza.Stack.from_array(recording.stack.read(0, 40)[:, 0], name=recording.stack.name)
    other = nza.Stack.from_array(own.read(0, 40)[::-1, 0], name=own.name)

    def frames(*stacks):
        (found,) = nza.run(opening_saved(folder, stacks)).recordings
        return found.stack

    assert isinstance(frames(other).source, MissingSource)
    found = frames(other, own)
    np.testing.assert_array_equal(found.read(3, 4), own.read(3, 4))
