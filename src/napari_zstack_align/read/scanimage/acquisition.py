"""A ScanImage acquisition: which page is which frame and channel, and what the header says.

Pages are counted before the header is believed: those of one frame number are its channels. Frame
numbers give each frame its slot in time, so that skipped frames leave a gap instead of moving all
later ones to other slices. A header that the pages contradict is left aside with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.read._facts import Facts
from napari_zstack_align.read.said.layout import EVEN
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.read.scanimage.slots import Slots, recording_slots, volume_slots
from napari_zstack_align.read.scanimage.texts import PageTexts
from napari_zstack_align.read.scanimage.words import of_reading, of_settings, of_skipped
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings

MOST_FRAMES = 10**9
"""Larger frame numbers are damage."""
MOST_CHANNELS = 4
"""Pages of one frame number that are its channels, in a file of no other number."""


@dataclass(frozen=True)
class Frames:
    """Frames of an acquisition in the order of the files.

    Attributes
    ----------
    pages : numpy.ndarray
        (T, C) row of each page.
    number : numpy.ndarray, optional
        (T,) int64 number of each frame, counted from 1, increasing; None where it isn't known.
    is_from_start : bool
        Whether numbers count from the start of the acquisition.
    time_s : numpy.ndarray, optional
        (T,) None where they aren't known.
    """

    pages: npt.NDArray[np.intp]
    number: npt.NDArray[np.int64] | None
    is_from_start: bool
    time_s: npt.NDArray[np.float64] | None


def arranged(
    header: Header, texts: PageTexts, shape: tuple[int, int]
) -> tuple[Facts, npt.NDArray[np.intp]]:
    """Put the pages of an acquisition together to frames.

    Parameters
    ----------
    header : Header
    texts : PageTexts
        Of all pages in the order of acquisition.
    shape : tuple of int
        (Y, X) of a page.

    Returns
    -------
    facts : Facts
    planes : numpy.ndarray
        (T, C) row of each page; those of `Facts.missing` are others' and not to be read.
    """
    frames, odd = frames_of(header, texts)
    number = np.arange(1, len(frames.pages) + 1) if frames.number is None else frames.number
    if header.has_slices:
        slots = volume_slots(header, number, frames.is_from_start)
    else:
        slots = recording_slots(header, number)
    rows = _rows_of(slots)
    times, of_times = _times(header, frames, slots)
    n_channels = frames.pages.shape[1]
    z_step = _z_step(header) if header.has_slices else None
    facts = Facts(
        axes="T",
        sizes=(len(slots.frame),),
        pixel_size_um=_pixel_size(header, shape),
        z_step_um=z_step,
        frame_times_s=times,
        channel_names=_channel_names(header, n_channels),
        layout=slots.layout,
        flyback=slots.flyback,
        missing=tuple(np.flatnonzero(slots.frame < 0).tolist()),
        z_positions_um=_depths(header, slots),
        started_at=header.started_at,
        remarks=(
            *as_notes(of_reading(header, slots, n_channels, z_step), code=RemarkCode.READ_AS),
            *as_notes(of_settings(header, slots)),
            *odd,
            *slots.remarks,
            *as_warnings(of_skipped(slots)),
            *of_times,
        ),
    )
    return facts, frames.pages[rows]


def frames_of(header: Header, texts: PageTexts) -> tuple[Frames, tuple[Remark, ...]]:
    """Put pages of one frame number together, or as many as there are channels."""
    n_pages = len(texts.time_s)
    number, is_from_start = _page_numbers(texts)
    n_saved = len(header.channels) or 1
    if number is None:
        n_channels = n_saved
        remarks: tuple[Remark, ...] = ()
    else:
        n_channels, remarks = _pages_a_frame(number, n_saved)
    n_frames, rest = divmod(n_pages, n_channels)
    if n_frames == 0:
        n_channels, n_frames, rest = 1, n_pages, 0
    if rest:
        remarks += as_warnings(
            f"The last frame has {rest} of its {n_channels} channels: it was left out."
        )
    pages = np.arange(n_frames * n_channels).reshape(n_frames, n_channels)
    first = None if number is None else number[pages[:, 0]]
    if first is not None and not (np.diff(first) > 0).all():
        first = None
        remarks += as_warnings(
            "The frame numbers in the file don't increase, as if it held several acquisitions: "
            "frames were taken as they lie in the file."
        )
    times = texts.time_s[pages[:, 0]]
    known = np.isfinite(times).all() and (len(times) < 2 or (np.diff(times) != 0).any())
    return Frames(pages, first, is_from_start, times if known else None), remarks


def _page_numbers(texts: PageTexts) -> tuple[npt.NDArray[np.int64] | None, bool]:
    """Frame number of each page, and whether it counts from the start of the acquisition."""
    of_all, of_one = texts.number, texts.number_in_acquisition
    if _are_numbers(of_one) and (np.ptp(of_one) > 0 or not _are_numbers(of_all)):
        return of_one.astype(np.int64), True
    if _are_numbers(of_all):
        return of_all.astype(np.int64), not (texts.acquisition > 1).any()
    return None, False


def _are_numbers(numbers: npt.NDArray[np.float64]) -> bool:
    return bool(((numbers >= 1) & (numbers < MOST_FRAMES)).all())


def _pages_a_frame(number: npt.NDArray[np.int64], n_saved: int) -> tuple[int, tuple[Remark, ...]]:
    """Channels of a frame: how many pages follow one another with one frame number."""
    starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    counts = np.diff(np.append(starts, len(number)))
    usual = int(counts[0])
    is_even = (counts[:-1] == usual).all() and counts[-1] <= usual
    if not is_even:
        return n_saved, as_warnings(
            "The frame numbers in the file vary in how many pages they have: channels were taken "
            "from the header."
        )
    if len(counts) == 1 and usual > MOST_CHANNELS:  # numbers that stand still
        usual = n_saved
    if usual == n_saved:
        return usual, ()
    return usual, as_warnings(
        f"The header speaks of {counted(n_saved, 'saved channel')}, but each frame number has "
        f"{counted(usual, 'page')}: they were read as {counted(usual, 'channel')}."
    )


def _rows_of(slots: Slots) -> npt.NDArray[np.intp]:
    """Frame that stands in each slot; in an empty one that before, which isn't read."""
    filled = np.maximum.accumulate(np.where(slots.frame >= 0, slots.frame, -1))
    return np.where(filled < 0, slots.frame[slots.frame >= 0][0], filled)


