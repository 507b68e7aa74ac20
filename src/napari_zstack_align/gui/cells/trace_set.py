"""The traces of all recordings, and what of them is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces.traces import STIMULI, frames_of_stimulus
from napari_zstack_align.flags import Flag
from napari_zstack_align.gui.cells.trace_plot import Curve
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.remark import RemarkCode

QUANTITIES = {
    "dff": "ΔF/F",
    "corrected": "Corrected for neuropil",
    "F": "F (raw)",
    "Fneu": "Neuropil (raw)",
}
UNITS = {"dff": "ΔF/F", "corrected": "counts", "F": "counts", "Fneu": "counts"}
LOW_CONFIDENCE = 0.5
"""A frame is shaded where its confidence is below this part of the recording's median."""
N_FIRST = 5
"""So many of the liveliest traces are shown where nothing is selected."""


@dataclass(frozen=True, eq=False)
class TraceSet:
    """Traces of the recordings of a session, or of the one there is.

    Parameters
    ----------
    recordings : tuple of Traces
        In order.
    liveliest : tuple of int
        Ids of the few ROIs whose traces rise highest, where a worker has looked for them.
    asked : int
        How many recordings there would be if all had been read; 0: these.
    movies : tuple of Movie
        What they were read from; empty for loaded ones, whose frames aren't known.
    outdated : str
        Why they were outdated already when their project was saved, a sentence; '' for not.
    """

    recordings: tuple[Traces, ...]
    liveliest: tuple[int, ...] = ()
    asked: int = 0
    movies: tuple[Movie, ...] = ()
    outdated: str = ""

    @property
    def whole(self) -> int:
        """Number of recordings if all had been read."""
        return max(self.asked, len(self.recordings))

    @property
    def complete(self) -> bool:
        """Whether every frame of all recordings was read."""
        return self.whole == len(self.recordings) and all(r.complete for r in self.recordings)

    @property
    def n_read(self) -> int:
        """Number of frames that were read."""
        return sum(each.n_read for each in self.recordings)

    @property
    def names(self) -> list[str]:
        """Names of the recordings."""
        return [traces.recording for traces in self.recordings]

    @property
    def lengths(self) -> list[int]:
        """Frames of each recording."""
        return [len(traces.frames) for traces in self.recordings]

    @property
    def times(self) -> list[npt.NDArray[np.float64] | None]:
        """(T,) s of each recording; None where unknown."""
        return [traces.frame_times_s for traces in self.recordings]

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels of the recording that has most."""
        return max((traces.channel_names for traces in self.recordings), key=len, default=())

    @property
    def ids(self) -> list[int]:
        """Ids of all ROIs, in order."""
        return sorted({int(i) for traces in self.recordings for i in traces.ids})

    def curve(self, roi: int, quantity: str, channel: int) -> Curve:
        """Values of one ROI in every recording."""
        return Curve(roi, [self._row(t, roi, quantity, channel) for t in self.recordings])

    def value(self, roi: int, recording: int, frame: int, quantity: str, channel: int) -> float:
        """One value; NaN where there is none."""
        traces = self.recordings[recording]
        rows = np.flatnonzero(traces.ids == roi)
        if not len(rows) or channel >= len(traces.channel_names):
            return float("nan")
        return float(getattr(traces, quantity)[channel, rows[0], frame])

    def bad(self) -> list[npt.NDArray[np.bool_]]:
        """(T,) bool of each recording: flagged, left out or of low confidence."""
        return [are_bad(traces) for traces in self.recordings]

    def stimuli(self) -> list[npt.NDArray[np.void]]:
        """Table of the stimuli of each recording; empty where there are none."""
        none = np.zeros(0, STIMULI)
        return [none if each.stimuli is None else each.stimuli for each in self.recordings]

    @property
    def has_stimuli(self) -> bool:
        """Whether a table of stimuli was given, though none of them may lie in a recording."""
        return any(each.stimuli is not None for each in self.recordings)

    def stimulus_at(self, recording: int, frame: int) -> str:
        """Names of the stimuli in a frame, with ';' between several; '' for none."""
        table, n_frames = self.stimuli()[recording], self.lengths[recording]
        rows = (row for row in table if frame in frames_of_stimulus(row, n_frames))
        return ";".join(str(row["name"]) for row in rows)

    def with_stimuli_of(self, other: TraceSet) -> TraceSet:
        """Return the traces with the stimuli of others of the same frames, read before."""
        known = {(each.recording, len(each.frames)): each for each in other.recordings}
        found = []
        for each in self.recordings:
            before = known.get((each.recording, len(each.frames)))
            if each.stimuli is None and before is not None and before.stimuli is not None:
                told = [r for r in before.remarks if r.code is RemarkCode.STIMULI]
                each = replace(each, stimuli=before.stimuli, remarks=(*each.remarks, *told))
            found.append(each)
        return replace(self, recordings=tuple(found))

    def _row(
        self, traces: Traces, roi: int, quantity: str, channel: int
    ) -> npt.NDArray[np.float32]:
        rows = np.flatnonzero(traces.ids == roi)
        if not len(rows) or channel >= len(traces.channel_names):
            return np.full(len(traces.frames), np.nan, np.float32)
        return np.asarray(getattr(traces, quantity)[channel, rows[0]])


def as_set(traces: Traces | Sequence[Traces]) -> TraceSet:
    """Traces of one recording or of several."""
    return TraceSet((traces,) if isinstance(traces, Traces) else tuple(traces))


def with_liveliest(traces: Traces | Sequence[Traces], channel: int = 0) -> TraceSet:
    """Traces, and which few of them rise highest above their middle; takes a moment."""
    found = as_set(traces)
    ids = found.ids
    peaks = [_peak(np.concatenate(found.curve(roi, "dff", channel).parts)) for roi in ids]
    if not np.isfinite(peaks).any():
        peaks = [_peak(np.concatenate(found.curve(roi, "F", channel).parts)) for roi in ids]
    order = np.argsort(-np.nan_to_num(peaks, nan=-np.inf), kind="stable")[:N_FIRST]
    return replace(found, liveliest=tuple(sorted(ids[k] for k in order)))


def are_bad(traces: Traces) -> npt.NDArray[np.bool_]:
    """(T,) bool: frames not to rely on; those that were not read yet are no such frames."""
    known = traces.confidence[np.isfinite(traces.confidence) & traces.used]
    low = LOW_CONFIDENCE * float(np.median(known)) if len(known) else 0.0
    with np.errstate(invalid="ignore"):
        bad = (traces.flags != Flag.GOOD) | ~traces.used | (traces.confidence < low)
    return np.asarray(bad & (traces.flags != Flag.NOT_RUN), bool)


def _peak(values: npt.NDArray[np.floating]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, 99.5) - np.median(finite)) if finite.size else float("nan")
