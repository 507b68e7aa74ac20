"""`ZShift`: the depth of every frame of a recording, and of every patch of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import FLAG_COLUMNS, WITHOUT_PIXELS, Flag
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.remark import Remark, as_remarks
from napari_zstack_align.saved import FrameDigests
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.dense import field_of
from napari_zstack_align.zshift.summary import repr_of, summary_of

Numbers = npt.NDArray[np.float32]

WITHOUT_DEPTH = (Flag.OUTSIDE, Flag.BLANK, Flag.NOT_RUN, *WITHOUT_PIXELS)
"""Flags of frames whose depth isn't known: they are NaN in movies."""

CORRECTED_LABEL = "z-corrected (baseline only)"
SIMULATED_LABEL = "z-shift only (simulated)"

QUALITY = np.dtype(
    [
        ("frame", np.int32),
        ("time_s", np.float64),
        ("confidence", np.float32),
        ("standard_error", np.float32),
        ("correlation", np.float32),
        ("gain", np.float32),
        ("used", np.bool_),
        *FLAG_COLUMNS,
    ]
)
"""Table of frames of `ZShift`."""


@dataclass(frozen=True, eq=False, repr=False)
class ZShift:
    """Where in a reference z-stack a recording was taken: small tables, movies on demand.

    Depths are in slices of the reference, counted from 0, and grow with the slice's index.

    Attributes
    ----------
    stack : Stack
        The recording, (T, C, Y, X).
    reference : Stack
        (Z, 1, Y, X) float32 (float64 where that would cut a small signal on a huge offset), a
        frame a slice: the reference on the pixels of the frames, NaN where it is unknown.
    transforms : Transforms, optional
        Of the recording's alignment; None: the frames are taken as they are.
    z : numpy.ndarray
        (T,) float32 depth of each frame (the mean over the frame), in slices. Where it wasn't
        found it follows from the frames around, and the flag says so; NaN where there are none.
    patch_z : numpy.ndarray
        (T, py, px) float32 depth of each patch, in slices, smoothed over time and space.
    raw_patch_z : numpy.ndarray
        (T, py, px) float32, each patch for itself; NaN where it was refused.
    patch_confidence : numpy.ndarray
        (T, py, px) float32, 0 to 1: how sure it is that the depth is right to within a slice.
    lateral : numpy.ndarray
        (T, py, px, 2) float32 (dy, dx) in px: what lies at (y, x) in the reference is at
        (y + dy, x + dx) in the (aligned) frame.
    centres : tuple of numpy.ndarray
        (py,) y and (px,) x of the patches' centres, px.
    quality : numpy.ndarray
        (T,) structured, a row a frame: ``frame``, ``time_s`` (NaN where unknown),
        ``confidence`` (float32, 0 to 1), ``standard_error`` of z (slices), ``correlation`` with
        the reference, ``gain`` relative to the reference, ``used`` (bool: has a depth to be
        trusted), ``flag`` (a code: '' = good, else a `Flag`) and ``detail`` (the same in a
        sentence).
    slice_gain : numpy.ndarray
        (Z,) float32 gain of each slice of the reference, 1 on average; movies divide by it.
    anchor : float
        Depth in slices that `corrected` brings all frames to: the median of the used frames.
    params : ZShiftParams
        The parameters it was made with.
    provenance : dict
        Versions, date, files; ``remarks`` in it are for the user.
    frame_digests : FrameDigests, optional
        What the raw frames of the recording were; None where that wasn't noted.
    """

    stack: Stack
    reference: Stack
    transforms: Transforms | None
    z: Numbers
    patch_z: Numbers
    raw_patch_z: Numbers
    patch_confidence: Numbers
    lateral: Numbers
    centres: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    quality: npt.NDArray[np.void]
    slice_gain: Numbers
    anchor: float
    params: ZShiftParams
    provenance: dict[str, Any] = field(default_factory=dict)
    frame_digests: FrameDigests | None = None

    def __post_init__(self) -> None:
        patches = (self.stack.n_frames, *(len(centres) for centres in self.centres))
        shapes = {self.patch_z.shape, self.raw_patch_z.shape, self.patch_confidence.shape}
        if shapes != {patches} or not len(self.z) == len(self.quality) == self.stack.n_frames:
            raise InputError(
                f"The depths have the shapes {sorted(shapes)}, but frames and patches make "
                f"{patches}: the parts of this z-shift don't belong together."
            )

    # -- per frame -----------------------------------------------------------------------------

    @property
    def confidence(self) -> Numbers:
        """(T,) float32 confidence of each frame, 0 to 1."""
        return self.quality["confidence"]

    @property
    def flags(self) -> npt.NDArray[np.str_]:
        """(T,) codes (`Flag`) of why a frame's depth isn't to be trusted; '' = good."""
        return self.quality["flag"]

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames whose depth is to be trusted."""
        return self.quality["used"]

    @property
    def standard_error(self) -> Numbers:
        """(T,) float32 standard error of z, in slices: the width of a confidence band."""
        return self.quality["standard_error"]

    @property
    def z_step_um(self) -> float | None:
        """Distance of the reference's slices in µm; None where unknown."""
        return self.reference.z_step_um

    @property
    def z_um(self) -> Numbers:
        """(T,) float32 depth from the first slice in µm; NaN where it is unknown.

        Where slices lie unevenly, between the depths of those around.
        """
        depths = self.slice_depths_um
        below = np.clip(np.nan_to_num(np.floor(self.z)), 0, len(depths) - 2).astype(int)
        step = np.diff(depths)[below]
        return (depths[below] + (self.z - below) * step).astype(np.float32)

    @property
    def slice_depths_um(self) -> npt.NDArray[np.float64]:
        """(Z,) distance of each slice of the reference from its first in µm; NaN where unknown."""
        reference = self.reference
        if reference.z_positions_um is not None:
            depths = np.array(reference.z_positions_um, np.float64)
            return np.asarray(np.abs(depths - depths[0]), np.float64)
        step = np.nan if reference.z_step_um is None else reference.z_step_um
        return np.arange(reference.n_frames, dtype=np.float64) * step

    @property
    def tilt(self) -> Numbers:
        """(T, 2) float32 difference in depth from the first to the last patch, along y and x.

        Of the plane through the patches, in slices.
        """
        slopes = [_slope(self.patch_z, axis) for axis in (1, 2)]
        return np.stack(slopes, axis=1).astype(np.float32)

    @property
    def direction(self) -> str:
        """What a larger z means, in a sentence."""
        last = self.reference.n_frames - 1
        text = f"z grows with the slice index: slice 0 is at 0, slice {last} at {last} slices"
        return text + (
            ". Without a z-step of the reference, there is no z in µm."
            if np.isnan(self.slice_depths_um[last])
            else f" or {self.slice_depths_um[last]:g} µm."
        )

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the user should know, a sentence each."""
        return as_remarks(self.provenance.get("remarks", ()))

    @property
    def complete(self) -> bool:
        """Whether every frame was run; flagged ones count as run, but those that can't be read."""
        return self.n_read == len(self.flags)

    @property
    def n_read(self) -> int:
        """Number of frames that were run, without those that can't be read: another run may."""
        return int(np.count_nonzero(~np.isin(self.flags, (Flag.NOT_RUN, Flag.UNREADABLE))))

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(Y, X) of the frames that were compared: of aligned ones that of the reference."""
        return self.reference.shape[2], self.reference.shape[3]

    # -- per pixel -----------------------------------------------------------------------------

    def field(self, t: int) -> Numbers:
        """Depth of every pixel of frame t, evaluated now.

        Parameters
        ----------
        t : int
            Frame, counted from 0.

        Returns
        -------
        numpy.ndarray
            (Y, X) float32, in slices: a natural cubic spline through the patches' depths, which
            goes on in straight lines beyond the outermost centres.

        Raises
        ------
        InputError
            Where there is no such frame.
        """
        if not 0 <= t < len(self.z):
            raise InputError(
                f"There is no frame {t}: {self.stack.name} has the frames 0 to {len(self.z) - 1}."
            )
        return field_of(self.patch_z[t], self.centres, self.frame_shape)

    def corrected(self, channel: int = 0) -> da.Array:
        """Frames with the change of the baseline by z taken out, lazy.

        F + g (V[anchor] - V[z]), g the frame's gain: a transient that was lost out of focus
        can't be brought back. That is why it is 'baseline only'.

        Parameters
        ----------
        channel : int
            Channel of the recording, counted from 0. The reference has one channel: of others,
            gain and offset are fitted to each frame.

        Returns
        -------
        dask.array.Array
            (T, Y, X) float32, or float64 of a recording whose pixels it can't hold; NaN in
            frames without a depth, and where frame or reference is unknown.
        """
        from napari_zstack_align.zshift.movies import corrected_movie

        return corrected_movie(self, channel)

    def simulate(self) -> da.Array:
        """What the recording would look like if only z had changed: V(y, x, z(t, y, x)), lazy.

        Returns
        -------
        dask.array.Array
            (T, Y, X) in counts of the reference, and of its type: float32, as a rule; NaN in
            frames without a depth, and beyond the first and the last slice.
        """
        from napari_zstack_align.zshift.movies import simulated_movie

        return simulated_movie(self)

    def matching_slice(self, t: int) -> int:
        """Slice of the reference nearest to the depth of frame t; the first where it's unknown."""
        z = self.z[t]
        last = self.reference.n_frames - 1
        return int(np.clip(np.rint(z), 0, last)) if np.isfinite(z) else 0

    def __repr__(self) -> str:
        return repr_of(self)

    def summary(self) -> str:
        """Describe the result: frames, depths of those used, and remarks.

        Returns
        -------
        str
            Frames by what became of them, and the range of depths; warnings and notes follow, a
            line each. It opens with those that make the whole doubtful.
        """
        return summary_of(self)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, folder: str | Path, overwrite: bool = True) -> Path:
        """Write a folder ``NAME.zalign`` of .npy, .csv, .tif and .json files, in one step.

        Whatever stops the program, the folder holds what was there before, or all of this.

        Parameters
        ----------
        folder : str or pathlib.Path
            A new folder, or one that holds a z-shift, whose place this takes; the suffix is
            added where it lacks.
        overwrite : bool
            Whether a complete z-shift there is replaced. An unfinished one never replaces it.

        Returns
        -------
        pathlib.Path
            The folder that was written: where the one that was asked for must not be replaced,
            one beside it (``NAME-partial.zalign``, ``NAME-2.zalign``).

        Raises
        ------
        InputError
            Where the folder can't be written, or holds something else.
        """
        from napari_zstack_align.zshift.storage import save_zshift

        return save_zshift(self, Path(folder), overwrite)


def _slope(patch_z: Numbers, axis: int) -> npt.NDArray[np.float64]:
    """(T,) rise along an axis of the least-squares plane, from the first patch to the last."""
    n = patch_z.shape[axis]
    if n < 2:
        return np.zeros(len(patch_z))
    x = np.linspace(-0.5, 0.5, n)
    profile = patch_z.mean(axis=3 - axis)
    return np.asarray(profile @ x / (x @ x))
