"""What was done, in a few words; the same when it was done and later."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.summary import flagged_words
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Flag
from napari_zstack_align.remark import Remark, as_warnings
from napari_zstack_align.zshift import ZShift


def size_of(traces: Traces) -> str:
    """'3 ROIs, 900 frames', and the channels where there are several."""
    n_channels, n_rois, n_frames = traces.F.shape
    text = f"{counted(n_rois, 'ROI')}, {counted(n_frames, 'frame')}"
    return text + (f", {counted(n_channels, 'channel')}" if n_channels > 1 else "")


def summary_of_zshift(zshift: ZShift) -> str:
    """Count the frames, and tell where the good ones were."""
    flags = zshift.flags
    text = f"{counted(int(np.count_nonzero(flags != Flag.NOT_RUN)), 'frame')}: "
    z = zshift.z[zshift.used]
    if len(z):
        text += f"z from {z.min():.2f} to {z.max():.2f} slices"
        if zshift.z_step_um is not None:
            step = zshift.z_step_um
            text += f" ({z.min() * step:.1f} to {z.max() * step:.1f} µm)"
        text += "; "
    text += flagged_words(flags)
    not_run = int(np.count_nonzero(flags == Flag.NOT_RUN))
    return text + (f", {not_run} not run." if not_run else ".")


def summary_of_traces(traces: Traces) -> str:
    """Count ROIs and frames, and tell what ΔF/F is made with."""
    left_out = int(np.count_nonzero(~traces.used))
    text = f"{size_of(traces)}; {counted(left_out, 'frame')} left out of baselines"
    known = traces.motion_explained[np.isfinite(traces.motion_explained)]
    if len(known):
        text += f"; motion explains {100 * np.median(known):.1f} % (median of the ROIs)"
    return text + (
        f". ΔF/F with a dark level of {_levels(traces)} ({traces.dark.source})."
        if traces.dff_reliable
        else f". ΔF/F is unreliable: {traces.dff_doubt}."
    )


def remarks_on_traces(traces: Traces) -> list[Remark]:
    """What is to be known of traces, and of ROIs without ΔF/F."""
    return [*traces.remarks, *_of_unknown_dff(traces)]


def _of_unknown_dff(traces: Traces) -> tuple[Remark, ...]:
    """Tell of ROIs that were seen, but whose F₀ is too small for ΔF/F."""
    if not traces.used.any():
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
