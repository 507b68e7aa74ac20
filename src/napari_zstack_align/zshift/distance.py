"""How far a frame is from the plane where it was found, by how little of it that plane explains.

Beyond the stack, a frame's best match is often the end slice, or a plane some way inside: where
slices lie far apart, or planes differ by leaps, the planes beyond are as alike to all slices as
that one is, only less. The place of the peak can't tell them from that slice, and with many pixels
each peak is sure. What tells them is how much of the frame's signal is explained there. A plane
at a distance d explains c(d)² of it, c being the correlation of planes; so what is explained, in
parts of what is usual for the recording, says how far away the frame is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.zshift.axial import AxialModel

Numbers = npt.NDArray[np.float64]

WELL_INSIDE = 0.75
"""Frames found this far from either end, in slices, say what is usual, where there are enough."""
FEWEST_INSIDE, INSIDE_PART = 10, 0.05
N_BEST = 5
USUAL, HIGH = 75, 95
"""Percentiles of what is explained. Frames beyond the stack explain less, so that the upper ones
are about those inside; these two are about a standard deviation apart."""
SPREADS, LEAST_UNSURE = 3.0, 0.06
"""How far less may be explained inside: in standard deviations, and as a part of the usual: slices
of a mouse brain that hardly differ, and of a fish, vary by 0.04."""
OUTSIDE_BY = 0.5
"""A frame is outside where it must be by this much beyond an end, in slices."""
LEAST_USUAL, LEAST_AT_ENDS = 0.25, 0.75
"""Where less than this is usual among frames well inside, or else among all (or less than planes
explain of one another that are `OUTSIDE_BY` apart), nothing says that any frame is inside."""
FEW_SLICES = 4
"""Of fewer, the place of the peak says nothing of the planes beyond; there the next slice has to
differ by more than what is explained varies by, and of two by twice that: how alike planes farther
apart are isn't known."""
LEAST_PREDICTABLE = 0.1
NOWHERE = 0.25
"""Part of the usual that a frame must explain, wherever it was found."""
FARTHEST, STEP = 20.0, 0.05


@dataclass(frozen=True)
class Distances:
    """How far frames are from where they were found.

    Attributes
    ----------
    is_outside : numpy.ndarray
        (T,) bool: beyond the first or the last slice.
    is_nowhere : numpy.ndarray
        (T,) bool: like no plane at all.
    is_open : numpy.ndarray
        (T,) bool: found near an end, where nothing says whether they are beyond it.
    """

    is_outside: npt.NDArray[np.bool_]
    is_nowhere: npt.NDArray[np.bool_]
    is_open: npt.NDArray[np.bool_]


def distances(
    explained: Numbers, z: Numbers, predictable: Numbers, model: AxialModel, n_slices: int
) -> Distances:
    """Tell frames beyond the stack.

    Parameters
    ----------
    explained : numpy.ndarray
        (T,) part of each frame's signal that the plane at its depth explains; NaN: unknown.
    z : numpy.ndarray
        (T,) depth where it was found, in slices; NaN: nowhere.
    predictable : numpy.ndarray
        (T,) part of the plane there that slices predict.
    model : AxialModel
        Correlation of planes with their distance.
    n_slices : int
    """
    inside = np.minimum(z, n_slices - 1 - z)
    part = explained / np.maximum(predictable, LEAST_PREDICTABLE)
    there = np.isfinite(part) & np.isfinite(inside)
    is_near, nothing = there & (inside < WELL_INSIDE), np.zeros(len(z), np.bool_)
    if not there.any():
        return Distances(nothing, nothing, nothing)
    well_inside = there & (inside >= WELL_INSIDE)
    is_enough = np.count_nonzero(well_inside) >= max(FEWEST_INSIDE, INSIDE_PART * len(z))
    usual, high = _level(part[well_inside if is_enough else there], model)
    at_ends = min(float(model.at(OUTSIDE_BY)) ** 2, LEAST_AT_ENDS)
    if usual < (LEAST_USUAL if is_enough else at_ends):
        return Distances(nothing, nothing, is_near)
    unsure = max(SPREADS * (high - usual) / usual, LEAST_UNSURE)
    highest = np.where(there, part / usual + unsure, np.inf)
    is_outside = there & (_distance(highest, model) - inside > OUTSIDE_BY)
    can_tell = float(model.at(1.0)) ** 2 < 1 - max(FEW_SLICES - n_slices, 0) * unsure
    can_tell |= n_slices >= FEW_SLICES
    is_open = nothing if can_tell else is_near & ~is_outside
    return Distances(is_outside, highest < NOWHERE, is_open)


def _level(part: Numbers, model: AxialModel) -> tuple[float, float]:
    """What frames inside explain, as a rule, and about a standard deviation more."""
    best = np.sort(part)[-min(N_BEST, len(part)) :].mean()
    usual, high = np.percentile(part[part >= best * model.at(OUTSIDE_BY) ** 2], (USUAL, HIGH))
    return float(usual), float(high)


def _distance(explained: Numbers, model: AxialModel) -> Numbers:
    """(T,) distance of planes, in slices, at which one explains so much of the other."""
    distance = np.arange(0, FARTHEST + STEP, STEP)
    return np.interp(-explained, -(model.at(distance) ** 2), distance)
