"""`Alignment`: the transforms of every frame, with their quality and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
from dask.delayed import delayed

from napari_zstack_align.alignment.artefact_rows import (
    NO_ROWS,
    Table,
    left_out,
    rows_of_frames,
)
from napari_zstack_align.alignment.common_field import affine_common_field, smooth_common_field
from napari_zstack_align.alignment.fill import Fill, fill_of
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.summary import UNFINISHED, repr_of, summary_of
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.alignment.warp import inside, positions_of, to_dtype
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.lazy import LazyFrames
from napari_zstack_align.levels import counts_dtype
from napari_zstack_align.library_threads import one_thread_each
from napari_zstack_align.params import Params
from napari_zstack_align.remark import Remark, as_remarks
from napari_zstack_align.saved import FrameDigests
from napari_zstack_align.stack import Stack

MANY_FRAMES = 200
"""Of more bent frames the common field is interpolated between nodes: it takes a tenth."""
BLOCK_BYTES = 32 * 2**20
"""How much of a stack is read at once when a slice is averaged."""


@dataclass(frozen=True, eq=False, repr=False)
class Alignment:
    """The result of a registration: a small table, never a second copy of the movie.

    Aligned frames, the volume and the valid pixels are evaluated from the raw frames when they
    are asked for.

    Attributes
    ----------
    stack : Stack
        The raw frames.
    transforms : Transforms
        Backward map of every frame.
    reference : numpy.ndarray
        (Y, X) float32 image whose coordinates the aligned frames live in.
    quality : numpy.ndarray
        (T,) structured array, a row a frame: ``frame``, ``slice`` (z-stacks) or ``chunk``
        (recordings), ``correlation_before``, ``correlation_after``, ``mean_displacement_px``,
        ``max_displacement_px``, ``used`` (False: left out of means), ``flag`` (a code: '' = good,
        else a `Flag`) and ``detail`` (the same in a sentence); for recordings also ``inliers``,
        ``midpoint_distance_frames`` and ``residual_px``.
    params : Params
        The parameters it was made with.
    mask : numpy.ndarray, optional
        (Y, X) float32 weights in [0, 1] of the registration, in reference coordinates.
    provenance : dict
        Versions, date and the state of the run; ``remarks`` in it are for the user.
    chunks : numpy.ndarray, optional
        (n,) chunk table of a recording, `alignment.chunks.CHUNK_DTYPE`.
    frame_digests : FrameDigests, optional
        What the raw frames were; None where that wasn't noted.
    known_fill : Fill, optional
        What stands outside the raw frames, where that was decided before; see ``fill``.
    artefacts : numpy.ndarray, optional
        (Y, X) bool in raw-frame coordinates: pixels fixed to the detector (hot pixels, overlays),
        which were left out of the alignment; None where there were none.
    artefact_rows : numpy.ndarray, optional
        (n,) table of rows of single frames that were left out of the alignment: ``frame``,
        ``first_row`` and ``last_row`` (inclusive, of the raw frame) and ``kind`` ('dark': the
        detector was off, 'bright': struck by light); sorted by frame. None where nobody looked.
    """

    stack: Stack
    transforms: Transforms
    reference: npt.NDArray[np.float32]
    quality: npt.NDArray[np.void]
    params: Params
    mask: npt.NDArray[np.float32] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    chunks: npt.NDArray[np.void] | None = None
    frame_digests: FrameDigests | None = None
    known_fill: Fill | None = None
    artefacts: npt.NDArray[np.bool_] | None = None
    artefact_rows: Table | None = None

    def __post_init__(self) -> None:
        if not self.stack.n_frames == len(self.transforms) == len(self.quality):
            raise InputError(
                f"The stack has {counted(self.stack.n_frames, 'frame')}, but there are "
                f"transforms for {len(self.transforms)} and quality rows for {len(self.quality)}: "
                f"it is another stack than the one that was aligned."
            )

    @property
    def complete(self) -> bool:
        """Whether the run reached its end, and every frame was read and run.

        Flagged ones count as run, but those that couldn't be read.
        """
        unfinished = not self.placed.all() or self.provenance.get(UNFINISHED)
        return not unfinished and not self.n_unreadable

    @property
    def n_unreadable(self) -> int:
        """Number of frames that couldn't be read: another run may."""
        return int(np.count_nonzero(self.quality["flag"] == Flag.UNREADABLE))

    @property
    def placed(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames that were run, so that their transform is known."""
        return np.asarray(self.quality["flag"] != Flag.NOT_RUN)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the user should know about the whole stack, a sentence each."""
        return as_remarks(self.provenance.get("remarks", ()))

    @cached_property
    def fill(self) -> Fill:
        """What stands in aligned frames and in exports where they lie outside the raw frame.

        Decided once, from a few raw frames, and saved with the alignment.
        """
        return fill_of(self.stack) if self.known_fill is None else self.known_fill

    @property
    def raw_shape(self) -> tuple[int, int]:
        """(Y, X) of a raw frame."""
        return self.stack.shape[2:]

    def with_stack(self, stack: Stack, check_frames: bool = True) -> Alignment:
        """Return the same alignment over the same frames, opened anew or from elsewhere.

        Parameters
        ----------
        stack : Stack
        check_frames : bool
            Whether a few frames are compared with those that were aligned. False for a filtered
            copy of them; see `apply_transforms` for one whose fit shall not count as judged. What
            is known of the pixels of each frame holds for the same files alone.

        Raises
        ------
        InputError
            Where it holds other frames.
        """
        from napari_zstack_align.alignment.same_frames import check_frames_of

        changed = replace(self, stack=stack)
        if check_frames:
            check_frames_of(stack, self)
        elif stack.paths != self.stack.paths:
            return replace(changed, frame_digests=None)
        return changed

    def with_remarks(self, *remarks: Remark) -> Alignment:
        """Return the same alignment with more for the user to know."""
        provenance = {**self.provenance, "remarks": [*self.remarks, *remarks]}
        return replace(self, provenance=provenance)

    def __repr__(self) -> str:
        return repr_of(self)

    def summary(self) -> str:
        """Describe the result: frames, correlations before and after, and remarks.

        Returns
        -------
        str
            Frames by what became of them (flagged by kind, not judged, left out, not run); the
            median correlation of the used ones with the mean of the others before and after, beside
            what their photon noise allows. It opens with the warnings that make the whole
            doubtful; other warnings and notes follow, a line each.
        """
        return summary_of(self)

    # -- aligned frames ------------------------------------------------------------------------

    def aligned_frame(self, t: int, channel: int = 0) -> npt.NDArray[Any]:
        """One aligned frame, evaluated now.

        Parameters
        ----------
        t : int
            Frame, counted from 0.
        channel : int
            Channel, counted from 0.

        Returns
        -------
        numpy.ndarray
            (Y, X), dtype of the stack; invalid pixels as ``fill`` has them.
        """
        channel = self.stack.checked_channel(channel)
        return self._align(self.stack.read(t, t + 1)[0, channel], t, channel)

    def valid_frame(self, t: int) -> npt.NDArray[np.bool_]:
        """(Y, X) bool: pixels of aligned frame t that lie inside the raw frame, if it has any."""
        if self.stack.lacks_pixels[t]:
            return np.zeros(self.transforms.shape, bool)
        return inside(positions_of(self.transforms.displacement(t)), self.raw_shape)

    def aligned(self, channel: int = 0) -> da.Array:
        """All aligned frames, lazy.

        Parameters
        ----------
        channel : int
            Channel, counted from 0.

        Returns
        -------
        dask.array.Array
            (T, Y, X), dtype of the stack, rounded and clipped to its range. Invalid pixels are
            as ``fill`` has them: the dark level or the darkest pixels' value for integers, NaN
            for floats. Frames without pixels, such as dropped ones, have no others.
        """
        channel = self.stack.checked_channel(channel)

        def frames(start: int, stop: int) -> npt.NDArray[Any]:
            out = np.empty((stop - start, *self.transforms.shape), self.stack.dtype)
            lacking = self.stack.lacks_pixels[start:stop]
            if lacking.any():
                out[lacking] = self._outside(channel)
            with one_thread_each.held():
                for t, raw in self.raw_frames(start + np.flatnonzero(~lacking), channel):
                    out[t - start] = self._align(raw, t, channel)
            return out

        return self._lazy(frames, self.stack.dtype)

    def valid(self) -> da.Array:
        """Pixels of the aligned frames that lie inside their raw frames: lazy bool (T, Y, X)."""

        def frames(start: int, stop: int) -> npt.NDArray[np.bool_]:
            return np.stack([self.valid_frame(t) for t in range(start, stop)])

        return self._lazy(frames, np.dtype(bool))

    def common_fov(self) -> npt.NDArray[np.bool_]:
        """(Y, X) bool: pixels that are valid in every unflagged frame."""
        frames = np.flatnonzero(self.quality["flag"] == Flag.GOOD)
        if self.transforms.affine:
            matrices = self.transforms.matrices()[frames]
            return affine_common_field(matrices, self.raw_shape, self.transforms.shape)
        if len(frames) > MANY_FRAMES:
            return smooth_common_field(self.transforms, frames.tolist(), self.raw_shape)
        common = np.ones(self.transforms.shape, bool)
        for t in frames:
            common &= self.valid_frame(int(t))
        return common

    # -- what was measured ---------------------------------------------------------------------

    def rows_left_out(self, t: int) -> npt.NDArray[np.bool_] | None:
        """(Y',) bool: rows of raw frame t that don't come from tissue; None for none."""
        rows = rows_of_frames(self.artefact_rows, t, t + 1)
        return left_out(rows, self.raw_shape[0]) if len(rows) else None

    def rows_among(self, frames: npt.ArrayLike | range) -> Table:
        """Part of ``artefact_rows`` that some frames have; none where nobody looked."""
        table = NO_ROWS if self.artefact_rows is None else self.artefact_rows
        return table[np.isin(table["frame"], np.asarray(frames))]

    def resample_measured(
        self, raw: npt.NDArray[Any], t: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Bring raw frame t (Y', X') into the reference, for images made of many frames.

        As `Transforms.resample`, but rows that don't come from tissue aren't valid.
        """
        out = self.rows_left_out(t)
        if out is not None:
            raw = raw.astype(counts_dtype(raw.dtype))
            raw[out] = np.nan
        return self.transforms.resample(raw, t)

    # -- the volume ----------------------------------------------------------------------------

    def volume_slice(self, slice_index: int, channel: int = 0) -> npt.NDArray[np.float32]:
        """Average one slice now.

        Parameters
        ----------
        slice_index : int
            Slice, counted from 0.
        channel : int
            Channel, counted from 0.

        Returns
        -------
        numpy.ndarray
            (Y, X) float32: mean over the valid pixels of the used repeats, each resampled once
            from its raw frame; NaN where there is none.
        """
        return self.mean_of_slice(slice_index, channel).image_or_nan()

    def mean_of_slice(self, slice_index: int, channel: int = 0) -> RunningMean:
        """Mean that `volume_slice` returns, with all its digits."""
        channel = self.stack.checked_channel(channel)
        frames = self.stack.frames_of_slice(slice_index)
        frames = frames[self.quality["used"][frames]]
        mean = RunningMean(self.transforms.shape)
        with one_thread_each.held():
            for t, raw in self.raw_frames(frames, channel):
                mean.add(*self.resample_measured(raw, t))
        return mean

    def volume(self, channel: int = 0) -> da.Array:
        """Average the repeats of every slice, lazily.

        Parameters
        ----------
        channel : int
            Channel, counted from 0.

        Returns
        -------
        dask.array.Array
            (Z, Y, X) float32, a chunk a slice: mean over the valid, used repeats; NaN where there
            is none.
        """
        channel = self.stack.checked_channel(channel)
        slices = [
            da.from_delayed(
                delayed(self.volume_slice, pure=False)(z, channel),
                self.transforms.shape,
                dtype=np.float32,
            )
            for z in range(self.stack.n_slices)
        ]
        return da.stack(slices)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path, overwrite: bool = True) -> Path:
        """Write the alignment to a folder ``NAME.zalign``, in one step.

        Whatever stops the program, the folder holds what was there before, or all of this.

        Parameters
        ----------
        folder : str or pathlib.Path
            The suffix ``.zalign`` is added where it lacks.
        overwrite : bool
            Whether a complete alignment there is replaced. An unfinished one never replaces it.

        Returns
        -------
        pathlib.Path
            The folder that was written: where the one that was asked for must not be replaced,
            one beside it (``NAME-partial.zalign``, ``NAME-2.zalign``).

        Raises
        ------
        InputError
            Where the folder holds something else, or can't be written.
        """
        from napari_zstack_align.alignment.storage import save_alignment

        return save_alignment(self, folder, overwrite)

    # -- inside --------------------------------------------------------------------------------

    def _align(self, raw: npt.NDArray[Any], t: int, channel: int) -> npt.NDArray[Any]:
        fill = self.fill.values[channel]
        return to_dtype(*self.transforms.resample(raw, t), self.stack.dtype, fill)

    def _outside(self, channel: int) -> npt.NDArray[Any]:
        """() what stands where a frame has no pixels."""
        nothing, nowhere = np.zeros((), np.float32), np.zeros((), bool)
        return to_dtype(nothing, nowhere, self.stack.dtype, self.fill.values[channel])

    def raw_frames(
        self, frames: npt.NDArray[np.intp], channel: int
    ) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield (t, raw frame), neighbouring frames read together in bounded blocks."""
        frame_bytes = int(np.prod(self.stack.shape[1:])) * self.stack.dtype.itemsize
        at_once = max(BLOCK_BYTES // max(frame_bytes, 1), 1)
        for run in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1):
            for start in range(0, len(run), at_once):
                block = run[start : start + at_once]
                raw = self.stack.read(int(block[0]), int(block[-1]) + 1)[:, channel]
                yield from zip(map(int, block), raw, strict=True)

    def _lazy(
        self, frames: Callable[[int, int], npt.NDArray[Any]], dtype: np.dtype[Any]
    ) -> da.Array:
        shape = (self.stack.n_frames, *self.transforms.shape)
        return LazyFrames(frames, shape, dtype).as_dask(self.stack.frames_per_chunk)
