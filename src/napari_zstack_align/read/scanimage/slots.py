"""The place of each frame of a ScanImage acquisition among slices and volumes.

A volume has ``n_slices`` × ``frames_per_slice`` slots, and those of the flyback behind them. A
frame stands in the slot that its number gives, so that a skipped frame leaves an empty slot and
moves no other one. Where frames have no numbers, each takes the next slot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import are, counted, were
from napari_zstack_align.layout import Layout
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings

MOST_EMPTY = 0.5
"""Where a larger part of the slots has no frame, the layout isn't that of the header."""


@dataclass(frozen=True)
class Slots:
    """Slots in the order of acquisition.

    Attributes
    ----------
    frame : numpy.ndarray
        (S,) frame in each slot, -1 for none.
    number : numpy.ndarray
        (S,) place of each slot in time, counted in frames as they were scanned and saved.
    layout : Layout, optional
        Of the slots without those of the flyback; None for a recording.
    flyback : Dropped, optional
    n_slices : int
        0 for a recording.
    n_skipped : int
        Frames that the microscope skipped.
    remarks : tuple of Remark
    """

    frame: npt.NDArray[np.intp]
    number: npt.NDArray[np.int64]
    layout: Layout | None = None
    flyback: Dropped | None = None
    n_slices: int = 0
    n_skipped: int = 0
    remarks: tuple[Remark, ...] = ()


def recording_slots(header: Header, number: npt.NDArray[np.int64]) -> Slots:
    """One slot a frame; skipped frames leave a gap in time alone."""
    place = _places(header, number, False)
    skipped = int(place[-1]) + 1 - len(place)
    return Slots(frame=np.arange(len(number)), number=place, n_skipped=skipped)


def volume_slots(header: Header, number: npt.NDArray[np.int64], is_from_start: bool) -> Slots:
    """Slots of slices and volumes, or those of a recording where the header doesn't fit.

    Parameters
    ----------
    header : Header
    number : numpy.ndarray
        (T,) increasing, from 1.
    is_from_start : bool
        Whether numbers count from the start of the acquisition.
    """
    volume = _Volume.of(header)
    if volume is None:
        return _left_open(header, number, "its numbers contradict each other")
    place = _places(header, number, is_from_start)
    volume = volume.as_saved(header, place)
    of_volume, in_volume = np.divmod(place, volume.period)
    first = int(of_volume[0])
    first += bool(in_volume[0] and first)  # a file that begins within a volume
    stop = int(of_volume[-1]) + bool(in_volume[-1] >= volume.n_frames - 1)
    if why := _contradiction(header, volume, of_volume, stop):
        return _left_open(header, number, why)
    if stop <= first:
        return _begun(header, volume, number, place)
    is_flyback = in_volume >= volume.n_frames
    kept = np.flatnonzero((of_volume >= first) & (of_volume < stop))
    if is_flyback.any():
        step, flyback = (
            volume.period,
            Dropped(flyback="last", count=volume.period - volume.n_frames, of=volume.period),
        )
    else:
        step, flyback = volume.n_frames, None
    slot = (of_volume[kept] - first) * step + in_volume[kept]
    n_slots = max(int(slot[-1]) + 1, (stop - first - 1) * step + volume.n_frames)
    frame = np.full(n_slots, -1)
    frame[slot] = kept
    skipped = int((frame[np.arange(n_slots) % step < volume.n_frames] < 0).sum())
    if skipped > MOST_EMPTY * n_slots:
        return _left_open(header, number, "most of the slots that it speaks of have no frame")
    n_volumes = stop - first
    repeats = n_volumes * volume.in_turn
    layout = Layout(repeats, "slices", volume.in_turn) if n_volumes > 1 else Layout(repeats)
    slots = np.arange(n_slots)
    return Slots(
        frame=frame,
        number=slots // step * volume.period + slots % step,
        layout=layout,
        flyback=flyback,
        n_slices=header.n_slices,
        n_skipped=skipped,
        remarks=_on_the_rest(header, n_volumes, len(number) - len(kept)),
    )


