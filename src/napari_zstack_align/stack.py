"""`Stack`: frames in acquisition order as a lazy array, with what the microscope wrote on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any, Literal, TypeAlias

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.frame_times import frame_interval_s
from napari_zstack_align.lazy import LazyFrames
from napari_zstack_align.remark import Remark, as_remarks
from napari_zstack_align.sources import ArraySource, FramesOf, FrameSource, as_array, reads_singly

Order: TypeAlias = Literal["repeats", "slices"]

CHUNK_BYTES = 12 * 2**20
"""Size of a dask chunk of whole frames: smaller cost scheduling, larger ones stall scrolling."""

READ_BYTES = 2**20
"""Frames of so many bytes are still in the processor's cache when they are worked on."""

AXES = "TCZRYX"

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
    frames_per_slice : int, optional
        Repeats of a slice. None together with ``order``: a recording.
    order : {'repeats', 'slices'}, optional
        Which runs fastest in acquisition order.
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
    frames_per_slice: int | None = None
    order: Order | None = None
    name: str = "stack"
    paths: tuple[Path, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "remarks", as_remarks(self.remarks))
        check_pixels(self.source.dtype, self.source.shape, self.name)
        n_frames, n_channels = self.source.shape[:2]
        if self.frames_per_slice is None and self.order is not None:
            raise InputError(
                f"order='{self.order}' needs frames_per_slice: say how many repeats each slice has."
            )
        if self.frames_per_slice is not None:
            if not _is_whole(self.frames_per_slice) or self.frames_per_slice < 1:
                raise InputError(
                    f"frames_per_slice must be a whole number of at least 1, not "
                    f"{self.frames_per_slice!r}."
                )
            object.__setattr__(self, "frames_per_slice", int(self.frames_per_slice))
            if self.frames_per_slice > n_frames:
                raise InputError(
                    f"frames_per_slice is {self.frames_per_slice}, but {self.name} has only "
                    f"{counted(n_frames, 'frame')}: give a smaller number."
                )
            if self.order is None:
                object.__setattr__(self, "order", "repeats")
        if self.order not in (None, "repeats", "slices"):
            raise InputError(f"order must be 'repeats' or 'slices', not {self.order!r}.")
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

    @classmethod
    def from_array(
        cls,
        data: Any,
        axes: str = "TYX",
        *,
        frames_per_slice: int | None = None,
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
            R (repeat), Y, X. The frame axes T, Z and R are flattened in the order given, so that
            'TZYX' is read as volumes that repeat (``order='slices'``), 'ZRYX' and 'ZTYX' as
            repeats of each slice (``order='repeats'``), and 'ZYX' as one frame a slice.
        frames_per_slice, order, pixel_size_um, z_step_um, frame_times_s, channel_names, name
            As the attributes; ``frames_per_slice`` and ``order`` override what ``axes`` says.
        **described : dict
            ``paths`` and ``remarks``, as the attributes.

        Returns
        -------
        Stack

        Raises
        ------
        InputError
            Where axes and array don't fit, or pixels are complex, boolean, RGB or all NaN.
        """
        if unknown := set(described) - {"paths", "remarks"}:
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
            frames_per_slice, order = layout_of_axes(axes, shape)
        times = None if frame_times_s is None else _as_times(frame_times_s)
        return cls(
            source=ArraySource(data, axes),
            frames_per_slice=frames_per_slice,
            order=order,
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
            else (
                f"{counted(self.n_slices, 'slice')} of {counted(self.frames_per_slice, 'repeat')}"
            )
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

    @property
    def n_slices(self) -> int:
        """Number of slices; a rest that fills no slice counts as a last, short one."""
        return ceil(self.n_frames / self._repeats)

    @cached_property
    def slice_of_frame(self) -> npt.NDArray[np.intp]:
        """(T,) index of the slice that each frame belongs to."""
        frames = np.arange(self.n_frames)
        if self.order == "slices":
            return frames % self.n_slices
        return frames // self._repeats

    @cached_property
    def repeat_of_frame(self) -> npt.NDArray[np.intp]:
        """(T,) index of each frame among the repeats of its slice."""
        frames = np.arange(self.n_frames)
        if self.order == "slices":
            return frames // self.n_slices
        return frames % self._repeats

    def frames_of_slice(self, slice_index: int) -> npt.NDArray[np.intp]:
        """Indices of the frames of one slice, in acquisition order."""
        return np.flatnonzero(self.slice_of_frame == slice_index)

    def plane(self, z: int) -> Stack:
        """One plane of a volumetric recording as a recording with its own frame times."""
        if not 0 <= z < self.n_slices:
            raise InputError(
                f"{self.name} has {counted(self.n_slices, 'plane')}: there is no plane {z}."
            )
        frames = self.frames_of_slice(z)
        times = None if self.frame_times_s is None else self.frame_times_s[frames]
        return replace(
            self,
            source=FramesOf(self.source, frames),
            frame_times_s=times,
            frames_per_slice=None,
            order=None,
            name=f"{self.name} plane {z}",
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
        return frame_interval_s(self.frame_times_s)

    def replace(self, **changes: Any) -> Stack:
        """Return a copy with some attributes changed and checked again."""
        if changes.get("frames_per_slice", 0) is None:
            changes.setdefault("order", None)
        return replace(self, **changes)

    @property
    def _repeats(self) -> int:
        if self.frames_per_slice is None:
            raise InputError(
                f"{self.name} has no frames_per_slice, so it is a recording without slices: say "
                f"how many repeats each slice has."
            )
        return self.frames_per_slice


def layout_of_axes(axes: str, shape: tuple[int, ...]) -> tuple[int | None, Order | None]:
    """Read frames_per_slice and order off the axes; both None for a recording."""
    if "Z" not in axes:
        return None, None
    repeat_axes = [a for a in axes if a in "TR"]
    repeats = int(np.prod([shape[axes.index(a)] for a in repeat_axes], dtype=int))
    if not repeat_axes:
        return 1, "repeats"
    slices_fastest = all(axes.index(a) < axes.index("Z") for a in repeat_axes)
    return repeats, "slices" if slices_fastest else "repeats"


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


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and float(value).is_integer()


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
