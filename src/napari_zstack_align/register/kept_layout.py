"""The check of the layout as a unit: a run that goes on doesn't read its frames again."""

from __future__ import annotations

from napari_zstack_align.progress import Job
from napari_zstack_align.read import (
    LayoutReport,
    checked_frames,
    layout_samples,
    report_from,
    report_to_arrays,
)
from napari_zstack_align.saved import Units, key_of, layout_of

CHECK = "layout 4"
"""Of the method, for the unit's key."""
UNIT = "layout"


def check_kept_layout(units: Units, channel: int) -> Job[LayoutReport]:
    """Check the layout of the stack of a run, or take what an earlier run found.

    Parameters
    ----------
    units : Units
        Of the run; the frames are read through them.
    channel : int
        Channel to look at.
    """
    stack = units.frames.stack
    key = key_of(CHECK, layout=layout_of(stack), channel=channel)
    for frames in layout_samples(stack):
        if (kept := units.get(UNIT, key, frames)) is not None:
            return report_from(kept)
    report, frames = yield from checked_frames(stack, channel)
    units.put(UNIT, key, report_to_arrays(report), frames)
    return report
