"""Jobs that read the traces of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces.dark import (
    dark_level,
    share_detector,
    shared,
    stated_dark_level,
)
from napari_zstack_align.cells.traces.extraction import Extraction
from napari_zstack_align.cells.traces.inputs import about_traces, checked_inputs
from napari_zstack_align.cells.traces.traces import Traces
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.parallel import checked_threads
from napari_zstack_align.params import TraceParams
from napari_zstack_align.progress import Job, Progress, mapped, with_partial
from napari_zstack_align.saved import Kind, UnitStore, opened_journal
from napari_zstack_align.stack import Stack


def extract_traces(
    stack: Stack,
    rois: Rois | npt.ArrayLike,
    alignment: Alignment | None = None,
    params: TraceParams | None = None,
    ids: npt.ArrayLike | None = None,
    *,
    threads: int | None = None,
    journal: UnitStore | str | Path | None = None,
    check_frames: bool = True,
) -> Job[Traces]:
    """Read the traces of ROIs from the raw frames of a recording.

    Each circle is carried to every raw frame, where it is averaged, pixels at its edge counted
    by the exact area of the circle in them. Nothing is resampled, and each frame is read once.

    Parameters
    ----------
    stack : Stack
        The raw frames, (T, C, Y, X); all channels are read.
    rois : Rois or array-like
        (N, 3) y, x, radius in px, in reference coordinates.
    alignment : Alignment, optional
        That of the recording; None: nothing moves, and every frame has confidence 1.
    params : TraceParams, optional
        Defaults to ``TraceParams()``.
    ids : array-like, optional
        (N,) ids of an array of circles; 1 to N by default.
    threads : int, optional
        Windows of frames worked on at once; the number of processors by default. The result
        doesn't depend on it.
    journal : str or pathlib.Path, optional
        Keep what was read on disk until the result is saved: the name that it will be saved
        under. Whatever stops the program, the same call goes on from there, to the same result;
        it lies in ``NAME.unfinished`` beside it, and goes when the result is saved there. A
        changed baseline or dark level reads nothing anew. By default nothing is kept. (A
        `Journal` that is open already is taken too, and left open.)
    check_frames : bool
        Whether a few frames are compared with those that were aligned. False for another channel
        of the same recording, or a filtered copy of it.

    Returns
    -------
    generator of Progress
        Returns `Traces`; without a journal, ``partial`` is Traces too, in which frames that
        weren't read are NaN and flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where stack, ROIs, alignment and parameters don't fit together.
    RunStopped
        Where a raw file vanishes or changes meanwhile, or the journal can't be written any more
        (a full disk): what was read is kept.

    Notes
    -----
    Baseline as a low percentile of a sliding window: Dombeck et al. 2007 (Neuron). Neuropil
    subtraction with a factor of 0.7: Chen et al. 2013 (Nature).
    """
    inputs = checked_inputs(stack, rois, alignment, params, ids, check_frames)
    return _alone(Extraction(inputs, checked_threads(threads)), journal)


def extract_session_traces(
    stacks: Sequence[Stack],
    rois: Rois | npt.ArrayLike,
    alignments: Sequence[Alignment | None],
    params: TraceParams | None = None,
    *,
    threads: int | None = None,
    journal: UnitStore | str | Path | None = None,
    check_frames: bool = True,
) -> Job[list[Traces]]:
    """Read the traces of the same ROIs from the recordings of a session.

    Parameters
    ----------
    stacks : sequence of Stack
        The recordings.
    rois : Rois or array-like
        (N, 3) y, x, radius in px, in the coordinates of the common reference.
    alignments : sequence of Alignment
        One a recording, in the same order.
    params, threads, journal, check_frames
        As in `extract_traces`; one journal for all.

    Returns
    -------
    generator of Progress
        Returns a list of Traces, one a recording; ``partial`` is such a list, too, of the
        recordings that were begun.

    Raises
    ------
    InputError
        At the call, where something doesn't fit together.
    RunStopped
        As in `extract_traces`.
    """
    if not (_is_list(stacks) and _is_list(alignments)):
        raise InputError(
            "Give a list of recordings and a list of alignments, or use extract_traces for one."
        )
    if not len(stacks):
        raise InputError("There are no recordings to read traces from: give at least one.")
    if len(stacks) != len(alignments):
        raise InputError(
            f"{counted(len(stacks), 'recording')}, but {counted(len(alignments), 'alignment')}: "
            f"give one alignment a recording, in the same order."
        )
    share_detector(stacks, TraceParams.given(params))
    rois = rois if isinstance(rois, Rois) else Rois.of(rois)
    number = checked_threads(threads)
    extractions = [
        Extraction(
            checked_inputs(stack, rois, alignment, params, check_frames=check_frames), number
        )
        for stack, alignment in zip(stacks, alignments, strict=True)
    ]
    return _session(extractions, journal)


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _alone(extraction: Extraction, journal: UnitStore | str | Path | None) -> Job[Traces]:
    inputs = extraction.inputs
    about = about_traces([inputs.stack], inputs.rois, [inputs.alignment], inputs.params)
    with opened_journal(journal, Kind.TRACES, about, [inputs.stack]) as store:
        return (yield from extraction.run(store))


def _session(
    extractions: list[Extraction], journal: UnitStore | str | Path | None
) -> Job[list[Traces]]:
    done: list[Traces] = []
    inputs = [extraction.inputs for extraction in extractions]
    stacks, alignments = [each.stack for each in inputs], [each.alignment for each in inputs]
    about = about_traces(stacks, inputs[0].rois, alignments, inputs[0].params)
    with opened_journal(journal, Kind.SESSION_TRACES, about, stacks) as store:
        yield from _share_dark(extractions)
        for i, extraction in enumerate(extractions, 1):
            name = f"{extraction.inputs.stack.name} ({i} of {len(extractions)})"
            job = with_partial(
                extraction.run(store, f"recording-{i}-"), lambda traces: [*done, traces]
            )
            done.append((yield from mapped(job, partial(_named, name))))
            yield Progress("Recordings", i, len(extractions), partial=list(done))
    return done


def _share_dark(extractions: Sequence[Extraction]) -> Job[None]:
    """Find one dark level for recordings of one detector, where it has to be estimated."""
    stacks, params = [each.inputs.stack for each in extractions], extractions[0].inputs.params
    if params.dark_frames is not None or not share_detector(stacks, params):
        return
    if any(stated_dark_level(stack, params) is not None for stack in stacks):
        return
    levels = []
    for done, stack in enumerate(stacks):
        yield Progress("Looking for the dark level", done, len(stacks))
        levels.append(dark_level(stack, params))
    for extraction, level in zip(extractions, shared(levels), strict=True):
        extraction.use_dark(level)


def _named(name: str, step: Progress) -> Progress:
    return replace(step, stage=f"{step.stage}: {name}")
