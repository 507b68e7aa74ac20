"""Images whose time, slice and channel are known, in the order in which they were taken."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings

Place: TypeAlias = tuple[Hashable, Hashable, Hashable]
"""(time, slice, channel) of an image."""


def in_frames(places: Sequence[Place], name: object) -> tuple[list[list[int]], tuple[Remark, ...]]:
    """Return the numbers of the images of each frame, one a channel.

    The last frame may lack channels, as that of an acquisition which was stopped does.

    Parameters
    ----------
    places : sequence of Place
    name : object
        What messages call the file or folder.

    Raises
    ------
    InputError
        Where other frames lack channels.
    """
    channels = list(dict.fromkeys(channel for _, _, channel in places))
    found: dict[tuple[Hashable, Hashable], dict[Hashable, int]] = {}
    for i, (time, z, channel) in enumerate(places):
        found.setdefault((time, z), {})[channel] = i
    rows = [[row[channel] for channel in channels if channel in row] for row in found.values()]
    is_whole = [len(row) == len(channels) for row in rows]
    n_whole = is_whole.index(False) if False in is_whole else len(rows)
    if len(rows) - n_whole > 1 or not n_whole:
        raise InputError(
            f"{name} has frames without some of its {len(channels)} channels: `axes='TYX'` opens "
            f"all images one behind another."
        )
    of_last = f"The last frame lacks some of its {len(channels)} channels: it was left out."
    return rows[:n_whole], as_warnings(of_last if n_whole < len(rows) else "")


def axes_of_places(
    places: Sequence[tuple[Hashable, Hashable]],
) -> tuple[str, tuple[int, ...], tuple[Remark, ...]]:
    """Return the axes of frames, the slower one first, with their sizes as far as both are whole.

    What was taken may break off within a volume, or within the repeats of a slice.

    Parameters
    ----------
    places : sequence of (time, slice)
        Of each frame.
    """
    times, slices = (list(dict.fromkeys(each)) for each in zip(*places, strict=True))
    if len(slices) == 1 or len(times) == 1:
        return ("T" if len(slices) == 1 else "Z"), (len(places),), ()
    by_volume = [(t, z) for t in times for z in slices]
    by_slice = [(t, z) for z in slices for t in times]
    for axes, grid, slow, fast in (
        ("TZ", by_volume, times, slices),
        ("ZT", by_slice, slices, times),
    ):
        if list(places) == grid[: len(places)] and len(places) > len(grid) - len(fast):
            n_left = len(places) % len(fast)
            sizes = (len(slow) - bool(n_left), len(fast))
            return axes, sizes, of_unfinished(n_left, "volume" if axes == "TZ" else "slice")
    remark = (
        "Times and slices of the images don't follow one another in a regular way: the frames "
        "were opened in the order in which they were taken. Say how they run (`frames_per_slice`, "
        "`order`)."
    )
    return "T", (len(places),), as_warnings(remark, code=RemarkCode.LAYOUT_OPEN)


def of_unfinished(n_left: int, what: str) -> tuple[Remark, ...]:
    """Say that the last frames of an acquisition which was stopped were left out."""
    if not n_left:
        return ()
    return as_notes(
        f"The last {counted(n_left, 'frame')}, of an unfinished {what}, {were(n_left)} left out."
    )
