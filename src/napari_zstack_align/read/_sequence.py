"""Several sources, one behind the other, as one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, Opened, layout, times
from napari_zstack_align.read._same_facts import without_contradicted
from napari_zstack_align.read._time_axis import FileTimes, TimeAxis, one_time_axis
from napari_zstack_align.remark import as_notes, as_warnings
from napari_zstack_align.sources import FramesOf, FrameSource, reads_singly


class SequenceSource:
    """Frames of sources of one shape and type along T."""

    def __init__(self, sources: tuple[FrameSource, ...]) -> None:
        self._sources = sources
        self._borders = np.cumsum([0, *(source.shape[0] for source in sources)])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return int(self._borders[-1]), *self._sources[0].shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self._sources[0].dtype

    @property
    def reads_singly(self) -> bool:
        """See `sources.reads_singly`."""
        return all(map(reads_singly, self._sources))

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Frames ``start`` to ``stop`` as (stop - start, C, Y, X)."""
        out = np.empty((max(stop - start, 0), *self.shape[1:]), self.dtype)
        first = int(np.searchsorted(self._borders, start, side="right")) - 1
        for source, border in zip(self._sources[first:], self._borders[first:], strict=False):
            if border >= stop:
                break
            a, b = max(start, int(border)), min(stop, int(border) + source.shape[0])
            out[a - start : b - start] = source.read(a - int(border), b - int(border))
        return out


def in_sequence(opened: list[Opened]) -> Opened:
    """Join opened files along T.

    Raises
    ------
    InputError
        If they differ in shape or type.
    """
    if len(opened) == 1:
        return opened[0]
    lengths = [one.source.shape[0] for one in opened]
    opened = [_without_flyback(one) for one in opened]
    first = opened[0]
    for other in opened[1:]:
        if _frame(other.source) != _frame(first.source):
            raise InputError(
                f"{other.paths[0]} holds frames of {_frame(other.source)}, but "
                f"{first.paths[0].name} of {_frame(first.source)}: frames of one stack must have "
                f"one shape and type."
            )
    source = SequenceSource(tuple(one.source for one in opened))
    remarks = tuple(dict.fromkeys(remark for one in opened for remark in one.facts.remarks))
    if any(layout(one.facts) is not None for one in opened):
        remarks += as_warnings(
            f"{len(opened)} files, of which some are z-stacks, were joined: how their frames "
            f"follow one another has to be said (`frames_per_slice`, `order`)."
        )
    axis = _time_axis(opened)
    numbers, missing = _numbers(opened, lengths)
    facts = Facts(
        sizes=(source.shape[0],),
        frame_times_s=axis.times_s,
        started_at=axis.started_at,
        numbers=numbers,
        missing=missing,
        pixel_size_um=first.facts.pixel_size_um,
        z_step_um=first.facts.z_step_um,
        channel_names=first.facts.channel_names,
        remarks=(*remarks, *axis.remarks),
    )
    later = [(one.paths[0], one.facts) for one in opened[1:]]
    facts = without_contradicted(facts, first.paths[0], later)
    paths = tuple(path for one in opened for path in one.paths)
    return Opened(source, paths, facts, all(one.is_planes for one in opened))


def _without_flyback(opened: Opened) -> Opened:
    """Leave flyback out of one file: the volumes of the next begin anew."""
    flyback, n_frames = opened.facts.flyback, opened.source.shape[0]
    if flyback is None or opened.is_planes:
        return opened
    facts = opened.facts
    remarks = (*facts.remarks, *as_notes(flyback.said(n_frames)))
    staying, known = flyback.staying(n_frames), times(facts, n_frames)
    facts = replace(
        facts,
        flyback=None,
        frame_times_s=None if known is None else known[staying],
        numbers=staying if facts.numbers is None else facts.numbers[staying],
        remarks=remarks,
    )
    return replace(opened, source=FramesOf(opened.source, staying), facts=facts)


def _time_axis(opened: list[Opened]) -> TimeAxis:
    """Times of all frames; unknown where images are still to be put together to frames."""
    if any(one.is_planes for one in opened):
        return TimeAxis(None, opened[0].facts.started_at)
    return one_time_axis(
        [FileTimes.of(one.paths[0].name, one.facts, one.source.shape[0]) for one in opened]
    )


def _numbers(
    opened: list[Opened], lengths: list[int]
) -> tuple[npt.NDArray[np.intp] | None, tuple[int, ...]]:
    """Number of each frame, counted over all files, and those that are missing.

    ``lengths`` are those of the files with the flyback that may end them.
    """
    numbers, missing, n_before = [], [], 0
    for one, length in zip(opened, lengths, strict=True):
        n_frames, known = one.source.shape[0], one.facts.numbers
        own = np.arange(n_frames) if known is None else known
        numbers.append(n_before + own)
        missing += [n_before + t for t in one.facts.missing]
        n_before += max(length, int(own[-1]) + 1)
    joined = np.concatenate(numbers)
    counts_on = np.array_equal(joined, np.arange(len(joined)))
    return None if counts_on else joined, tuple(missing)


def _frame(source: FrameSource) -> str:
    _, n_channels, n_rows, n_columns = source.shape
    channels = f" × {n_channels} channels" if n_channels > 1 else ""
    return f"{n_rows} × {n_columns}{channels} {source.dtype}"
