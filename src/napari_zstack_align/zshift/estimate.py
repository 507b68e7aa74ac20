"""The job that finds the depth of every frame."""

from __future__ import annotations

from time import monotonic

import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.parallel import checked_threads, ordered_map, worker_threads
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.inputs import Inputs, checked_inputs
from napari_zstack_align.zshift.locate import Locator
from napari_zstack_align.zshift.result import Findings
from napari_zstack_align.zshift.templates import make_templates
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
) -> Job[ZShift]:
    """Find at which depth of a reference z-stack each frame of a recording was taken.

    Parameters
    ----------
    stack : Stack
        The recording, (T, C, Y, X).
    reference : Alignment, Stack or array-like
        An aligned z-stack, whose volume it is; a Stack with slices (repeats are averaged as they
        are); or an array (Z, Y, X), depths then being in slices only. Pixels of another size are
        resampled to those of the frames, centre on centre.
    params : ZShiftParams, optional
        Defaults to ``ZShiftParams()``.
    alignment : Alignment, optional
        Of the recording; its aligned frames are compared. None: the frames as they are.
    threads : int, optional
        Windows of frames worked on at once; the number of processors by default. The result
        doesn't depend on it.

    Returns
    -------
    generator of Progress
        Returns `ZShift`; ``partial`` is one too, in which frames that weren't run are NaN and
        flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where recording, reference, alignment and parameters don't fit together;
        later, where the reference can't be read or is blank.

    Notes
    -----
    Each patch is compared, by normalised correlation of band-passed images, with planes predicted
    between the slices (kriging); depths are smoothed over space by penalised least squares and
    over time by a Kalman smoother, weighted by their evidence. See docs/zshift.md.
    """
    inputs = checked_inputs(stack, reference, params, alignment)
    return _estimate(inputs, checked_threads(threads))


def _estimate(inputs: Inputs, threads: int) -> Job[ZShift]:
    volume, templates = yield from make_templates(inputs.reference, inputs.params)
    locator, findings = Locator(inputs, templates), Findings(inputs, templates, volume)
    n_frames, due = inputs.stack.n_frames, monotonic() + SNAPSHOT_S
    with worker_threads(threads) as pool:
        yield Progress(LOCATING, 0, n_frames)
        for window in ordered_map(pool, locator.locate, locator.windows(), threads + 1):
            findings.take(window)
            partial = None
            if monotonic() > due and findings.n_done < n_frames:
                begun = monotonic()
                partial = yield from findings.result()
                due = monotonic() + max(SNAPSHOT_S, SNAPSHOT_SHARE * (monotonic() - begun))
            yield Progress(LOCATING, findings.n_done, n_frames, partial=partial)
        return (yield from findings.result())
