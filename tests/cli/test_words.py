"""The last line counts what it should."""

import napari_zstack_align as nza
from napari_zstack_align.cli.words import summary


def test_recordings(recording):
    said = "40 frames in 2 chunks: 2 flagged (2 bridged), 2 left out of the means."
    assert summary(recording) == said


def test_zstacks(aligned):
    said = summary(nza.load_alignment(aligned))
    assert said.startswith("12 frames in 3 slices: ")
    assert "left out of the volume" in said