@dataclass(frozen=True)
class _Volume:
    """Frames of a volume as they were saved.

    ``period`` are those from one volume to the next.
    """

    in_turn: int
    n_frames: int
    period: int

    @classmethod
    def of(cls, header: Header) -> _Volume | None:
        """Read it from the header; None where that contradicts itself."""
        scanned, averaged = header.frames_per_slice, header.averaged
        if header.is_fast and header.frames_per_volume is not None:
            scanned, rest = divmod(header.frames_per_volume, header.n_slices)
            if rest or not scanned:
                return None
        if scanned > averaged and scanned % averaged:
            return None
        in_turn = max(scanned // averaged, 1)
        n_frames = in_turn * header.n_slices
        flyback = 0
        is_of_now = header.frames_per_volume in (None, header.n_slices * scanned)
        if header.with_flyback is not None and is_of_now:
            flyback = max(header.with_flyback - header.n_slices * scanned, 0)
        return cls(in_turn, n_frames, n_frames + flyback)

    def as_saved(self, header: Header, place: npt.NDArray[np.int64]) -> _Volume:
        """Find out whether the flyback is in the file, where frames are numbered without gaps."""
        n, planned = len(place), header.n_volumes
        without = replace(self, period=self.n_frames)
        if self.period == self.n_frames or (np.diff(place) != 1).any():
            return self
        if n in ((planned or 0) * self.period, (planned or 0) * self.period - self.flyback):
            return self
        if planned and n == planned * self.n_frames:
            return without
        is_discarded = n % self.period and n % self.n_frames == 0 and header.discards_flyback
        return without if is_discarded else self

    @property
    def flyback(self) -> int:
        """Frames between volumes."""
        return self.period - self.n_frames


def _places(
    header: Header, number: npt.NDArray[np.int64], is_from_start: bool
) -> npt.NDArray[np.int64]:
    """Place of each frame, counted from 0, in frames as they were saved."""
    steps = np.diff(number)
    unit = header.averaged
    if unit == 1 or not len(steps) or (steps % unit).any():
        unit = 1
    first = 1 if is_from_start else int(number[0])
    return (number - first) // unit


def _contradiction(
    header: Header, volume: _Volume, of_volume: npt.NDArray[np.int64], stop: int
) -> str:
    """Say what of the header the number of frames contradicts; '' for nothing."""
    planned = header.n_volumes
    last = int(of_volume[-1]) + 1
    if planned is not None and last - int(of_volume[0]) > planned:
        return f"it plans {counted(planned, 'volume')}"
    if planned is None and not header.is_fast and last > 1 and stop < last:
        return f"they are no multiple of {volume.n_frames:,}"
    return ""


def _begun(
    header: Header,
    volume: _Volume,
    number: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
) -> Slots:
    """Slices of a volume that was stopped before its end; a slice that was begun is a short one."""
    if place[0] >= volume.period or place[-1] >= volume.period:
        return _left_open(header, number, "no volume is whole")
    inside = np.flatnonzero(place < volume.n_frames)
    n_slots = int(place[inside[-1]]) + 1 if len(inside) else 0
    if n_slots < volume.in_turn:
        return _left_open(header, number, "not one slice is whole")
    frame = np.full(n_slots, -1)
    frame[place[inside]] = inside
    skipped = int((frame < 0).sum())
    if skipped > MOST_EMPTY * n_slots:
        return _left_open(header, number, "most of the slots that it speaks of have no frame")
    n_slices = -(-n_slots // volume.in_turn)
    return Slots(
        frame=frame,
        number=np.arange(n_slots),
        layout=Layout(volume.in_turn),
        n_slices=n_slices,
        n_skipped=skipped,
        remarks=as_warnings(
            f"The acquisition was stopped early, or files of it are missing: "
            f"{n_slots // volume.in_turn} of its {header.n_slices} slices are whole."
        ),
    )


def _on_the_rest(header: Header, n_volumes: int, n_left: int) -> tuple[Remark, ...]:
    """Say what an acquisition that was stopped lacks, and what was left out of it."""
    planned = header.n_volumes or n_volumes
    remarks: tuple[Remark, ...] = ()
    if n_volumes < planned:
        remarks = as_notes(
            f"{n_volumes:,} of the {counted(planned, 'volume')} that were planned "
            f"{are(n_volumes)} whole: the acquisition was stopped early, or files of it are "
            f"missing."
        )
    if n_left:
        remarks += as_warnings(
            f"{counted(n_left, 'frame')} of a volume that isn't whole {were(n_left)} left out."
        )
    return remarks


def _left_open(header: Header, number: npt.NDArray[np.int64], why: str) -> Slots:
    """Return the slots of a recording, with a warning: the header isn't that of these frames."""
    slots = recording_slots(header, number)
    planned = f"{counted(header.n_slices, 'slice')} × {counted(header.frames_per_slice, 'frame')}"
    averaged = f", {header.averaged} averaged," if header.averaged > 1 else ""
    warning = Remark(
        f"The header speaks of {planned}{averaged} but doesn't fit the "
        f"{counted(len(number), 'frame')}: {why}. The layout was left open: give "
        f"`frames_per_slice`, and `order` where volumes repeat.",
        code=RemarkCode.LAYOUT_OPEN,
    )
    return replace(slots, remarks=(warning,))
