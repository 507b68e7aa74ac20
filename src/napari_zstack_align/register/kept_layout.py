"""The check of the layout as a unit, also of a recording, which shows planes where it is none.

A run that goes on doesn't read its frames again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np

from napari_zstack_align.counting import ordinal
from napari_zstack_align.progress import Job
from napari_zstack_align.read import (
    LayoutReport,
    checked_frames,
    checked_recording,
    layout_samples,
)
from napari_zstack_align.remark import Remark, as_serious
from napari_zstack_align.saved import Units, key_of, layout_of
from napari_zstack_align.saved.provenance import json_bytes
from napari_zstack_align.saved.unit_file import Arrays

CHECK = "layout 2"
"""Of the method, for the unit's key."""
UNIT = "layout"
PLANES_UNIT, PLANES_CHECK = "planes", "planes in a recording 1"
NO_RECORDING = ", not like a recording of one plane."
PLANES = {
    "slices": (
        "{n} planes in turn",
        "Save every {nth} frame, from each of the first {n} on, as a recording of its own; or "
        "align it as a z-stack (adaptive): give the number of volumes as frames_per_slice, and "
        "order='slices' (--order slices).",
    ),
    "up-and-down": (
        "an up-and-down scan of {n} planes",
        "Save the frames of each plane as a recording of its own.",
    ),
    "repeats": (
        "a z-stack of {n} repeats of each slice",
        "Align it as one (adaptive): give frames_per_slice={n} (--frames-per-slice {n}).",
    ),
}
"""What a recording may look like that is none, and what to do."""


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


def planes_in_recording(
    units: Units, channel: int = 0, known: Iterable[Remark] | None = None
) -> Job[tuple[Remark, ...]]:
    """Look whether a recording shows planes in turn, an up-and-down scan or a z-stack.

    Parameters
    ----------
    units : Units
        Of a run over a recording; up to 128 frames are read through them.
    channel : int
        Channel to look at.
    known : iterable of Remark, optional
        Of the recording's alignment, whose run looked at the frames: nothing is read.

    Returns
    -------
    generator of Progress
        Returns a warning, or none.
    """
    if known is not None:
        return tuple(remark for remark in known if NO_RECORDING in remark)
    stack = units.frames.stack
    if stack.frames_per_slice is not None:
        return ()
    key = key_of(PLANES_CHECK, channel=channel)
    (frames,) = layout_samples(stack)
    arrays = units.get(PLANES_UNIT, key, frames)
    if arrays is None:
        report, _ = yield from checked_recording(stack, channel)
        arrays = {} if report is None else _to_arrays(report)
        units.put(PLANES_UNIT, key, arrays, frames)
    return _of_planes(stack.name, arrays)


def _of_planes(name: str, arrays: Arrays) -> tuple[Remark, ...]:
    """Make a warning of the report on a recording, if there is one."""
    if not arrays:
        return ()
    report = _of_arrays(arrays)
    n = report.length or 0
    what, advice = (each.format(n=n, nth=ordinal(n)) for each in PLANES[report.looks_like])
    return as_serious(f"{name} looks like {what}{NO_RECORDING} {report.reason} {advice}")
