"""Jobs of the Traces tab; they run in the worker and get snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.traces import (
    DarkLevel,
    Traces,
    dark_level,
    extract_session_traces,
    extract_traces,
    load_traces,
)
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.movies import Movie
from napari_zstack_align.gui.cells.trace_set import TraceSet, with_liveliest
from napari_zstack_align.params import TraceParams
from napari_zstack_align.progress import Job, Progress, with_partial
from napari_zstack_align.stack import Stack

FACTS = "traces.json"
"""File by which a folder of traces is known."""


def looking_up_dark(stacks: Sequence[Stack], params: TraceParams) -> Job[list[DarkLevel]]:
    """Find the dark level of each recording."""
    levels = []
    for done, stack in enumerate(stacks):
        yield Progress("Looking for the dark level", done, len(stacks))
        levels.append(dark_level(stack, params))
    return levels


def reading(movies: Sequence[Movie], rois: Rois, params: TraceParams) -> Job[TraceSet]:
    """Read the traces of all recordings, and find the liveliest."""
    traces = yield from _reading(movies, rois, params)
    yield Progress("Looking for the liveliest", 0, 1)
    return with_liveliest(traces)


def _reading(movies: Sequence[Movie], rois: Rois, params: TraceParams) -> Job[list[Traces]]:
    """Read the traces of all recordings; partial results are lists too."""
    alignments = [m.alignment for m in movies if m.alignment is not None]
    if len(movies) > 1 and len(alignments) == len(movies):
        return (
            yield from extract_session_traces([m.stack for m in movies], rois, alignments, params)
        )
    done: list[Traces] = []
    for movie in movies:
        job = extract_traces(movie.stack, rois, movie.alignment, params)
        done.append((yield from with_partial(job, lambda traces: [*done, traces])))
    return done


def saving(traces: Sequence[Traces], folder: Path) -> Job[Path]:
    """Save one recording's traces as a folder, those of several as folders in one."""
    if len(traces) == 1:
        yield Progress("Saving", 0, 1)
        return traces[0].save(folder)
    parts = [
        folder / f"{number:03d}_{name}"
        for number, name in enumerate(unique_names([each.recording for each in traces]), start=1)
    ]
    if folder.is_file() or (folder / FACTS).exists() or not set(_parts(folder)) <= set(parts):
        raise InputError(f"{folder} holds something else already: choose another name.")
    for done, (each, part) in enumerate(zip(traces, parts, strict=True)):
        yield Progress("Saving", done, len(traces))
        each.save(part)
    return folder


def loading(folder: Path) -> Job[TraceSet]:
    """Load what `saving` wrote."""
    parts = [folder] if (folder / FACTS).exists() else sorted(_parts(folder))
    if not parts:
        raise InputError(f"{folder} holds no traces: choose the folder that they were saved to.")
    found = []
    for done, part in enumerate(parts):
        yield Progress("Loading", done, len(parts))
        found.append(load_traces(part))
    return with_liveliest(found)


def _parts(folder: Path) -> list[Path]:
    return [facts.parent for facts in folder.glob(f"*/{FACTS}")]


def writing(start: Callable[[], Job[Path] | Job[list[Path]]]) -> Job[list[Path]]:
    """Run an export; returns all that was written."""
    written = yield from start()
    return written if isinstance(written, list) else [written]
