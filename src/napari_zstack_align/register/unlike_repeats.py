"""A warning of slices whose repeats are less alike than their light allows.

Where nothing tells which repeats of a slice show the right place, all of them stay in its mean,
which is then an image of several places.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.noise_limit import power_of
from napari_zstack_align.alignment.quality import comparison_factor, noise_spread
from napari_zstack_align.alignment.summary import NOISE_LIMIT, median_correlations
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.counting import decimal
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.frames import read_frame
from napari_zstack_align.remark import Remark
from napari_zstack_align.stack import Stack

LESS_ALIKE, TWO_LESS_ALIKE = 0.7, 0.4
"""Repeats of two places, half of them each, correlate with the others by less than this part of
what they would at one place; of two repeats, one each, much less."""
NOISE_SPREADS = 3.0
"""... and by so many spreads of pure noise less."""
BESIDE = 3
"""Slices on either side, one of which is more alike than a slice that is looked at."""
MOST_FRAMES = 6
"""So many frames of a slice tell what its light allows."""
LEAST_LIMIT = 0.3
"""Slices whose light allows less show too little."""
MOST_SAID = 3


def with_unlike_repeats_told(
    alignment: Alignment,
    stack: Stack,
    params: ChannelParams,
    artefacts: Artefacts,
    undecided: Collection[int],
) -> Job[Alignment]:
    """Return the alignment with a warning of slices whose repeats show different places.

    Parameters
    ----------
    alignment : Alignment
        With its noise limit.
    stack : Stack
        Its frames, under watch.
    params : ChannelParams
        Which channel drives the alignment.
    artefacts : Artefacts
        What was left out of the frames.
    undecided : collection of int
        Slices of which that is known already.
    """
    rows, columns = (size // comparison_factor(alignment.raw_shape) for size in alignment.raw_shape)
    noise = NOISE_SPREADS * noise_spread(rows * columns)
    reached = _part_reached(alignment)
    said = {z: f"slice {z}" for z in undecided}
    for z, found in _less_alike_than_beside(alignment).items():
        frames = _judged(alignment, z)
        limits = []
        for t in frames[np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(int))]:
            raw = read_frame(stack, int(t), params, artefacts)
            if raw.fault is None:
                power = power_of(filled(raw.image), _mask(alignment))
                limits.append(power.expected_correlation(1, len(frames) - 1))
            yield Progress("Comparing the repeats", len(said), alignment.stack.n_slices or 1)
        limit = float(np.median(limits)) if limits else 0.0
        part = LESS_ALIKE if len(frames) > 2 else TWO_LESS_ALIKE
        if limit > LEAST_LIMIT and found < part * reached * limit - noise:
            alike = f"{decimal(found)}, where their light allows {decimal(limit)}"
            said[z] = f"slice {z} (each resembles the others by {alike})"
    listed = [said[z] for z in sorted(said)]
    return alignment.with_remarks(_remark(listed)) if listed else alignment


def _remark(said: list[str]) -> Remark:
    listed = "; ".join(said[:MOST_SAID])
    if len(said) > MOST_SAID:
        listed += f"; and {len(said) - MOST_SAID} more"
    return Remark(
        f"Repeats of these slices show different places or depths: {listed}. Which of them are "
        f"right could not be told, so all are in the mean: look at the single frames."
    )


def _judged(alignment: Alignment, z: int) -> npt.NDArray[np.intp]:
    """Frames of a slice in its mean, with a correlation with the others."""
    quality = alignment.quality
    known = quality["used"] & np.isfinite(quality["correlation_after"])
    return np.flatnonzero(known & (quality["slice"] == z))


def _less_alike_than_beside(alignment: Alignment) -> dict[int, float]:
    """From slices whose repeats are less alike than in a slice near them, to how alike they are."""
    n_slices = alignment.stack.n_slices or 0
    medians = np.zeros(n_slices)
    for z in range(n_slices):
        frames = _judged(alignment, z)
        if len(frames) > 1:
            medians[z] = np.median(alignment.quality["correlation_after"][frames])
    best = [medians[max(z - BESIDE, 0) : z + BESIDE + 1].max() for z in range(n_slices)]
    return {
        z: float(medians[z])
        for z in range(n_slices)
        if len(_judged(alignment, z)) > 1 and medians[z] < LESS_ALIKE * best[z]
    }


def _part_reached(alignment: Alignment) -> float:
    """Part of what noise allows that the repeats of the stack usually reach: at most 1."""
    limit, found = alignment.provenance.get(NOISE_LIMIT), median_correlations(alignment.quality)
    return min(float(found[1] / limit), 1.0) if limit and found is not None else 1.0


def _mask(alignment: Alignment) -> npt.NDArray[np.float32] | None:
    if alignment.mask is None:
        return None
    return shrink(alignment.mask, comparison_factor(alignment.raw_shape))
