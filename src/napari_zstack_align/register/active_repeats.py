"""Cells that light up in some repeats of a slice: found on the aligned repeats of a run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import leave_one_out_correlations
from napari_zstack_align.alignment.spline import field_on_pixels
from napari_zstack_align.alignment.warp import enlarged, warp_with_valid
from napari_zstack_align.flags import Flag
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.activity import only_brighter, smoothed
from napari_zstack_align.register.frames import Image
from napari_zstack_align.register.lit_cells import Dimmed, lit_cells
from napari_zstack_align.register.lost_repeats import ANOTHER_PLACE, places_in_doubt
from napari_zstack_align.register.places import LINK
from napari_zstack_align.register.repeats import Registered, Repeats, judge_repeats
from napari_zstack_align.register.slice_run import Frames, SliceRun
from napari_zstack_align.register.template import Coefficients

Valid: TypeAlias = npt.NDArray[np.bool_]

PERHAPS_ACTIVE = (Flag.LOW_CORRELATION, Flag.TORN)
"""A repeat in which cells light up may be taken for one of these."""
UNLIKE = 0.1
"""Repeats in which cells light up keep more than this part of the usual correlation."""
LIT_FACTOR = 2
"""Cells that light up are looked for at so many times a smaller size."""


def dimmed_cells(
    run: SliceRun, frames: Frames, fields: Coefficients
) -> Generator[Progress, None, dict[int, Dimmed]]:
    """What dims the cells of raw frames that light up, of those frames that have any."""
    factor = min(LIT_FACTOR, *run.shape)
    images: list[Image] = []
    valid: list[Valid] = []
    tasks = zip(frames.tolist(), fields, strict=True)
    for image, where in run.map(
        lambda task: run.resample(run.read(task[0]), task[1], factor, cv2.INTER_LINEAR), tasks
    ):
        images.append(image)
        valid.append(where)
        yield run.progress()
    dimmed = yield from run.in_thread(lit_cells, images, valid)
    return {
        t: replace(one, factor=_in_raw_frame(one.factor, field, run, factor))
        for t, one, field in zip(frames.tolist(), dimmed, fields, strict=True)
        if one is not None
    }


def _in_raw_frame(image: Image, coefficients: Coefficients, run: SliceRun, factor: int) -> Image:
    """Image of an aligned frame, at a fraction of the size, as it lies in the raw frame; else 1."""
    # A smooth image needn't be exact: the field changes little over its own length.
    back = -field_on_pixels(coefficients, run.shape, run.spacing_px, factor) / np.float32(factor)
    moved, known = warp_with_valid(image, back, cv2.INTER_LINEAR)
    return enlarged(np.where(known, moved, np.float32(1)), factor, run.shape)


def judge_active_repeats(
    run: SliceRun,
    frames: Frames,
    registered: Sequence[Registered],
    start: Coefficients,
    reference: Image | None,
) -> Generator[Progress, None, Repeats]:
    """Judge the repeats of a slice, and keep those that are odd by cells that light up.

    Those that show another place have the fault `ANOTHER_PLACE`.

    Parameters
    ----------
    run : SliceRun
    frames : numpy.ndarray
        (n,) frames of the slice.
    registered, start, reference
        As of `judge_repeats`.
    """
    mask, mad = run.compared_mask, run.params.outlier_mad
    fields = np.stack([one.coefficients for one in registered])
    lost = yield from _lost_repeats(run, frames, registered, fields)
    registered = [
        replace(r, fault=ANOTHER_PLACE) if is_lost else r
        for r, is_lost in zip(registered, lost, strict=True)
    ]
    repeats = judge_repeats(registered, start, reference, mask, mad)
    odd = np.array([f is not None and f.flag in PERHAPS_ACTIVE for f in repeats.faults])
    odd &= [fault != ANOTHER_PLACE for fault in repeats.faults]
    if not odd.any():
        return repeats
    known = repeats.after[np.isfinite(repeats.after)]
    usual = float(np.median(known)) if len(known) else np.inf
    unlike = ~(repeats.after >= LINK * usual)
    active = yield from _active_repeats(run, frames, fields, repeats.used, odd, unlike)
    if not active.any():
        return repeats
    believed = [replace(r, fault=None) if a else r for r, a in zip(registered, active, strict=True)]
    return judge_repeats(believed, start, reference, mask, mad, active)


def _lost_repeats(
    run: SliceRun, frames: Frames, registered: Sequence[Registered], fields: Coefficients
) -> Generator[Progress, None, Valid]:
    """(n,) which repeats show another place than the slice, and not just lit cells."""
    unharmed = np.array([one.fault is None for one in registered])
    # A right repeat among lost ones seems torn.
    good = np.array([one.fault is None or one.fault.flag is Flag.TORN for one in registered])
    compared = [one.compared for one in registered]
    shown, right = yield from places_in_doubt(run, frames, compared, good)
    if right is None:
        return np.zeros(len(frames), bool)
    kept, lost = shown == right, unharmed & (shown != right)
    if not lost.any():
        return lost
    _, alike = leave_one_out_correlations(compared, kept, run.compared_mask)
    unlike = lost & (alike < UNLIKE * np.median(alike[kept]))
    lost &= ~(yield from _active_repeats(run, frames, fields, kept, lost))
    if lost.any():  # the cells may be lit in those that are kept
        lit = yield from _active_repeats(run, frames, fields, lost, kept)
        lost &= 2 * lit.sum() <= kept.sum()
    return lost | unlike


def _active_repeats(
    run: SliceRun,
    frames: Frames,
    fields: Coefficients,
    used: Valid,
    odd: Valid,
    unlike: Valid | None = None,
) -> Generator[Progress, None, Valid]:
    """(n,) which of the odd repeats differ from the used ones by cells that light up."""

    def resample(i: int) -> tuple[Image, Valid]:
        aligned, valid = run.resample(run.read(frames[i]), fields[i])
        return smoothed(aligned), valid

    compared = np.flatnonzero(used | odd)
    images: list[Image] = []
    valid: list[Valid] = []
    for image, where in run.map(resample, compared.tolist()):
        images.append(image)
        valid.append(where)
        yield run.progress()
    result = np.zeros(len(frames), bool)
    result[compared] = only_brighter(
        images, valid, odd[compared], None if unlike is None else unlike[compared]
    )
    return result
