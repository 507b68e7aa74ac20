from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.gui.recordings.chunk_words import chunk_words
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.words import ended, remarks_of


def alignment(flags=("", ""), remarks=()) -> nza.Alignment:
    stack = nza.Stack.from_array(np.ones((4, 8, 8), np.uint16), name="larva <1>")
    quality = empty_table(4, "chunk")
    quality["correlation_before"], quality["correlation_after"] = 0.2, 0.8
    chunks = empty_chunks(2)
    chunks["flag"] = flags
    quality["flag"] = np.repeat(flags, 2)
    quality["used"] = quality["flag"] == ""
    return nza.Alignment(
        stack,
        identity(4, (8, 8)),
        np.ones((8, 8), np.float32),
        quality,
        nza.KeypointParams(),
        provenance={"remarks": remarks},
        chunks=chunks,
    )


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ("", ""),
            "2 of 2 recordings registered; median correlation with the others 0.20 before, "
            "0.80 after.",
        ),
        (
            ("", "blank"),
            "2 of 2 recordings registered; 1 chunk flagged (red crosses in the map); 2 frames "
            "flagged; median correlation with the others 0.20 before, 0.80 after.",
        ),
        (
            ("", "not run"),
            "1 of 2 recordings registered; what is done is kept and can be saved; median "
            "correlation with the others 0.20 before, 0.80 after.",
        ),
        (
            ("unmatched recording", "unmatched recording"),
            "1 of 2 recordings registered; 1 recording without any match; 2 chunks flagged (red "
            "crosses in the map); 4 frames flagged; median correlation with the others 0.20 "
            "before, 0.80 after.",
        ),
    ],
    ids=["good", "flagged", "cancelled", "unmatched"],
)
def test_how_a_run_ended(flags, expected):
    assert ended([alignment(), alignment(flags)]) == expected


def test_remarks_name_their_recording():
    odd = alignment(remarks=("This is probably another plane.",))
    recordings = [Recording(odd.stack, [], None, a) for a in (alignment(), odd, None)]
    assert remarks_of(recordings) == ("⚠ <b>larva &lt;1&gt;</b>: This is probably another plane.")


@pytest.mark.parametrize(
    ("lengths", "interval", "expected"),
    [
        ([100], 0.1, "Chunks of 50 frames (5 s); 2 in all."),
        ([100, 100], 0.1, "Chunks of 50 frames (5 s); 2 a recording, 4 in all."),
        (
            [100, 260],
            None,
            "Chunks of 50 frames (frame rate unknown); 2 to 5 a recording, 7 in all.",
        ),
        ([], None, "Add recordings to see how many chunks that makes."),
    ],
    ids=["one", "two", "unequal", "none"],
)
def test_chunk_size_in_words(lengths, interval, expected):
    stacks = [
        nza.Stack.from_array(
            np.zeros((n, 2, 2), np.uint8),
            frame_times_s=None if interval is None else np.arange(n) * interval,
        )
        for n in lengths
    ]
    assert chunk_words(stacks, nza.KeypointParams(chunk_frames=50)) == expected


def test_frames_that_could_not_be_judged_are_counted():
    unsure = alignment()
    unsure.quality["correlation_after"] = np.nan
    doubt, words = ended([unsure]).splitlines()
    assert doubt.startswith("⚠ None of the frames was judged")
    assert words == (
        "1 of 1 recordings registered; 4 frames not judged (nothing to compare them with)."
    )
