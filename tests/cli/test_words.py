"""The last line counts what it should."""

from napari_zstack_align.cli.words import summary


def test_recordings(recording):
    said = "40 frames in 2 chunks: 2 flagged (2 bridged), 2 left out of the means."
    assert summary(recording) == said


def test_zstacks(alignment):
    assert summary(alignment).startswith("12 frames in 3 slices: ")
    assert "left out of the volume" in summary(alignment)
