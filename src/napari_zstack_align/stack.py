"""`Stack`: frames in acquisition order as a lazy array, with what the microscope wrote on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import DroppedFrameError, InputError
from napari_zstack_align.frame_times import frame_interval_s, median_step_s
from napari_zstack_align.layout import FramesPerSlice, Layout, Order, layout_of_axes
from napari_zstack_align.lazy import LazyFrames
from napari_zstack_align.remark import Remark, as_remarks
from napari_zstack_align.said import Said
from napari_zstack_align.sources import (
    ArraySource,
    FramesOf,
    FrameSource,
    WithGaps,
    as_array,
    reads_singly,
)

CHUNK_BYTES = 12 * 2**20
"""Size of a dask chunk of whole frames: smaller cost scheduling, larger ones stall scrolling."""

READ_BYTES = 2**20
"""Frames of so many bytes are still in the processor's cache when they are worked on."""

AXES = "TVCZRYX"

LOW_FRAMES, LOW_PIXELS, LOW_PERCENT = 16, 2**17, 1.0
"""The darkest pixels are this percentile of about so many pixels of each of so many frames."""

MOST_FRAMES, MOST_CHANNELS = 10**9, 10**4
"""More are damage: a year at 30 Hz, and a table of names that would fill the memory."""


@dataclass(frozen=True, eq=False, repr=False)
class Stack:
    """Frames of one z-stack or one recording, lazy, in acquisition order.

    Make one with ``open_stack`` (files) or :meth:`Stack.from_array` (arrays).

    Attributes
    ----------
    source : FrameSource
        Where the frames are read from.
    pixel_size_um : tuple of float, optional
        Size of a pixel (y, x) in µm; None where unknown.
    z_step_um : float, optional
        Distance between slices in µm; None where unknown.
    frame_times_s : numpy.ndarray, optional
        (T,) float64, start of each frame in s; None where unknown.
    channel_names : tuple of str
        One a channel.
    frames_per_slice : int or tuple of int, optional
        Repeats of a slice: volumes for 'slices', sweeps for 'up-and-down'; one number for each
        slice where they vary. None together with ``order``: a recording.
    order : {'repeats', 'slices', 'up-and-down', 'up-and-down-once'}, optional
        What runs fastest in acquisition order, see `layout.Order`.
    frames_in_turn : int
        Frames of a slice that follow one another in each volume of 'slices'; nearly always 1.
    z_positions_um : tuple of float, optional
        Depth of each slice in µm, where slices may lie unevenly; None where unknown.
    frame_numbers : numpy.ndarray, optional
        (T,) number of each frame in its files, counted from 0; None where none was left out.
    dropped : tuple of int
        Frames that keep their place among the repeats and their time, but have no pixels: all jobs
        flag them.
    missing : tuple of int
        Frames that keep their place and time, but aren't in the files: the microscope skipped
        them, or their file is gone. All jobs flag them too.
    started_at : datetime.datetime, optional
        What the microscope's clock showed at time 0 of ``frame_times_s``.
    said : Said
        What was said at opening of how the files are to be read.
    name : str
        A short name for layers and files.
    paths : tuple of pathlib.Path
        The files it was read from; empty for an array.
    remarks : tuple of Remark
        What was odd in the source, a sentence each; plain sentences become warnings.
    """

    source: FrameSource
    pixel_size_um: tuple[float, float] | None = None
    z_step_um: float | None = None
    frame_times_s: npt.NDArray[np.float64] | None = None
    channel_names: tuple[str, ...] = ()
    frames_per_slice: FramesPerSlice | None = None
    order: Order | None = None
    name: str = "stack"
    paths: tuple[Path, ...] = ()
    remarks: tuple[Remark, ...] = ()
    frames_in_turn: int = 1
    z_positions_um: tuple[float, ...] | None = None
    frame_numbers: npt.NDArray[np.intp] | None = None
    dropped: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    started_at: datetime | None = None
    said: Said = field(default=Said())

    def __post_init__(self) -> None:
        object.__setattr__(self, "remarks", as_remarks(self.remarks))
        check_pixels(self.source.dtype, self.source.shape, self.name)
        n_frames, n_channels = self.source.shape[:2]
        if self.frames_per_slice is None and self.order is not None:
            raise InputError(
                f"order='{self.order}' needs frames_per_slice: say how many repeats each slice has."
            )
        if self.frames_per_slice is None:
            object.__setattr__(self, "frames_in_turn", 1)
        else:
            layout = Layout(self.frames_per_slice, self.order or "repeats", self.frames_in_turn)
            object.__setattr__(self, "frames_per_slice", layout.frames_per_slice)
            object.__setattr__(self, "order", layout.order)
            layout.check(n_frames, self.name)
        _check_size("pixel_size_um", self.pixel_size_um, 2)
        _check_size("z_step_um", self.z_step_um, 1)
        if not self.channel_names:
            names = tuple(f"channel {c}" for c in range(n_channels))
            object.__setattr__(self, "channel_names", names)
        elif len(self.channel_names) != n_channels:
            raise InputError(
                f"{self.name} has {counted(n_channels, 'channel')}, but channel_names has "
                f"{len(self.channel_names)}: give one name a channel."
            )
        if self.frame_times_s is not None and np.shape(self.frame_times_s) != (n_frames,):
            raise InputError(
                f"{self.name} has {counted(n_frames, 'frame')}, but frame_times_s has "
                f"{np.size(self.frame_times_s)}: give one time a frame."
            )
        self._check_positions()

    @classmethod
    def from_array(
        cls,
        data: Any,
        axes: str = "TYX",
        *,
        frames_per_slice: FramesPerSlice | None = None,
        order: Order | None = None,
        pixel_size_um: tuple[float, float] | None = None,
        z_step_um: float | None = None,
        frame_times_s: npt.ArrayLike | None = None,
        channel_names: tuple[str, ...] = (),
        name: str = "array",
        **described: Any,
    ) -> Stack:
        """Make a Stack of an array that is in memory or lazy; nothing is copied or computed.

        Parameters
        ----------
        data : array-like
            numpy, dask or zarr array, of integers or real numbers.
        axes : str
            One letter a dimension: T (time or acquisition order), C (channel), Z (slice),
            V (volume), R (repeat), Y, X. The frame axes T, V, Z and R are flattened in the order
            given, so that 'TZYX' is read as volumes that repeat (``order='slices'``), 'ZRYX' and
            'ZTYX' as repeats of each slice (``order='repeats'``), and 'ZYX' as one frame a slice.
        frames_per_slice, order, pixel_size_um, z_step_um, frame_times_s, channel_names, name
            As the attributes; ``frames_per_slice`` and ``order`` override what ``axes`` says.
        **described : dict
            ``paths``, ``remarks``, ``z_positions_um`` and ``started_at``, as the attributes.

        Returns
        -------
        Stack

        Raises
        ------
        InputError
            Where axes and array don't fit, or pixels are complex, boolean, RGB or all NaN.
        """
        known = {"paths", "remarks", "z_positions_um", "started_at"}
        if unknown := set(described) - known:
            raise InputError(f"A stack can't be given {', '.join(sorted(unknown))}: leave it out.")
        if not hasattr(data, "shape") or not hasattr(data, "dtype"):
            data = as_array(data, "A stack")
        axes, shape = str(axes).upper(), tuple(data.shape)
        if len(axes) != len(shape) or len(set(axes)) != len(axes) or set(axes) - set(AXES):
            raise InputError(
                f"axes='{axes}' doesn't describe an array of shape {shape}: give one letter of "
                f"{', '.join(AXES)} a dimension, each once."
            )
        if "Y" not in axes or "X" not in axes:
            raise InputError(f"axes='{axes}' lacks Y or X: give both, a frame is an image (Y, X).")
        if frames_per_slice is None and order is None:
            described |= told(layout_of_axes(axes, shape))
        else:
            described |= {"frames_per_slice": frames_per_slice, "order": order}
        times = None if frame_times_s is None else _as_times(frame_times_s)
        return cls(
            source=ArraySource(data, axes),
            pixel_size_um=pixel_size_um,
            z_step_um=z_step_um,
            frame_times_s=times,
            channel_names=_as_names(channel_names),
            name=name,
            **described,
        )

    def __repr__(self) -> str:
        n_frames, n_channels, y, x = self.shape
        size = f"{counted(n_frames, 'frame')} of {y} × {x} px"
        channels = "" if n_channels == 1 else f", {n_channels} channels"
        layout = (
            "a recording"
            if self.frames_per_slice is None
            else (f"{counted(self.n_slices, 'slice')} of {repeats_in_words(self.frames_per_slice)}")
        )
        return f"<Stack {self.name}: {size}{channels}, {self.dtype}; {layout}>"

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, Y, X)."""
        return self.source.shape

    @cached_property
    def n_frames(self) -> int:
        """Number of frames T."""
        return self.source.shape[0]

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        return self.source.dtype

    @cached_property
    def data(self) -> da.Array:
        """The frames as a lazy dask array (T, C, Y, X), in chunks of whole frames."""
        lazy = LazyFrames(self.source.read, self.shape, self.dtype)
        return lazy.as_dask(self.frames_per_chunk, name=f"{self.name}-{id(self.source):x}")

    @property
    def frames_per_chunk(self) -> int:
        """Whole frames in a chunk of ``data``."""
        return self._frames_of(CHUNK_BYTES)

    @property
    def frames_per_read(self) -> int:
        """Frames to read at once, where all are read in turn.

        Few, which are in the processor's cache when they are worked on; a whole chunk's where the
        source may unpack chunks.
        """
        return self._frames_of(READ_BYTES) if reads_singly(self.source) else self.frames_per_chunk

    def _frames_of(self, n_bytes: int) -> int:
        frame_bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        return int(np.clip(n_bytes // frame_bytes, 1, self.n_frames))

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames ``start`` to ``stop`` (exclusive) into memory, past dask, for streaming.

        Returns
        -------
        numpy.ndarray
            (stop - start, C, Y, X), dtype of the stack.
        """
        if not 0 <= start <= stop <= self.n_frames:
            raise InputError(
                f"Frames {start} to {stop} are not all in {self.name}, which has "
                f"{counted(self.n_frames, 'frame')}: give frames from 0 to {self.n_frames - 1}."
            )
        return self.source.read(start, stop)

    @cached_property
    def low_levels(self) -> npt.NDArray[np.float64]:
        """(C,) counts of the darkest pixels of some frames spread over the stack.

        Frames that can't be read, or are of one value, don't count; 0 where no frame does.
        """
        some = np.unique(np.linspace(0, self.n_frames - 1, LOW_FRAMES).astype(int))
        step = int(np.ceil(np.sqrt(np.prod(self.shape[2:]) / LOW_PIXELS)))
        found: list[list[npt.NDArray[Any]]] = [[] for _ in range(self.shape[1])]
        for t in map(int, some):
            try:
                channels = self.read(t, t + 1)[0, :, ::step, ::step]
            except (OSError, InputError):
                continue
            for kept, image in zip(found, channels, strict=True):
                values = image[np.isfinite(image)]
                if values.size and values.min() < values.max():
                    kept.append(values)
        return np.array(
            [np.percentile(np.concatenate(kept), LOW_PERCENT) if kept else 0.0 for kept in found]
        )

    # -- slices and repeats --------------------------------------------------------------------

    @cached_property
    def layout(self) -> Layout:
        """Which slice each frame belongs to.

        Raises
        ------
        InputError
            Of a recording.
        """
        if self.frames_per_slice is None:
            raise InputError(
                f"{self.name} has no frames_per_slice, so it is a recording without slices: say "
                f"how many repeats each slice has."
            )
        return Layout(self.frames_per_slice, self.order or "repeats", self.frames_in_turn)

    @property
    def most_repeats(self) -> int:
        """Repeats of a slice, at most where they vary; 0 for a recording."""
        return 0 if self.frames_per_slice is None else self.layout.most_repeats

    @cached_property
    def n_slices(self) -> int:
        """Number of slices; a rest that fills no slice counts as a last, short one."""
        return self.layout.n_slices(self.n_frames)

    @cached_property
    def slice_of_frame(self) -> npt.NDArray[np.intp]:
        """(T,) index of the slice that each frame belongs to."""
        return self.layout.slice_of_frame(self.n_frames)

    @cached_property
    def repeat_of_frame(self) -> npt.NDArray[np.intp]:
        """(T,) index of each frame among the repeats of its slice."""
        by_slice = np.argsort(self.slice_of_frame, kind="stable")
        slices = self.slice_of_frame[by_slice]
        repeat = np.empty(self.n_frames, np.intp)
        repeat[by_slice] = np.arange(self.n_frames) - np.searchsorted(slices, slices)
        return repeat

    def frames_of_slice(self, slice_index: int) -> npt.NDArray[np.intp]:
        """Indices of the frames of one slice, in acquisition order."""
        return np.flatnonzero(self.slice_of_frame == slice_index)

    def plane(self, z: int) -> Stack:
        """One plane of a volumetric recording as a recording with its own frame times."""
        if not 0 <= z < self.n_slices:
            raise InputError(
                f"{self.name} has {counted(self.n_slices, 'plane')}: there is no plane {z}."
            )
        said = self.said.and_(frames_per_slice=self.frames_per_slice, order=self.order, plane=z)
        chosen = self.only(self.frames_of_slice(z))
        return replace(chosen, name=f"{self.name} plane {z}", said=said)

    def planes(self) -> list[Stack]:
        """Every plane of a volumetric recording as a recording: see `plane`."""
        return [self.plane(z) for z in range(self.layout.n_slices(self.n_frames))]

    def only(self, frames: npt.NDArray[np.intp]) -> Stack:
        """Some of the frames as a recording, with their times and their numbers in the files."""
        times = None if self.frame_times_s is None else self.frame_times_s[frames]
        return replace(
            self,
            source=FramesOf(self.source, frames),
            frame_times_s=times,
            frame_numbers=self.numbers[frames],
            dropped=tuple(np.flatnonzero(np.isin(frames, self.dropped)).tolist()),
            missing=tuple(np.flatnonzero(np.isin(frames, self.missing)).tolist()),
            frames_per_slice=None,
            order=None,
            z_positions_um=None,
        )

    def without(self, dropped: Iterable[int]) -> Stack:
        """Return the stack with some frames dropped: they stay, but have no pixels.

        Parameters
        ----------
        dropped : iterable of int
            Frames, counted from 0.
        """
        frames = tuple(sorted({int(t) for t in dropped}))
        if frames == self.dropped:
            return self
        if frames and not 0 <= frames[0] <= frames[-1] < self.n_frames:
            odd = frames[0] if frames[0] < 0 else frames[-1]
            raise InputError(
                f"{self.name} has no frame {odd} to drop: its frames are 0 to {self.n_frames - 1}."
            )
        if len(frames) == self.n_frames:
            raise InputError(f"All frames of {self.name} are dropped: leave some.")
        source = self.source
        if self.dropped and isinstance(source, WithGaps):
            source = source.source
        if frames:
            numbers = self.numbers[list(frames)].tolist()
            gaps = {
                t: DroppedFrameError(f"Frame {number} was dropped when the file was opened.")
                for t, number in zip(frames, numbers, strict=True)
            }
            source = WithGaps(source, gaps)
        return replace(self, source=source, dropped=frames)

    @property
    def numbers(self) -> npt.NDArray[np.intp]:
        """(T,) number of each frame in its files, counted from 0."""
        known = self.frame_numbers
        return np.arange(self.n_frames) if known is None else known

    @cached_property
    def lacks_pixels(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames that keep their place, but were dropped, or are not in the files."""
        return np.isin(np.arange(self.n_frames), [*self.dropped, *self.missing])

    @cached_property
    def acquisition(self) -> Acquisition:
        """Number and time of each frame, as they stand in tables and exports."""
        return Acquisition.of(
            self.n_frames, self.frame_numbers, self.frame_times_s, self.started_at
        )

    def checked_channel(self, channel: int, parameter: str = "channel") -> int:
        """Return a channel, counted from 0; InputError, which names the parameter, for no such."""
        n_channels = self.shape[1]
        if not 0 <= channel < n_channels:
            raise InputError(
                f"{self.name} has no channel {channel}: its channels are 0 to {n_channels - 1}; "
                f"set '{parameter}'."
            )
        return channel

    @property
    def frame_interval_s(self) -> float | None:
        """Usual time from one frame to the next in s; None where unknown."""
        of = frame_interval_s if self.frames_per_slice is None else median_step_s
        return of(self.frame_times_s)

    def replace(self, **changes: Any) -> Stack:
        """Return a copy with some attributes changed and checked again."""
        if changes.get("frames_per_slice", 0) is None:
            changes.setdefault("order", None)
        layout = ("frames_per_slice", "order")
        if any(changes.get(name, known := getattr(self, name)) != known for name in layout):
            changes = {"z_positions_um": None, "frames_in_turn": 1, **changes}
        if changes.get("z_step_um", self.z_step_um) != self.z_step_um:
            changes = {"z_positions_um": None, **changes}
        return replace(self, **changes)

    def _check_positions(self) -> None:
        """Check the depths of slices and the numbers of frames."""
        if self.frame_numbers is not None and np.shape(self.frame_numbers) != (self.n_frames,):
            raise InputError(f"{self.name} needs one number a frame in frame_numbers.")
        given = self.z_positions_um
        if given is None:
            return
        positions = as_array(given, "z_positions_um")
        is_list = positions.ndim == 1 and positions.dtype.kind in "iuf"
        if not is_list or not np.all(np.isfinite(positions)):
            raise InputError("z_positions_um must be the depth of each slice in µm, a number each.")
        object.__setattr__(self, "z_positions_um", tuple(map(float, positions)))
        n_slices = None if self.frames_per_slice is None else self.n_slices
        if n_slices != len(positions):
            has = "no slices" if n_slices is None else counted(n_slices, "slice")
            raise InputError(
                f"{self.name} has {has}, but z_positions_um lists {len(positions)}: give one depth "
                f"a slice."
            )


def told(layout: Layout | None) -> dict[str, Any]:
    """Attributes of a stack with a layout."""
    if layout is None:
        return {"frames_per_slice": None, "order": None}
    return {
        "frames_per_slice": layout.frames_per_slice,
        "order": layout.order,
        "frames_in_turn": layout.in_turn,
    }


def repeats_in_words(repeats: FramesPerSlice) -> str:
    """'9 repeats', or '5 to 9 repeats' where they vary."""
    if isinstance(repeats, int):
        return counted(repeats, "repeat")
    few, many = min(repeats), max(repeats)
    return counted(few, "repeat") if few == many else f"{few} to {counted(many, 'repeat')}"


def check_is_stack(given: object) -> None:
    """Raise InputError for anything but a Stack."""
    if not isinstance(given, Stack):
        raise InputError(
            f"A z-stack or recording must be a Stack, not {type(given).__name__}: open it with "
            f"open_stack, or make one with Stack.from_array."
        )


def check_pixels(dtype: np.dtype[Any], shape: tuple[int, ...], name: str) -> None:
    """Raise InputError where these can't be the pixels of a stack, (T, C, Y, X)."""
    if dtype.names or dtype.kind not in "uif":
        kinds = {"c": "complex numbers", "b": "true/false values"}
        found = kinds.get(dtype.kind, f"values of type {dtype}")
        raise InputError(
            f"{name} holds {found}, but an image needs whole or real numbers: save the "
            f"intensity as uint16 or float32."
        )
    if shape[0] > MOST_FRAMES or shape[1] > MOST_CHANNELS:
        raise InputError(
            f"{name} claims {shape[0]:,} frames of {shape[1]:,} channels: what it says of its "
            f"shape is damaged."
        )
    if 0 in shape:
        raise InputError(f"{name} is empty (shape {shape}): choose data with at least one frame.")


def _as_times(given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InputError("frame_times_s must be numbers: give the time of each frame.") from None


def _as_names(given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"channel_names must be a list of texts, not {given!r}.")
    return tuple(given)


def _check_size(what: str, value: Any, count: int) -> None:
    if value is None:
        return
    numbers = as_array(value, what)
    if numbers.dtype.kind not in "iuf" or numbers.size != count:
        words = {1: "a number", 2: "two numbers (y, x)"}[count]
        raise InputError(f"{what} must be {words} in µm, not {value!r}.")
    if not np.all(np.isfinite(numbers)) or np.any(numbers <= 0):
        raise InputError(f"{what} must be above 0 µm, not {value}.")
