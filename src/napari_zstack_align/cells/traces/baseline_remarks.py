"""What the user should know about the frames that baselines are made of, in sentences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.baseline import FEWEST_FOR_BASELINE
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.counting import are, counted
from napari_zstack_align.remark import Remark, as_notes, as_warnings

SHORT = 4
"""A stretch of less than the window by this factor may be one transient from end to end."""


def of_baseline(inputs: Inputs, frames: npt.NDArray[np.void]) -> tuple[Remark, ...]:
    """Say where the baseline spans pauses, and where it is made of little.

    Parameters
    ----------
    inputs : Inputs
    frames : numpy.ndarray
        (T,) table of frames, as of `Traces`.
    """
    return as_notes(_of_pauses(inputs), _of_slow(inputs)) + as_warnings(
        _of_short_stretches(inputs, frames), _of_few_frames(frames)
    )


def _of_pauses(inputs: Inputs) -> str:
    number, window = inputs.timeline.spanned, inputs.params.baseline_window_s
    if not number:
        return ""
    return (
        f"The recording has {counted(number, 'pause')} shorter than the baseline's window "
        f"({window:g} s): F₀ is found across {'it' if number == 1 else 'them'}. For an F₀ of its "
        f"own on each side, read the traces with a shorter `baseline_window_s`."
    )


def _of_slow(inputs: Inputs) -> str:
    timeline, window = inputs.timeline, inputs.params.baseline_window_s
    if window >= (FEWEST_FOR_BASELINE - 0.5) * timeline.interval_s:
        return ""
    return (
        f"The baseline's window ({window:g} s) holds fewer than {FEWEST_FOR_BASELINE} frames: it "
        f"was made longer, to {FEWEST_FOR_BASELINE} frames "
        f"({FEWEST_FOR_BASELINE * timeline.interval_s:.3g} s)."
    )


def _of_short_stretches(inputs: Inputs, frames: npt.NDArray[np.void]) -> str:
    segment, times = frames["segment"], inputs.stack.frame_times_s
    n_segments = len(np.unique(segment))
    if n_segments < 2 or times is None:
        return ""
    least = inputs.params.baseline_window_s / SHORT
    lengths = [np.ptp(known) for known in _known_times(segment, times) if len(known)]
    short = sum(bool(length < least) for length in lengths)
    if not short:
        return ""
    return (
        f"{short:,} of {n_segments:,} stretches between pauses {are(short)} "
        f"shorter than {least:g} s: a cell that is active throughout one has too small a ΔF/F "
        f"there. A `baseline_window_s` longer than the pauses takes them together."
    )


def _known_times(
    segment: npt.NDArray[np.int32], times: npt.NDArray[np.float64]
) -> list[npt.NDArray[np.float64]]:
    """Times of the frames of each segment, as far as they are known."""
    parts = np.split(times, np.flatnonzero(np.diff(segment)) + 1)
    return [part[np.isfinite(part)] for part in parts]


def _of_few_frames(frames: npt.NDArray[np.void]) -> str:
    counts = np.bincount(frames["segment"], weights=frames["used"])
    few = (counts > 0) & (counts < FEWEST_FOR_BASELINE)
    number = int(counts[few].sum())
    if not number:
        return ""
    where = "stretches between pauses" if len(counts) > 1 else "a recording"
    return (
        f"ΔF/F of {counted(number, 'frame')} is NaN, in {where} of fewer than "
        f"{FEWEST_FOR_BASELINE} frames that count: too few for a baseline."
    )
