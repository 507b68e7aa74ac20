"""Open a saved result of any kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_session
from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.cells import Rois, load_rois
from napari_zstack_align.cells.traces import Traces, load_traces
from napari_zstack_align.cells.traces.storage import load_session_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.plain_files import path_of
from napari_zstack_align.progress import collected
from napari_zstack_align.project import Project, load_project
from napari_zstack_align.saved import Kind, kind_of, occupant_of, target_of
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import ZShift, load_zshift

Loaded: TypeAlias = Alignment | list[Alignment] | Traces | list[Traces] | ZShift | Rois | Project


def load(path: str | Path, *, stack: Stack | None = None) -> Loaded:
    """Open a saved result of any kind.

    Parameters
    ----------
    path : str or pathlib.Path
        What was saved: a folder, or the CSV table of ROIs. The suffix that saving added may be
        left out.
    stack : Stack, optional
        The raw frames of an alignment or a z-shift, where they are not where they were.

    Returns
    -------
    Alignment, ZShift, Traces, Rois or Project
        A list of Alignment for a session, a list of Traces for the traces of several recordings.

    Raises
    ------
    InputError
        Where there is nothing of the kind, it is damaged, or of a newer version.
    """
    path = _with_suffix(path_of(path))
    kind = kind_of(path)
    if stack is not None and kind not in (Kind.ALIGNMENT, Kind.ZSHIFT):
        raise InputError(f"{path} is no single alignment or z-shift: leave the stack out.")
    match kind:
        case Kind.ALIGNMENT:
            return load_alignment(path, stack)
        case Kind.SESSION:
            return load_session(path)
        case Kind.ZSHIFT:
            return load_zshift(path, stack)
        case Kind.TRACES:
            return load_traces(path)
        case Kind.SESSION_TRACES:
            return load_session_traces(path)
        case Kind.ROIS:
            return load_rois(path)
        case Kind.PROJECT:
            return collected(load_project(path))
    there = occupant_of(path)
    if there.obstacle and not there.is_file:
        raise InputError(f"{path} {there.obstacle}: give the place of a saved result.")
    if not path.exists():
        raise InputError(f"There is no saved result {path}.")
    raise InputError(
        f"{path} holds no saved result: open images with open_stack, other tables of ROIs "
        f"with load_rois."
    )


def _with_suffix(path: Path) -> Path:
    """Name that saving made of a name without suffix, where only this one is there."""
    if os.path.exists(path) or not path.name:  # unlike Path.exists, it never raises
        return path
    names = (target_of(path, kind) for kind in (Kind.ALIGNMENT, Kind.ROIS, Kind.PROJECT))
    return next((name for name in names if os.path.exists(name)), path)
