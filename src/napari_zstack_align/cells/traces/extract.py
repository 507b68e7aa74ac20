"""Jobs that read the traces of recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces.traces import Traces
from napari_zstack_align.params import TraceParams
from napari_zstack_align.progress import Job
from napari_zstack_align.stack import Stack


def extract_traces(
    stack: Stack,
    rois: Rois | npt.ArrayLike,
    alignment: Alignment | None,
    params: TraceParams | None = None,
    ids: npt.ArrayLike | None = None,
    *,
    threads: int | None = None,
) -> Job[Traces]:
    """Read the traces of ROIs from the raw frames of a recording."""
    raise NotImplementedError


def extract_session_traces(
    stacks: Sequence[Stack],
    rois: Rois | npt.ArrayLike,
    alignments: Sequence[Alignment],
    params: TraceParams | None = None,
    *,
    threads: int | None = None,
) -> Job[list[Traces]]:
    """Read the traces of the same ROIs from the recordings of a session."""
    raise NotImplementedError
