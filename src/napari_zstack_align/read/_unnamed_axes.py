"""What arrays of four axes are taken for that name none of them."""

from __future__ import annotations

from napari_zstack_align.remark import Remark, as_notes, as_warnings

USUAL_CHANNELS = 4
"""More channels than that are a warning."""


def as_channels(shape: tuple[int, ...], mend: str) -> tuple[Remark, ...]:
    """Say that the second of four axes is taken for channels.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    mend : str
        What to do where its axes are slices and repeats; follows 'If they are ...,'.
    """
    if len(shape) != 4 or shape[1] == 1:
        return ()
    n_frames, n_channels = shape[:2]
    as_remarks = as_notes if n_channels <= USUAL_CHANNELS else as_warnings
    return as_remarks(
        f"The array's four axes are taken for (frames, channels, y, x): {n_frames} frames of "
        f"{n_channels} channels. If they are (slices, repeats, y, x), {mend}"
    )


def as_frames(shape: tuple[int, ...]) -> tuple[Remark, ...]:
    """Say that the first two of four axes are taken for frames that follow one another."""
    if len(shape) != 4 or min(shape[:2]) == 1:
        return ()
    first, second = shape[:2]
    return as_notes(
        f"The array's four axes have no names: its {first} × {second} images are taken for "
        f"{first * second} frames after one another. If they are (slices, repeats, y, x), give "
        f"`frames_per_slice={second}`; if the second axis is channels, `channels={second}`."
    )
