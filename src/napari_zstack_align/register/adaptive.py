"""Alignment of a z-stack with repeats to a reference that is updated slice by slice."""

from __future__ import annotations

from pathlib import Path

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_frames_at_hand
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import AlignmentError, InputError
from napari_zstack_align.mask import Mask, as_weights
from napari_zstack_align.parallel import checked_threads, worker_threads
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import remarks_on
from napari_zstack_align.register.artefacts.search import Pixels, checked_pixels
from napari_zstack_align.register.closing import (
    averaged_in_slices,
    with_noise_limit,
    with_worse_put_back,
)
from napari_zstack_align.register.copied_frames import with_copies_told
from napari_zstack_align.register.direct import DirectChain
from napari_zstack_align.register.first_look import first_look
from napari_zstack_align.register.frames import TOO_MUCH_LIGHT, check_channels
from napari_zstack_align.register.ready_loops import begin_making_ready, loops_ready
from napari_zstack_align.register.slice_run import SliceRun
from napari_zstack_align.register.slice_steps import with_breaks
from napari_zstack_align.register.two_stage import TwoStages
from napari_zstack_align.register.unlike_repeats import with_unlike_repeats_told
from napari_zstack_align.remark import Remark, as_notes, as_serious
from napari_zstack_align.saved import (
    JournalPlace,
    Kind,
    Units,
    UnitStore,
    WatchedFrames,
    about_run,
    opened_journal,
)
from napari_zstack_align.stack import Stack

STRATEGIES: dict[str, type[SliceRun]] = {"two_stage": TwoStages, "direct": DirectChain}

LEAST_PX = 16
"""Along each axis of a frame: less shows too little tissue to be recognised."""
RIGHT_CHANNEL = "Check that the right channel and file were chosen."


def align_adaptive(
    stack: Stack,
    params: AdaptiveParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    artefacts: npt.ArrayLike | None = None,
    threads: int | None = None,
    journal: UnitStore | JournalPlace | str | Path | None = None,
) -> Job[Alignment]:
    """Align a z-stack with repeats.

    The repeats of a slice are registered to their own mean, and that mean to the reference, which
    is updated slice by slice (see ``AdaptiveParams.strategy``). A frame that
    can't be aligned is flagged, bridged from the other repeats of its slice, and left out of the
    volume.

    Parameters
    ----------
    stack : Stack
        (T, C, Y, X) with ``frames_per_slice``.
    params : AdaptiveParams, optional
        Defaults to ``AdaptiveParams()``.
    mask : array-like, optional
        (Y, X) bool, labels or weights in [0, 1] in reference coordinates: where the alignment
        has to be right. Outside it the smoothness of the field alone carries it.
    artefacts : array-like, optional
        (Y, X) bool: pixels of the raw frames that are fixed to the detector, such as those that
        an `Alignment` names, corrected by hand. They are left out, and no others are looked for.
    threads : int, optional
        Frames worked on at once; the number of processors by default. The result doesn't
        depend on it.
    journal : str or pathlib.Path, optional
        Keep finished slices on disk until the result is saved: the name that it will be saved
        under (``NAME.zalign``). Whatever stops the program, the same call goes on from them, to
        the same result; they lie in ``NAME.zalign.unfinished`` beside it, and go when the result
        is saved there. A changed parameter computes anew only what it touches. By default nothing
        is kept. (A `Journal` that is open already is taken too, and left open.)

    Returns
    -------
    generator of Progress
        Returns an `Alignment`; ``partial`` is an Alignment of the slices done, whose other
        frames are flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where stack, parameters and mask don't fit together, or raw files are gone.
    AlignmentError
        At the end, where no slice shows anything to align.
    RunStopped
        Where a raw file vanishes or changes meanwhile, or the journal can't be written any more
        (a full disk): what was finished is kept.
    """
    check_frames_at_hand(stack)
    params = AdaptiveParams.given(params)
    if stack.frames_per_slice is None:
        raise InputError(
            f"{stack.name} has no frames_per_slice: say how many repeats each slice has, or use "
            f"the registration for recordings."
        )
    check_channels(stack, params)
    y, x = stack.shape[2:]
    if min(y, x) < LEAST_PX:
        raise InputError(
            f"The frames of {stack.name} are {y} × {x} px, too small to be aligned: they need at "
            f"least {LEAST_PX} × {LEAST_PX}."
        )
    n_threads = checked_threads(threads)
    if params.start_slice is not None and params.start_slice >= stack.n_slices:
        raise InputError(
            f"start_slice is {params.start_slice}, but {stack.name} has "
            f"{counted(stack.n_slices, 'slice')}: give one from 0 to {stack.n_slices - 1}."
        )
    shape = (stack.shape[2], stack.shape[3])
    given = checked_pixels(artefacts, shape)
    return _align(stack, params, as_weights(mask, shape), given, n_threads, journal)


def _align(
    stack: Stack,
    params: AdaptiveParams,
    mask: Mask | None,
    given: Pixels | None,
    n_threads: int,
    journal: UnitStore | JournalPlace | str | Path | None,
) -> Job[Alignment]:
    about = about_run("align_adaptive", params, stack, mask=mask, artefacts=given)
    with (
        opened_journal(journal, Kind.ALIGNMENT, about, [stack]) as store,
        worker_threads(n_threads) as pool,
    ):
        loops = begin_making_ready()
        units = Units(store, WatchedFrames(stack))
        ahead = 2 * n_threads
        yield from units.check(pool, ahead)
        layout, found = yield from first_look(units, params, pool, given)
        early = f"{layout.headline} The summary says more." if layout.warning else ""
        yield Progress("Aligning", 0, stack.n_frames, Remark(early) if early else "")
        run = STRATEGIES[params.strategy](stack, params, mask, pool, ahead, units, found)
        of_layout = (*as_serious(layout.warning), *as_notes(layout.note))
        run.remarks = (*stack.remarks, *remarks_on(stack), *of_layout, *found.remarks)
        yield from loops_ready(loops, run.progress)
        yield from all_slices(run)
        if not run.found_signal:
            remedy = TOO_MUCH_LIGHT if run.is_saturated else RIGHT_CHANNEL
            raise AlignmentError(
                f"Nothing in {stack.name} could be aligned: {run.first_fault()}. {remedy}"
            )
        snapshot, start = with_worse_put_back(run.snapshot()), run.slices()[0]
        alignment = with_breaks(snapshot, run.steps, start, params.max_shift_px)
        averaged = averaged_in_slices(alignment)
        frames = units.frames.stack
        limited = yield from with_noise_limit(alignment, frames, params, found, averaged)
        whole = yield from with_unlike_repeats_told(limited, frames, params, found, run.undecided)
        units.frames.check_files()
        return with_copies_told(whole)


def all_slices(run: SliceRun) -> Job[None]:
    """Align the slices in their order; where some were finished before, say once how many."""
    order, goes_on, n_kept = run.slices(), bool(run.units.journal.names()), 0
    try:
        for i, z in enumerate(order):
            if goes_on:
                is_kept = run.was_kept(z)
                if run.is_independent or not is_kept or z == order[-1]:
                    yield from _tell(run, n_kept + sum(map(run.was_kept, order[i:])))
                    goes_on = False
                n_kept += is_kept
            yield from run.align_slice(z)
        yield from run.finish()
        yield from run.settle()
    finally:
        run.stop()


def _tell(run: SliceRun, n_kept: int) -> Job[None]:
    if n_kept:
        of = counted(run.stack.n_slices, "slice")
        yield run.progress(
            f"Going on with {run.units.journal.name}: {n_kept} of {of} were finished."
        )