def _times(
    header: Header, frames: Frames, slots: Slots
) -> tuple[npt.NDArray[np.float64] | None, tuple[Remark, ...]]:
    """Time of each slot: of its frame, or in between; by the frame rate where there is none."""
    there = slots.frame >= 0
    if frames.time_s is not None:
        times = frames.time_s[slots.frame[there]]
        if there.all():
            return times, ()
        spread = np.interp(np.arange(len(there)), np.flatnonzero(there), times)
        return np.asarray(spread, np.float64), ()
    is_slow = slots.layout is not None and not header.is_fast
    if header.frame_rate_hz is None or is_slow:
        return None, ()
    by_rate = slots.number.astype(np.float64) * (header.averaged / header.frame_rate_hz)
    return by_rate, as_notes(
        f"The file gives no time of each frame: times follow from {header.frame_rate_hz:.4g} "
        f"frames per second."
    )


def _pixel_size(header: Header, shape: tuple[int, int]) -> tuple[float, float] | None:
    """(y, x) in µm of a page that shows the whole field of view."""
    field = None if header.is_mroi else header.field_um()
    if field is None and len(header.rois) == 1 and header.um_per_degree is not None:
        field = tuple(size * header.um_per_degree for size in header.rois[0].size)  # type: ignore[assignment]
    if field is None or min(field) <= 0:
        return None
    return field[0] / shape[0], field[1] / shape[1]


def _channel_names(header: Header, n_channels: int) -> tuple[str, ...]:
    if len(header.channels) != n_channels:
        return ()
    names = header.channel_names
    if all(c <= len(names) for c in header.channels):
        return tuple(names[c - 1] for c in header.channels)
    return tuple(f"Channel {c}" for c in header.channels)


def slice_depths(header: Header) -> tuple[float, ...]:
    """Depth of each slice; also where the header lists that of every frame of a volume."""
    depths, n_slices = header.depths_um, header.n_slices
    if len(depths) > n_slices and len(depths) % n_slices == 0:
        rows = np.array(depths).reshape(n_slices, -1)
        depths = tuple(rows[:, 0].tolist()) if (rows == rows[:, :1]).all() else ()
    return depths if len(depths) == n_slices else ()


def _z_step(header: Header) -> float | None:
    """Distance of slices, which the list of depths knows better; None where they are uneven."""
    steps = np.abs(np.diff(slice_depths(header)))
    if not len(steps) or not steps.any():
        return header.z_step_um
    step = float(np.median(steps))
    return step if step > 0 and (np.abs(steps - step) <= EVEN * step).all() else None


def _depths(header: Header, slots: Slots) -> tuple[float, ...] | None:
    """Depths of slices that lie unevenly."""
    depths = slice_depths(header)
    if slots.layout is None or not any(np.diff(depths)) or _z_step(header) is not None:
        return None
    return depths[: slots.n_slices]
