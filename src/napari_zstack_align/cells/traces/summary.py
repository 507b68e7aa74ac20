"""What came of reading traces, in a few lines that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_zstack_align.alignment.summary import flagged_words
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Flag, are_flagged
from napari_zstack_align.remark import Remark, as_warnings, short_repr, with_remarks

if TYPE_CHECKING:
    from napari_zstack_align.cells.traces.traces import Traces


def summary_of(traces: Traces) -> str:
    """Count ROIs and frames, and tell what ΔF/F is made with; see `Traces.summary`."""
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
    return with_remarks(text, remarks_on(traces))


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
    """Tell of ROIs that were seen, but whose F₀ is too small for ΔF/F."""
    if not traces.used.any() or traces.dark.doubt:  # which says it
        return ()
    seen = np.isfinite(traces.corrected).any(axis=2)
    unknown = seen & ~np.isfinite(traces.dff).any(axis=2)
    number = np.count_nonzero(unknown.any(axis=0))
    if not number:
        return ()
    return as_warnings(
        f"ΔF/F of {number} of {counted(len(traces.ids), 'ROI')} is NaN throughout: F₀ is too "
        f"close to the dark level, or below it. Check the dark level."
    )


def _levels(traces: Traces) -> str:
    return ", ".join(f"{value:g}" for value in np.round(traces.dark_level, 1))
