"""`Traces`: the fluorescence of every cell in every frame of one recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.acquisition import Acquisition, session_start
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces.coarse import coarse_step
from napari_zstack_align.cells.traces.dark import DarkLevel
from napari_zstack_align.cells.traces.saturated import MOST_FRAMES
from napari_zstack_align.cells.traces.summary import repr_of, summary_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import FLAG_COLUMNS, Flag
from napari_zstack_align.frame_times import frame_interval_s
from napari_zstack_align.params import TraceParams
from napari_zstack_align.remark import Remark

Trace = npt.NDArray[np.float32]

MOST_UNMEASURED = 0.5
"""Of a ROI that misses a larger part of its frames, the baseline is that of few."""
ALL_SATURATED, NONE_MEASURED = "all ROIs are saturated", "no ROI was measured in most frames"
"""Doubts about ΔF/F that come from the ROIs themselves."""
TOO_COARSE = "F is kept in steps as coarse as its noise"
"""One that comes from the size of the numbers."""


@dataclass(frozen=True, eq=False, repr=False)
class Traces:
    """Traces of one recording: a row a cell, a column a frame.

    Attributes
    ----------
    F : numpy.ndarray
        (C, N, T) float32: mean over the cell's circle in the raw frame, in counts, nothing
        subtracted. NaN where less than 90 % of the circle lies inside the frame, on pixels that
        come from tissue.
    Fneu : numpy.ndarray
        (C, N, T) float32: mean over the neuropil ring, in counts, nothing subtracted. NaN where
        there is no such ring.
    corrected : numpy.ndarray
        (C, N, T) float32: ``F - r (Fneu - median Fneu)``, in counts, the dark level still in it.
    dff : numpy.ndarray
        (C, N, T) float32 ΔF/F0; NaN where F0 is below the noise floor, or there are too few
        frames for it.
    rois : Rois
        The N cells in reference coordinates.
    frames : numpy.ndarray
        (T,) structured, a row a frame: ``frame``, ``raw_frame`` (its number in the files),
        ``time_s`` (since the start of the recording; NaN where unknown), ``segment``
        (stretch with a baseline of its own, between long pauses), ``confidence`` (float32, 0 to 1:
        the frame's correlation after alignment, 0 where the alignment left it out), ``used``
        (bool), ``flag``
        (a code: '' = good, 'not run': not read yet, else a `Flag`) and ``detail`` (the same in a
        sentence).
    motion_explained : numpy.ndarray
        (C, N) float32 R²: part of the variance of ``corrected`` about its baseline that the
        cell's displacement (dy, dx and their squares) explains; NaN where it can't be told.
    recording : str
        Name of the recording.
    channel_names : tuple of str
        C names.
    dark : DarkLevel
        The counts without light, and where they are known from.
    params : TraceParams
        The parameters they were made with.
    frame_shape : tuple of int
        (Y, X) of a raw frame.
    pixel_size_um : tuple of float, optional
        (y, x) in µm; None where unknown.
    remarks : tuple of Remark
        What the user should know, a sentence each.
    provenance : dict
        Versions, date, files.
    saturated : numpy.ndarray, optional
        (C, N) float32: part of the frames used in which more than 5 % of the cell's circle is at
        the largest value of the detector; NaN for a cell without frames, None where that wasn't
        looked at.
    stimuli : numpy.ndarray, optional
        (n,) table `STIMULI` of stimuli in the recording, see `with_stimuli`: ``name``, ``onset_s``
        and ``offset_s`` since the start of the recording (NaN where unknown), ``onset_frame`` and
        ``offset_frame``, places among the frames, of which frame t is from t to t + 1. None where
        nobody gave any.
    started_at : datetime.datetime, optional
        What the microscope's clock showed at time 0; None where unknown.
    unmeasured : numpy.ndarray, optional
        (C, N) float32: part of the frames used in which the cell has no ΔF/F because pixels there
        don't come from tissue: rows without light or struck by light, pixels fixed to the
        detector. None where the alignment didn't look for them.
    """

    F: Trace
    Fneu: Trace
    corrected: Trace
    dff: Trace
    rois: Rois
    frames: npt.NDArray[np.void]
    motion_explained: Trace
    recording: str
    channel_names: tuple[str, ...]
    dark: DarkLevel
    params: TraceParams
    frame_shape: tuple[int, int]
    pixel_size_um: tuple[float, float] | None = None
    remarks: tuple[Remark, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    saturated: Trace | None = None
    unmeasured: Trace | None = None
    started_at: datetime | None = None
    stimuli: npt.NDArray[np.void] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.channel_names), len(self.rois), len(self.frames))
        for name in ("F", "Fneu", "corrected", "dff"):
            if getattr(self, name).shape != shape:
                raise InputError(
                    f"{name} has shape {getattr(self, name).shape}, but channels, ROIs and frames "
                    f"make {shape}: the parts of these traces don't belong together."
                )

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """(N,) ids of the ROIs."""
        return self.rois.ids

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """(T,) float32 confidence of each frame, 0 to 1."""
        return self.frames["confidence"]

    @property
    def flags(self) -> npt.NDArray[np.str_]:
        """(T,) codes (`Flag`) of why a frame is bad; '' = good."""
        return self.frames["flag"]

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """(T,) bool: frames that count for baselines and medians."""
        return self.frames["used"]

    @property
    def frame_times_s(self) -> npt.NDArray[np.float64] | None:
        """(T,) time of each frame in s; None where unknown."""
        times: npt.NDArray[np.float64] = self.frames["time_s"]
        return None if np.isnan(times).all() else times

    @property
    def acquisition(self) -> Acquisition:
        """Number and time of each frame, as they stand in tables and exports."""
        return Acquisition(self.frames["raw_frame"], self.frames["time_s"], self.started_at)

    @property
    def has_times(self) -> bool:
        """Whether the times of the frames are known, and order them."""
        return self.frame_interval_s is not None or (
            len(self.frames) == 1 and self.frame_times_s is not None
        )

    @property
    def frame_interval_s(self) -> float | None:
        """Usual time from one frame to the next in s; None where unknown."""
        return frame_interval_s(self.frame_times_s)

    @property
    def dark_level(self) -> npt.NDArray[np.float64]:
        """(C,) counts that were subtracted before ΔF/F; 0 where the dark level is unknown."""
        return self.dark.subtracted

    def dff_at(self, dark_level: npt.ArrayLike) -> Trace:
        """ΔF/F0 as it would be with another dark level.

        Parameters
        ----------
        dark_level : array-like
            Counts without light, one number or one a channel.

        Returns
        -------
        numpy.ndarray
            (C, N, T) float32; NaN where ``dff`` is, and where F0 isn't above this level.
        """
        other = np.broadcast_to(np.asarray(dark_level, np.float64), len(self.channel_names))
        dff = np.empty_like(self.dff)
        for c, (old, new) in enumerate(zip(self.dark_level, other, strict=True)):
            # dff = (corrected - F0) / (F0 - dark): F0 above the dark level of before follows.
            with np.errstate(divide="ignore", invalid="ignore"):
                light = (self.corrected[c].astype(np.float64) - old) / (1 + self.dff[c])
                above = light + (old - new)
                dff[c] = np.where(above > 0, self.dff[c] * light / above, np.nan)
        return dff

    @cached_property
    def dff_ends(self) -> tuple[Trace, Trace] | None:
        """ΔF/F0 at both ends of what an estimated dark level leaves open, (C, N, T) each.

        First at the lowest level, where ΔF/F0 is smallest, then at the highest; None for a level
        that isn't estimated.
        """
        if self.dark.interval is None:
            return None
        lowest, highest = self.dark.interval.T
        return self.dff_at(lowest), self.dff_at(highest)

    @property
    def dff_reliable(self) -> bool:
        """Whether ΔF/F of any cell can be relied on; ``dff_doubt`` says why not."""
        return not self.dff_doubt

    @cached_property
    def dff_doubt(self) -> str:
        """Why ΔF/F of no cell can be relied on: half a sentence; '' where it can."""
        if not self.dark.accepted:
            return "the dark level is unknown"
        if self.dark.doubt:
            return "the dark level is doubtful"
        if not self.used.any():
            return "no frame counts"
        seen = np.isfinite(self.F).any(axis=2)
        if seen.any() and self.is_saturated[seen].all():
            return ALL_SATURATED
        if self.is_unmeasured.size and self.is_unmeasured.all():
            return NONE_MEASURED
        if self.step_of_f:
            return TOO_COARSE
        return ""

    @cached_property
    def step_of_f(self) -> float:
        """Step of float32 at the values of F, in counts, where these hide the signal; else 0."""
        return coarse_step(self.F[:, :, self.used], self.dark_level)

    @property
    def is_saturated(self) -> npt.NDArray[np.bool_]:
        """(C, N) bool: cells that are saturated too often to rely on their ΔF/F."""
        if self.saturated is None:
            return np.zeros(self.F.shape[:2], bool)
        return np.asarray(self.saturated > MOST_FRAMES)

    @property
    def is_unmeasured(self) -> npt.NDArray[np.bool_]:
        """(C, N) bool: cells of whose frames too many are missing to rely on their baseline."""
        if self.unmeasured is None:
            return np.zeros(self.F.shape[:2], bool)
        return np.asarray(self.unmeasured > MOST_UNMEASURED)

    @cached_property
    def is_seldom_seen(self) -> npt.NDArray[np.bool_]:
        """(C, N) bool: cells without a value in most of the frames that count.

        They lie outside the frame there, or where it holds no numbers; or its pixels don't come
        from tissue.
        """
        counts = self.used & (self.flags != Flag.NOT_RUN)
        missing = ~np.isfinite(self.F[:, :, counts])
        if not missing.shape[2]:
            return np.zeros(missing.shape[:2], bool)
        return np.asarray(missing.mean(axis=2) > MOST_UNMEASURED)

    @cached_property
    def has_dff(self) -> npt.NDArray[np.bool_]:
        """(C, N) bool: cells that have ΔF/F in some frame."""
        return np.asarray(np.isfinite(self.dff).any(axis=2))

    @property
    def reliable(self) -> npt.NDArray[np.bool_]:
        """(C, N) bool: cells that have ΔF/F which can be relied on."""
        doubtful = self.is_saturated | self.is_unmeasured | self.is_seldom_seen
        return self.has_dff & ~doubtful & self.dff_reliable

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """(N, T) bool: whether a cell has a value in a frame."""
        return np.asarray(np.isfinite(self.F).all(axis=0))

    @property
    def complete(self) -> bool:
        """Whether every frame was read."""
        return self.n_read == len(self.frames)

    @property
    def n_read(self) -> int:
        """Number of frames that were read, without those that can't be: another run may."""
        return int(np.count_nonzero(~np.isin(self.flags, (Flag.NOT_RUN, Flag.UNREADABLE))))

    def __repr__(self) -> str:
        return repr_of(self)

    def summary(self) -> str:
        """Describe the result: ROIs and frames, what ΔF/F is made with, and remarks.

        Returns
        -------
        str
            Frames by what became of them, how much motion explains and the dark level; warnings
            and notes follow, a line each. It opens with those that make the whole doubtful.
        """
        return summary_of(self)

    def save(self, folder: str | Path, overwrite: bool = True) -> Path:
        """Write a folder of .npy, .csv and .json files, in one step.

        Whatever stops the program, the folder holds what was there before, or all of this.

        Parameters
        ----------
        folder : str or pathlib.Path
            A new folder, or one that holds traces, whose place these take.
        overwrite : bool
            Whether complete traces there are replaced. Unfinished ones never replace them.

        Returns
        -------
        pathlib.Path
            The folder that was written: where the one that was asked for must not be replaced,
            one beside it (``NAME-partial``, ``NAME-2``).

        Raises
        ------
        InputError
            Where the folder can't be written, or holds something else.
        """
        from napari_zstack_align.cells.traces.storage import save_traces

        return save_traces(self, Path(folder), overwrite)


FRAMES = np.dtype(
    [
        ("frame", np.int32),
        ("raw_frame", np.int64),
        ("time_s", np.float64),
        ("segment", np.int32),
        ("confidence", np.float32),
        ("used", np.bool_),
        *FLAG_COLUMNS,
    ]
)
"""Table of frames of `Traces`."""


STIMULI = np.dtype(
    [
        ("name", "U64"),
        ("onset_s", np.float64),
        ("offset_s", np.float64),
        ("onset_frame", np.float64),
        ("offset_frame", np.float64),
    ]
)
"""Table of stimuli of `Traces`."""


def stimulus_of_frames(traces: Traces) -> list[str]:
    """Names of the stimuli in each frame, with ';' between several; '' for none."""
    texts = [""] * len(traces.frames)
    for row in () if traces.stimuli is None else traces.stimuli:
        for t in frames_of_stimulus(row, len(texts)):
            texts[t] = f"{texts[t]};{row['name']}" if texts[t] else str(row["name"])
    return texts


def frames_of_stimulus(row: np.void, n_frames: int) -> range:
    """Frames in which a stimulus of the table `STIMULI` is on, for a part of them at least."""
    first = int(row["onset_frame"])
    return range(first, min(max(int(np.ceil(row["offset_frame"])), first + 1), n_frames))


def joined_frames(traces: Sequence[Traces]) -> npt.NDArray[np.void]:
    """Frames of several recordings in one table, with the name of the recording in each row.

    Its rows belong to the columns of ``np.concatenate([t.F for t in traces], axis=2)``. There are
    two more columns: ``recorded_at`` (date and time, '' where unknown) and ``session_time_s``, of
    `session_times`.
    """
    width = max((len(t.recording) for t in traces), default=1)
    more = [("recorded_at", "U32"), ("session_time_s", np.float64)]
    table = np.zeros(
        sum(len(t.frames) for t in traces),
        [("recording", f"U{max(width, 1)}"), *FRAMES.descr, *more],
    )
    start = 0
    for one, times in zip(traces, session_times(traces), strict=True):
        rows = table[start : start + len(one.frames)]
        rows["recording"] = one.recording
        rows["recorded_at"], rows["session_time_s"] = one.acquisition.recorded_at, times
        for name in FRAMES.names or ():
            rows[name] = one.frames[name]
        start += len(rows)
    return table


def session_times(traces: Sequence[Traces]) -> list[npt.NDArray[np.float64]]:
    """(T,) time of the frames of each recording since the earliest start of all, in s.

    NaN throughout where the start of one is unknown; a recording by itself starts at its own.
    """
    if len(traces) == 1:
        return [traces[0].acquisition.times_s]
    start = session_start([each.started_at for each in traces])
    return [each.acquisition.since(start) for each in traces]
