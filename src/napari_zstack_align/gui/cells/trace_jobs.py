"""Jobs of the Traces tab; they run in the worker and get snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.traces import (
    DarkLevel,
    Traces,
    dark_level,
    extract_session_traces,
    extract_traces,
    measured_dark_level,
)
from napari_zstack_align.cells.traces.dark import share_detector, shared
from napari_zstack_align.cells.traces.storage import load_session_traces, save_session_traces
from napari_zstack_align.gui.cells.trace_set import TraceSet, with_liveliest
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.params import TraceParams
from napari_zstack_align.progress import Job, Progress, with_partial
from napari_zstack_align.read import open_stack
from napari_zstack_align.stack import Stack


def looking_up_dark(stacks: Sequence[Stack], params: TraceParams) -> Job[list[DarkLevel]]:
    """Find the dark level of each recording."""
    is_one, levels = share_detector(stacks, params), []
    for done, stack in enumerate(stacks):
        yield Progress("Looking for the dark level", done, len(stacks))
        levels.append(dark_level(stack, params))
    return shared(levels) if is_one else levels


def measuring_dark(path: Path) -> Job[DarkLevel]:
    """Read the dark level of a file without light."""
    yield Progress("Reading the dark level", 0, 1)
    return measured_dark_level(open_stack(path))


def reading(movies: Sequence[Movie], rois: Rois, params: TraceParams) -> Job[TraceSet]:
    """Read the traces of all recordings, and find the liveliest."""
    traces = yield from _reading(movies, rois, params)
    yield Progress("Looking for the liveliest", 0, 1)
    return replace(with_liveliest(traces), movies=tuple(movies))


def _reading(movies: Sequence[Movie], rois: Rois, params: TraceParams) -> Job[list[Traces]]:
    """Read the traces of all recordings; partial results are lists too."""
    alignments = [m.alignment for m in movies]
    if len(movies) > 1 and (params.same_detector or None not in alignments):
        return (
            yield from extract_session_traces([m.stack for m in movies], rois, alignments, params)
        )
    done: list[Traces] = []
    for movie in movies:
        job = extract_traces(movie.stack, rois, movie.alignment, params)
        done.append((yield from with_partial(job, lambda traces: [*done, traces])))
    return done


def saving(traces: TraceSet, folder: Path) -> Job[Path]:
    """Save one recording's traces as a folder, those of several as folders in one."""
    yield Progress("Saving", 0, 1)
    if traces.whole == 1:
        return traces.recordings[0].save(folder)
    return save_session_traces(traces.recordings, folder, asked=traces.whole)


def loading(folder: Path) -> Job[TraceSet]:
    """Load what `saving` wrote."""
    yield Progress("Loading", 0, 1)
    return with_liveliest(load_session_traces(folder))


def writing(start: Callable[[], Job[Path] | Job[list[Path]]]) -> Job[list[Path]]:
    """Run an export; returns all that was written."""
    written = yield from start()
    return written if isinstance(written, list) else [written]
