"""What came of reading traces, in a few lines that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.summary import flagged_words
from napari_zstack_align.cells.traces.baseline import FEWEST_FOR_BASELINE
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Flag, are_flagged
from napari_zstack_align.remark import Remark, as_warnings, short_repr, with_remarks

if TYPE_CHECKING:
    from napari_zstack_align.cells.traces.traces import Traces


def summary_of(traces: Traces) -> str:
    """Count ROIs and frames, and tell what ΔF/F is made with; see `Traces.summary`."""
    return with_remarks(figures_of(traces), remarks_on(traces))


def figures_of(traces: Traces) -> str:
    """Return the summary without remarks."""
    flags = traces.flags
    text = f"{_size_of(traces)}: {flagged_words(flags)}, "
    text += f"{np.count_nonzero(~traces.used)} left out of baselines"
    not_run = int(np.count_nonzero(flags == Flag.NOT_RUN))
    text += f", {not_run} not run" if not_run else ""
    known = traces.motion_explained[np.isfinite(traces.motion_explained)]
    if len(known):
        text += f"; motion explains {100 * np.median(known):.1f} % (median of the ROIs)"
    if traces.dff_reliable:
        text += f". ΔF/F with a dark level of {_levels(traces)} ({traces.dark.source})"
    elif not any(remark.is_serious for remark in traces.remarks):  # as earlier versions saved it
        text += f". ΔF/F is unreliable: {traces.dff_doubt}"
    return text


def repr_of(traces: Traces) -> str:
    """Describe traces in one short line."""
    facts = _size_of(traces), f"{np.count_nonzero(are_flagged(traces.flags))} flagged"
    return short_repr(f"Traces of {traces.recording}", facts, remarks_on(traces))


def remarks_on(traces: Traces) -> tuple[Remark, ...]:
    """What is to be known of traces, and of ROIs without ΔF/F."""
    return (*traces.remarks, *_of_unknown_dff(traces))


def _size_of(traces: Traces) -> str:
    """'3 ROIs, 900 frames', and the channels where there are several."""
    n_channels, n_rois, n_frames = traces.F.shape
    text = f"{counted(n_rois, 'ROI')}, {counted(n_frames, 'frame')}"
    return text + (f", {counted(n_channels, 'channel')}" if n_channels > 1 else "")


def _of_unknown_dff(traces: Traces) -> tuple[Remark, ...]:
    """Tell of ROIs that were seen, but have too few frames or too small an F₀ for ΔF/F."""
    if not traces.used.any() or traces.dark.doubt:  # which says it
        return ()
    seen = np.isfinite(traces.corrected).any(axis=2)
    unknown, rare = seen & ~traces.has_dff, _most_frames(traces) < FEWEST_FOR_BASELINE
    few, dark = (int(np.sum((unknown & rois).any(axis=0))) for rois in (rare, ~rare))
    nan = f"of {counted(len(traces.ids), 'ROI')} is NaN throughout"
    too_few = f"ΔF/F of {few} {nan}: fewer than {FEWEST_FOR_BASELINE} frames are too few for F₀."
    too_dark = (
        f"ΔF/F of {dark} {nan}: F₀ is too close to the dark level, or below it. Check the dark "
        f"level."
    )
    return as_warnings(too_few if few else "", too_dark if dark else "")


def _most_frames(traces: Traces) -> npt.NDArray[np.int64]:
    """(C, N) frames that count in the stretch between pauses that has most of them."""
    good = np.isfinite(traces.corrected) & traces.used
    starts = [0, *np.flatnonzero(np.diff(traces.frames["segment"])) + 1]
    return np.add.reduceat(good.astype(np.int64), starts, axis=2).max(axis=2)


def _levels(traces: Traces) -> str:
    return ", ".join(f"{value:g}" for value in np.round(traces.dark_level, 1))
