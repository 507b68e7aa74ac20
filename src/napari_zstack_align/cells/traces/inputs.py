"""What an extraction is given, checked together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import (
    check_alignment_of,
    check_frames_at_hand,
    check_one_plane,
)
from napari_zstack_align.alignment.identity import identity_of_alignment
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.cells.made_on import remarks_on_place
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces.baseline import Timeline
from napari_zstack_align.cells.traces.traces import FRAMES
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import TraceParams
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import FrameDigests, about_run, now, provenance
from napari_zstack_align.stack import Stack


@dataclass(frozen=True)
class Ring:
    """Neuropil ring around a circle: the gap between the two, and its width, in px."""

    gap_px: float
    width_px: float


@dataclass(frozen=True, eq=False)
class Inputs:
    """A recording, ROIs, alignment and parameters that fit together.

    Attributes
    ----------
    stack : Stack
    rois : Rois
    alignment : Alignment, optional
        None: nothing moves.
    params : TraceParams
    started : str
        When.
    on_place : tuple of Remark
        Where the circles may not lie on the cells that they were made on.
    checks_frames : bool
        Whether the frames must be those that were aligned.
    """

    stack: Stack
    rois: Rois
    alignment: Alignment | None
    params: TraceParams
    started: str = field(default_factory=now)
    on_place: tuple[Remark, ...] = ()
    checks_frames: bool = True

    @property
    def transforms(self) -> Transforms | None:
        """Of the frames; None where nothing moves."""
        return None if self.alignment is None else self.alignment.transforms

    @property
    def seen(self) -> FrameDigests | None:
        """What the frames were that were aligned; None where others may be read."""
        if self.alignment is None or not self.checks_frames:
            return None
        return self.alignment.frame_digests

    @property
    def frame_shape(self) -> tuple[int, int]:
        """(Y, X) of a raw frame."""
        return self.stack.shape[2], self.stack.shape[3]

    @property
    def ring(self) -> Ring:
        """Neuropil ring in px."""
        size = self.stack.pixel_size_um
        width = self.params.neuropil_width_um / (1.0 if size is None else sqrt(size[0] * size[1]))
        return Ring(self.params.neuropil_gap_px, width)

    @cached_property
    def timeline(self) -> Timeline:
        """How the frames follow each other."""
        return Timeline.of(
            self.stack.frame_times_s,
            self.stack.n_frames,
            self.params.pause_intervals,
            self.params.baseline_window_s,
        )

    @cached_property
    def placed(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames whose transform is known."""
        if self.alignment is None:
            return np.ones(self.stack.n_frames, bool)
        return self.alignment.placed

    @property
    def fixed(self) -> npt.NDArray[np.bool_] | None:
        """(Y, X) bool: pixels of all raw frames that don't come from tissue; None for none."""
        return None if self.alignment is None else self.alignment.artefacts

    @property
    def artefact_rows(self) -> npt.NDArray[np.void] | None:
        """Table of the rows of single frames that don't, as of `Alignment`; None: not known."""
        return None if self.alignment is None else self.alignment.artefact_rows

    def rows_left_out(self, t: int) -> npt.NDArray[np.bool_] | None:
        """(Y,) bool: the same of one frame; None for none."""
        return None if self.alignment is None else self.alignment.rows_left_out(t)

    def on_slices(self, start: int, stop: int) -> npt.NDArray[np.bool_] | None:
        """(N, n) bool: which ROIs belong to the slices of frames; None: all to every one."""
        if self.stack.frames_per_slice is None or np.all(self.rois.slices < 0):
            return None
        slices = self.stack.slice_of_frame[start:stop]
        return np.stack([self.rois.on_slice(int(z)) for z in slices], axis=1)

    def frames(self) -> npt.NDArray[np.void]:
        """(T,) table of frames, as of `Traces`."""
        table = np.zeros(self.stack.n_frames, FRAMES)
        raw = self.stack.acquisition
        table["frame"] = np.arange(len(table))
        table["raw_frame"], table["time_s"] = raw.numbers, raw.times_s
        table["segment"] = self.timeline.segment
        table["confidence"], table["used"] = 1, True
        if self.alignment is not None:
            quality = self.alignment.quality
            alike = np.nan_to_num(quality["correlation_after"], nan=0.0)
            table["confidence"] = np.where(quality["used"], np.clip(alike, 0, 1), 0)
            for name in ("used", "flag", "detail"):
                table[name] = quality[name]
        return table

    def provenance(self, **details: Any) -> dict[str, Any]:
        """Versions, date, what was read, and details of the run."""
        return provenance(
            "extract_traces",
            self.started,
            self.stack.paths,
            aligned=self.alignment is not None,
            **details,
        )


def about_traces(
    stacks: Sequence[Stack],
    rois: Rois,
    alignments: Sequence[Alignment | None],
    params: TraceParams,
) -> dict[str, Any]:
    """What the journal of an extraction says of it; recordings and alignments go together."""
    return about_run(
        "extract_traces",
        params,
        *stacks,
        rois={"circles": rois.circles, "ids": rois.ids, "slices": rois.slices},
        alignments=[each and identity_of_alignment(each) for each in alignments],
    )


def checked_inputs(
    stack: Stack,
    rois: Rois | npt.ArrayLike,
    alignment: Alignment | None,
    params: TraceParams | None,
    ids: npt.ArrayLike | None = None,
    check_frames: bool = True,
) -> Inputs:
    """Check what an extraction is given; raise InputError where it doesn't fit together."""
    check_frames_at_hand(stack)
    params = TraceParams.given(params)
    if not isinstance(rois, Rois):
        rois = Rois.of(rois, ids=ids)
    elif ids is not None:
        raise InputError("Give ids with an array of circles only: Rois have their own.")
    if not len(rois):
        raise InputError("There are no ROIs: detect blobs, or draw some, first.")
    shape = (stack.shape[2], stack.shape[3])
    if alignment is None and np.all(rois.slices < 0):
        check_one_plane(stack)
    if alignment is not None:
        check_alignment_of(stack, alignment, check_frames)
        shape = alignment.transforms.shape
    _check_places(rois, shape)
    _check_slices(rois, stack)
    on_place = (*rois.remarks, *remarks_on_place(rois.made_on, stack, alignment))
    return Inputs(stack, rois, alignment, params, on_place=on_place, checks_frames=check_frames)


def _check_slices(rois: Rois, stack: Stack) -> None:
    last = int(rois.slices.max(initial=-1))
    if stack.frames_per_slice is not None and last >= stack.n_slices:
        raise InputError(
            f"A ROI lies on slice {last}, but {stack.name} has the slices 0 to "
            f"{stack.n_slices - 1}: these ROIs belong to another z-stack."
        )


def _check_places(rois: Rois, shape: tuple[int, int]) -> None:
    y, x, radius = rois.circles.T
    outside = (y < -radius) | (x < -radius) | (y > shape[0] + radius) | (x > shape[1] + radius)
    if outside.all():
        raise InputError(
            f"All {len(rois)} ROIs lie outside the image of {shape[0]} × {shape[1]} px: give "
            f"their places as y, x in px of the reference."
        )
    large = radius > max(shape)
    if large.any():
        raise InputError(
            f"ROI {rois.ids[large.argmax()]} has a radius of {radius[large.argmax()]:g} px, more "
            f"than the image: give radii in px."
        )
