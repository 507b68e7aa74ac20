"""The check of the layout as a unit: a run that goes on doesn't read its frames again."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from napari_zstack_align.progress import Job
from napari_zstack_align.read import LayoutReport, checked_frames, layout_samples
from napari_zstack_align.saved import Units, key_of, layout_of
from napari_zstack_align.saved.provenance import json_bytes
from napari_zstack_align.saved.unit_file import Arrays

CHECK = "layout 2"
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
            return _of_arrays(kept)
    report, frames = yield from checked_frames(stack, channel)
    units.put(UNIT, key, _to_arrays(report), frames)
    return report


def _to_arrays(report: LayoutReport) -> Arrays:
    return {"report": np.frombuffer(json_bytes(asdict(report)), np.uint8)}


def _of_arrays(arrays: Arrays) -> LayoutReport:
    return LayoutReport(**json.loads(arrays["report"].tobytes()))
