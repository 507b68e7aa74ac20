"""What of the panel's results is in no file."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any

import numpy as np

from napari_zstack_align.counting import counted
from napari_zstack_align.gui.project.opening import Opened
from napari_zstack_align.project import Project


def unsaved_words(project: Project, in_files: Container[Any], masks: Iterable[Any]) -> str:
    """List what would be lost: '2 runs, 14 ROIs and a painted mask are'; '' for nothing.

    Parameters
    ----------
    project : Project
        What the panel holds.
    in_files : container
        Results that were saved or loaded one by one.
    masks : iterable of napari.layers.Labels
        The layers of its masks that are in no file as they are.
    """
    facts = project.view.get("runs", {})
    runs = [
        run
        for run in project.runs
        if not facts.get(run.name, {}).get("saved") and any(r not in in_files for r in run.results)
    ]
    rois = sum(len(each) for each in project.rois.values() if each not in in_files)
    traces = [t for each in project.traces.values() for t in each if t not in in_files]
    zshifts = [each for each in project.zshifts.values() if each not in in_files]
    painted = [layer for layer in masks if np.any(layer.data)]
    found = [
        counted(number, noun)
        for number, noun in (
            (len(runs), "run"),
            (rois, "ROI"),
            (len(painted), "painted mask"),
            (len(zshifts), "z-shift"),
        )
        if number
    ]
    found += [f"the traces of {counted(len(traces), 'recording')}"] * bool(traces)
    if not found:
        return ""
    *first, last = found
    words = f"{', '.join(first)} and {last}" if first else last
    single = not first and last.startswith("1 ")
    return f"{words} {'is' if single else 'are'}"


def results_in(project: Project) -> Iterator[Any]:
    """All results of a project that was saved."""
    for run in project.runs:
        yield from run.results
    yield from project.rois.values()
    for traces in project.traces.values():
        yield from traces
    yield from project.zshifts.values()


def results_of(opened: Opened) -> Iterator[Any]:
    """All results of a project as they are shown; its folder has them."""
    runs = [*opened.session_runs, *(run for each in opened.stacks for run in each.runs)]
    for run in runs:
        yield from run.results.values()
    yield from opened.project.rois.values()
    if opened.traces is not None:
        yield from opened.traces.recordings
    if opened.zshift is not None:
        yield opened.zshift.zshift
