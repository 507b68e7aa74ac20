"""The job that finds the depth of every frame."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.watched_frames import watched_frames
from napari_zstack_align.counting import counted
from napari_zstack_align.paced import PacedSource
from napari_zstack_align.parallel import checked_threads, patient_map, worker_threads
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import SEVERAL_IMAGES, several_images
from napari_zstack_align.register.kept_layout import check_kept_layout
from napari_zstack_align.remark import Remark, as_serious
from napari_zstack_align.saved import (
    FrameDigests,
    Kind,
    Units,
    UnitStore,
    opened_journal,
)
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.inputs import Inputs, about_zshift, checked_inputs
from napari_zstack_align.zshift.locate import LocatedFrames, Locator
from napari_zstack_align.zshift.reference import Reference
from napari_zstack_align.zshift.reference_check import EACH_A_SLICE, NoSlicesError
from napari_zstack_align.zshift.result import Findings
from napari_zstack_align.zshift.swapped import UNIT as FAR_APART
from napari_zstack_align.zshift.swapped import SwappedError, are_swapped, sentence
from napari_zstack_align.zshift.templates import make_templates, templates_key
from napari_zstack_align.zshift.zshift import ZShift

LOCATING = "Finding frames in the reference"
SNAPSHOT_S = 5.0
SNAPSHOT_SHARE = 20
"""A snapshot is due so many times later than making the last one took."""


def estimate_zshift(
    stack: Stack,
    reference: Alignment | Stack | npt.ArrayLike,
    params: ZShiftParams | None = None,
    alignment: Alignment | None = None,
    *,
    threads: int | None = None,
    journal: UnitStore | str | Path | None = None,
    check_frames: bool = True,
) -> Job[ZShift]:
    """Find at which depth of a reference z-stack each frame of a recording was taken.

    Parameters
    ----------
    stack : Stack
        The recording, (T, C, Y, X).
    reference : Alignment, Stack or array-like
        An aligned z-stack, whose volume it is; a Stack with slices (repeats are averaged as they
        are); or an array (Z, Y, X), depths then being in slices only. An array, or a Stack without
        ``frames_per_slice``, must look like slices; ``frames_per_slice=1`` says that each image is
        one. Pixels of another size are resampled to those of the frames, centre on centre.
    params : ZShiftParams, optional
        Defaults to ``ZShiftParams()``.
    alignment : Alignment, optional
        Of the recording; its aligned frames are compared. None: the frames as they are.
    threads : int, optional
        Windows of frames worked on at once; the number of processors by default. The result
        doesn't depend on it.
    journal : str or pathlib.Path, optional
        Keep what was found on disk until the result is saved: the name that it will be saved
        under (``NAME.zalign``). Whatever stops the program, the same call goes on from there, to
        the same result; it lies in ``NAME.zalign.unfinished`` beside it, and goes when the result
        is saved there. A changed parameter computes anew only what it touches. By default nothing
        is kept. (A `Journal` that is open already is taken too, and left open.)
    check_frames : bool
        Whether a few frames are compared with those that were aligned. False for another channel
        of the same recording, or a filtered copy of it.

    Returns
    -------
    generator of Progress
        Returns `ZShift`; without a journal, ``partial`` is one too, in which frames that weren't
        run are NaN and flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where recording, reference, alignment and parameters don't fit together;
        later, where the reference can't be read, is blank, or looks like something else than the
        slices of a z-stack.
    RunStopped
        Where a raw file vanishes or changes meanwhile, or the journal can't be written any more
        (a full disk): what was found is kept.

    Notes
    -----
    Each patch is compared, by normalised correlation of band-passed images, with planes predicted
    between the slices (kriging); depths are smoothed over space by penalised least squares and
    over time by a Kalman smoother, weighted by their evidence. See docs/zshift.md.
    """
    inputs = checked_inputs(stack, reference, params, alignment, check_frames)
    return _estimate(inputs, reference, checked_threads(threads), journal)


def _estimate(
    inputs: Inputs,
    reference: Alignment | Stack | npt.ArrayLike,
    threads: int,
    journal: UnitStore | str | Path | None,
) -> Job[ZShift]:
    about = about_zshift(inputs.stack, reference, inputs.params, inputs.alignment)
    with (
        opened_journal(
            journal, Kind.ZSHIFT, about, [inputs.stack, inputs.reference.stack]
        ) as store,
        worker_threads(threads) as pool,
        _watched(inputs.reference.stack, inputs.reference.seen, store, "reference-") as slices,
        _watched(inputs.stack, inputs.seen, store, "recording-") as units,
    ):
        for each in (slices, units):
            yield from each.check(pool, threads + 1)
        alignment = inputs.alignment
        known = None if alignment is None else alignment.remarks
        found = yield from several_images(units, inputs.params.channel, known)
        inputs = replace(inputs, looked_at=found)
        layout = yield from _layout_of_repeats(inputs.reference, slices)
        try:
            layout += yield from _swapped(inputs, units, slices)
            volume, templates = yield from make_templates(
                inputs.reference, inputs.params, slices, pool
            )
        except (NoSlicesError, SwappedError):
            slices.forget()
            for unit in (SEVERAL_IMAGES, FAR_APART):
                units.forget(unit)
            raise
        templates = replace(templates, remarks=layout + templates.remarks)
        key = templates_key(volume, inputs.params)
        locator = Locator(inputs, templates, key, units)
        findings = Findings(inputs, templates, volume, units)
        yield from _locate(locator, findings, units, pool, threads + 1)
        units.frames.check_files()
        return (yield from findings.result())


def _layout_of_repeats(reference: Reference, slices: Units) -> Job[tuple[Remark, ...]]:
    """Check what is said of raw repeats that are averaged; of an alignment, that was done."""
    if not reference.averages_raw_repeats:
        return ()
    report = yield from check_kept_layout(slices, reference.channel)
    return as_serious(report.warning and f"{reference.name}: {report.warning}")


def _swapped(inputs: Inputs, units: Units, slices: Units) -> Job[tuple[Remark, ...]]:
    """Refuse a recording and a reference that look swapped; a warning where slices are said.

    A recording with its alignment is one.
    """
    reference = inputs.reference
    if inputs.alignment is not None or reference.is_aligned or reference.averages_raw_repeats:
        return ()
    channels = inputs.params.channel, reference.channel
    if not (yield from are_swapped(units, slices, *channels)):
        return ()
    what = sentence(inputs.stack.name, reference.name)
    if reference.is_said:
        return as_serious(f"{what}: depths are likely wrong. Give them the other way round.")
    raise SwappedError(f"{what}: give them the other way round{EACH_A_SLICE}")


@contextmanager
def _watched(
    stack: Stack, seen: FrameDigests | None, store: UnitStore, prefix: str
) -> Iterator[Units]:
    """Units over the frames of a stack, which is read no more once the block is left."""
    with closing(PacedSource(stack.source)) as source:
        yield Units(store, watched_frames(stack.replace(source=source), seen), prefix)


def _locate(
    locator: Locator, findings: Findings, units: Units, pool: ThreadPoolExecutor, ahead: int
) -> Job[None]:
    """Take over the windows that were found before, and find the others."""
    windows, n_frames = locator.windows(), units.frames.stack.n_frames
    yield Progress(LOCATING, 0, n_frames)
    if units.journal.names():
        windows = yield from _take_over(locator, findings, units, pool, ahead)
    due = monotonic() + SNAPSHOT_S
    for window in patient_map(pool, locator.locate, windows, ahead):
        if window is not None:
            findings.take(window)
        partial = None
        # Of a run with a journal, that holds what was found: a snapshot would copy it all.
        if monotonic() > due and 0 < findings.n_done < n_frames and not units.journal.id:
            begun = monotonic()
            partial = yield from findings.result()
            due = monotonic() + max(SNAPSHOT_S, SNAPSHOT_SHARE * (monotonic() - begun))
        yield Progress(LOCATING, findings.n_done, n_frames, partial=partial)


def _take_over(
    locator: Locator, findings: Findings, units: Units, pool: ThreadPoolExecutor, ahead: int
) -> Generator[Progress, None, list[range]]:
    """Take over finished windows; return the frames of the others."""
    missing, n_frames = [], units.frames.stack.n_frames
    for found in patient_map(pool, locator.kept, locator.windows(), ahead):
        if isinstance(found, LocatedFrames):
            findings.take(found)
        elif found is not None:
            missing.append(found)
        yield Progress(LOCATING, findings.n_done, n_frames)
    if findings.n_done:
        of = counted(n_frames, "frame")
        note = f"Going on with {units.journal.name}: {findings.n_done} of {of} were finished."
        yield Progress(LOCATING, findings.n_done, n_frames, note)
    return missing
