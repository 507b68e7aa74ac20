"""Settings in sentences: the words of Python become those of the command line and the panel."""

from inspect import signature

import pytest

from napari_zstack_align.read import open_stack
from napari_zstack_align.settings import OPENING, in_flags, in_titles


@pytest.mark.parametrize(
    ("sentence", "flags", "titles"),
    [
        ("Give `dark_level`.", "Give --dark-level.", "Give 'Dark level'."),
        ("For µm, `pixel_size_um`.", "For µm, --pixel-size.", "For µm, 'Pixel size'."),
        ("with `frame_times_s`", "with --frame-rate", "with 'Frame times'"),
        (
            "`frames_per_slice=9, order='slices'`!",
            "--frames-per-slice 9 --order slices!",
            "'Frames per slice: 9, Order: slices'!",
        ),
        (
            "`frames_per_slice=1` of the reference",
            "--reference-frames-per-slice 1",
            "'Frames per slice: 1' of the reference",
        ),
        (
            "For µm, read the traces with `pixel_size_um`.",
            "For µm, read the traces with --pixel-size.",
            "For µm, type the 'Pixel size y × x (µm)' on the Load tab, and read the traces again "
            "(a recording of a session: load it there, and add it with 'Layers' on the Recordings "
            "tab).",
        ),
        ("or `overwrite=True`.", "or --overwrite.", "or 'Overwrite'."),
        ("A file `My File` stays, a ` too.", None, None),
        ("drop_frames is 3: give", None, "'Drop frames' is 3: give"),
        ("order='slices' needs it.", None, "'Order: slices' needs it."),
        ("too few for n_chunks=5: a chunk", None, "too few for 'N chunks: 5': a chunk"),
        ("The order: axes='Q' can't be.", None, "The order: 'Axes: Q' can't be."),
        ("/a/drop_frames.csv, drop_frames.npy, my_drop_frames stay.", None, None),
    ],
)
def test_each_place_reads_its_own_words(sentence, flags, titles) -> None:
    assert in_flags(sentence) == (flags or sentence)
    assert in_titles(sentence) == (titles or sentence)


def test_every_setting_of_files_is_known() -> None:
    named = set(signature(open_stack).parameters) - {"path_or_paths"}
    assert named <= set(OPENING)
