"""Settings in sentences: the words of Python become those of the command line and the panel."""

import pytest

from napari_zstack_align.settings import in_flags, in_titles


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
    ],
)
def test_each_place_reads_its_own_words(sentence, flags, titles) -> None:
    assert in_flags(sentence) == (flags or sentence)
    assert in_titles(sentence) == (titles or sentence)
