"""Repeats of another place or depth than their slice, found on the aligned repeats of a run."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.quality import (
    Compared,
    comparison_factor,
    comparison_image,
    without_extremes,
)
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.frames import Image
from napari_zstack_align.register.places import (
    Places,
    Which,
    clearly_right,
    likeness_nearby,
    mean_of,
    places,
    shown_by_most,
)
from napari_zstack_align.register.slice_run import SLICES_BESIDE, Frames, SliceRun

ANOTHER_PLACE = Fault(
    Flag.LOW_CORRELATION, "left out: it shows another place or depth than its slice"
)
REACHES = (2, SLICES_BESIDE)
"""The nearest slices are asked first; more of them where repeats are lost in these, too."""
FRAMES_A_SLICE = 4
"""So many frames of each slice beside are looked at, spread over it."""


def places_in_doubt(
    run: SliceRun, frames: Frames, compared: Sequence[Compared], good: Which
) -> Generator[Progress, None, tuple[Places, int | None]]:
    """Places that the repeats of a slice show, and which of them is the slice's.

    Parameters
    ----------
    run : SliceRun
    frames : numpy.ndarray
        (n,) frames of the slice.
    compared : sequence of Compared
        The aligned repeats.
    good : numpy.ndarray
        (n,) bool: which of them are looked at.
    """
    shown = places(compared, good, run.compared_mask)
    if run.params.outlier_mad == 0 or shown.max() < 1:
        return np.minimum(shown, 0), 0
    means = [
        mean_of([one for one, at in zip(compared, shown, strict=True) if at == place])
        for place in range(int(shown.max()) + 1)
    ]
    right = None
    for reach in REACHES:
        beside = yield from _likeness_beside(run, frames, means, reach)
        right = clearly_right(beside)
        if right is not None:
            break
    if right is None:
        right = shown_by_most(shown)
    if right is None:
        run.undecided.add(int(run.stack.slice_of_frame[frames[0]]))
    return shown, right


def _likeness_beside(
    run: SliceRun, frames: Frames, means: Sequence[Image], slices: int
) -> Generator[Progress, None, npt.NDArray[np.float64]]:
    """(places,) how much the mean of each resembles the raw frames of the slices beside."""
    z = int(run.stack.slice_of_frame[frames[0]])
    reach = run.params.max_shift_px / comparison_factor(run.shape)

    def alike(t: int) -> list[float] | None:
        raw = run.read(t)
        if raw.fault is not None:
            return None
        image = without_extremes(comparison_image(filled(raw.image)))
        return [likeness_nearby(mean, image, reach) for mean in means]

    of_slices = []
    for beside in run.slices_beside(z, slices):
        theirs = run.stack.frames_of_slice(beside)
        some = theirs[np.unique(np.linspace(0, len(theirs) - 1, FRAMES_A_SLICE).astype(int))]
        found = []
        for values in run.map(alike, some.tolist()):
            found += [] if values is None else [values]
            yield run.progress()
        of_slices += [np.mean(found, axis=0)] if found else []
    return np.mean(of_slices, axis=0) if of_slices else np.full(len(means), np.nan)
