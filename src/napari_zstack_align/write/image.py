"""What the writers are given: an array with the meaning of its axes, and its planes one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.alignment.fill import Fill
from napari_zstack_align.counting import counted, ranges
from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import Layout
from napari_zstack_align.read import WITHOUT_PIXELS
from napari_zstack_align.write.crop import Box

AXES = "TCZYX"
"""The order of axes that both OME formats share."""


@dataclass(frozen=True, eq=False)
class Image:
    """An array to be written, lazy or in memory.

    Attributes
    ----------
    data : array-like
        dask, numpy or zarr array of whole or real numbers.
    axes : str
        One letter a dimension, some of T, C, Z in that order and then YX: 'ZYX', 'TCYX'.
    pixel_size_um : tuple of float, optional
        (y, x) in µm; None where unknown, like the next two.
    z_step_um : float, optional
        Distance between slices in µm.
    frame_interval_s : float, optional
        Time from frame to frame in s.
    channel_names : tuple of str
        One a channel; empty where unknown.
    crop_origin_yx : tuple of int, optional
        Where the first pixel lies in the reference, where the image was cropped out of it.
    outside : Fill, optional
        What stands outside the raw frames; None where nothing does, or it isn't known.
    bad_frames : tuple of int
        Frames to be left out of an analysis; only Suite2p binaries say so.
    frames : Acquisition, optional
        Number and time of each frame of T; None where there is no such axis, or it isn't known.
    lacking : tuple of int
        Frames of T without pixels, such as dropped ones: what stands outside fills them.
    layout : Layout, optional
        Of the frames of a z-stack along T.
    made_of : callable, optional
        Returns a digest of all that the pixels follow from, by which an export that was stopped
        can go on; None: it can't be known.
    check : callable
        Raises RunStopped where the pixels read so far can't be trusted: raw files have changed.

    Raises
    ------
    InputError
        Where axes, channel names and array don't fit, or the array is empty.
    """

    data: Any
    axes: str = "ZYX"
    pixel_size_um: tuple[float, float] | None = None
    z_step_um: float | None = None
    frame_interval_s: float | None = None
    channel_names: tuple[str, ...] = ()
    crop_origin_yx: tuple[int, int] | None = None
    outside: Fill | None = None
    bad_frames: tuple[int, ...] = ()
    frames: Acquisition | None = None
    lacking: tuple[int, ...] = ()
    layout: Layout | None = None
    made_of: Callable[[], str] | None = field(default=None, repr=False)
    check: Callable[[], None] = field(default=lambda: None, repr=False)

    def __post_init__(self) -> None:
        in_order = "".join(axis for axis in AXES if axis in self.axes)
        if self.axes != in_order or not in_order.endswith("YX") or len(in_order) != self.data.ndim:
            raise InputError(
                f"axes='{self.axes}' doesn't describe an array of shape {self.shape}: give one "
                f"letter a dimension, in the order {AXES}, ending in YX."
            )
        if 0 in self.shape:
            raise InputError(f"There is nothing to write: the image has the shape {self.shape}.")
        if self.channel_names and len(self.channel_names) != self.n_channels:
            raise InputError(
                f"The image has {counted(self.n_channels, 'channel')} but "
                f"{len(self.channel_names)} channel names were given: give one name a channel."
            )

    @property
    def is_aligned(self) -> bool:
        """Whether its pixels were moved: something stands outside the raw frames then."""
        return self.outside is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape in the order of ``axes``."""
        return tuple(int(size) for size in self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of a pixel."""
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return dtype

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each axis."""
        return dict(zip(self.axes, self.shape, strict=True))

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.sizes.get("C", 1)

    @property
    def frame_rate_hz(self) -> float | None:
        """Frames a second; None where unknown."""
        return None if self.frame_interval_s is None else 1 / self.frame_interval_s

    def channel_of(self, index: tuple[int, ...]) -> int:
        """Channel of a plane, by its index."""
        return index[self.axes.index("C")] if "C" in self.axes else 0

    @property
    def said_of_frames(self) -> dict[str, Any]:
        """What only this program reads back: layout, and numbers of frames where some left.

        ``frames_per_slice`` (a number or a list), ``frames_in_turn``, ``order``, ``raw_frames``
        ('0-9, 12-21') and ``without_pixels`` ('3, 7-8').
        """
        said: dict[str, Any] = {}
        if self.layout is not None:
            said["frames_per_slice"] = self.layout.frames_per_slice
            said["frames_in_turn"] = self.layout.in_turn
            said["order"] = str(self.layout.order)
        if self.frames is not None and not self.frames.counts_on:
            said["raw_frames"] = ranges(self.frames.numbers.tolist())
        if self.lacking:
            said[WITHOUT_PIXELS] = ranges(self.lacking)
        return said

    def cropped(self, box: Box) -> Image:
        """Return the part of the image that lies in a box."""
        data = self.data[(..., *box.slices)]
        return replace(self, data=data, crop_origin_yx=(box.y0, box.x0))

    def check_recording(self, what: str) -> None:
        """Raise InputError where the image is no recording, which is all that ``what`` holds."""
        if self.axes not in ("TYX", "TCYX"):
            raise InputError(
                f"{what} holds a recording, frame after frame, and this is a volume of slices: "
                f"write it as OME-TIFF or OME-Zarr."
            )

    @property
    def n_planes(self) -> int:
        """Number of (Y, X) planes."""
        return int(np.prod(self.shape[:-2], dtype=int))

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels."""
        return int(np.prod(self.shape, dtype=int)) * self.dtype.itemsize

    def planes(
        self, without: Collection[int] = ()
    ) -> Iterator[tuple[tuple[int, ...], npt.NDArray[Any]]]:
        """Yield the index of each plane and its pixels (Y, X), in order.

        One block of the first axis is in memory at a time: a chunk of a dask array (taken
        apart plane by plane it would be computed once a plane), else one step. Planes ``without``
        which it goes, counted from 0, aren't computed where their whole block can be left out.
        After the last one, all are checked.
        """
        yield from self._planes(without)
        self.check()

    def _planes(
        self, without: Collection[int]
    ) -> Iterator[tuple[tuple[int, ...], npt.NDArray[Any]]]:
        if len(self.shape) == 2:
            if 0 not in without:
                yield (), np.asarray(self.data)
            return
        start, per_step = 0, self.n_planes // self.shape[0]
        for length in self._blocks():
            numbers = range(start * per_step, (start + length) * per_step)
            if not all(number in without for number in numbers):
                block = np.asarray(self.data[start : start + length])
                indices = np.ndindex(block.shape[:-2])
                for number, index in zip(numbers, indices, strict=True):
                    if number not in without:
                        yield (start + index[0], *index[1:]), block[index]
            start += length

    def number_of(self, index: tuple[int, ...]) -> int:
        """Number of a plane in their order, counted from 0, by its index."""
        return int(np.ravel_multi_index(index, self.shape[:-2])) if index else 0

    def _blocks(self) -> tuple[int, ...]:
        chunks = getattr(self.data, "chunks", ())
        if chunks and isinstance(chunks[0], tuple):
            return tuple(chunks[0])
        return (1,) * self.shape[0]
