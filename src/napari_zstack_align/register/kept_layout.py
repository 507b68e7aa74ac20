"""The check of the layout as a unit: a run that goes on doesn't read its frames again."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job
from napari_zstack_align.read import (
    LayoutReport,
    checked_frames,
    layout_samples,
    report_from,
    report_to_arrays,
)
from napari_zstack_align.saved import Units, key_of, layout_of
from napari_zstack_align.stack import Stack

Frames: TypeAlias = npt.NDArray[np.intp]

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
    report = kept_report(units, channel)
    if report is None:
        report, frames = yield from checked_frames(units.frames.stack, channel)
        keep_report(units, channel, report, frames)
    return report


def kept_report(units: Units, channel: int) -> LayoutReport | None:
    """Return what an earlier run found; None: the layout has to be checked."""
    stack = units.frames.stack
    for frames in layout_samples(stack):
        if (kept := units.get(UNIT, _key(stack, channel), frames)) is not None:
            return report_from(kept)
    return None


def keep_report(units: Units, channel: int, report: LayoutReport, frames: Frames) -> None:
    """Keep a report, which was made of some frames."""
    units.put(UNIT, _key(units.frames.stack, channel), report_to_arrays(report), frames)


def _key(stack: Stack, channel: int) -> str:
    return key_of(CHECK, layout=layout_of(stack), channel=channel)
