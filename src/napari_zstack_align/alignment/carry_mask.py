"""Masks from one reference to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.carry import (
    UNKNOWN,
    Session,
    SharedFrames,
    as_session,
    carry_points,
    have_one_reference,
    shared_frames,
    trust_in,
)
from napari_zstack_align.alignment.references import PlaneVerdict, displacement_to, overlay
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.alignment.warp import inside, pixel_grid, positions_of, warp
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark, as_warnings, with_remarks
from napari_zstack_align.sources import as_array

LARGEST_SPREAD_PX = 0.5
"""Above this, the frames that both references know disagree: have a look."""
INSIDE_PART = 0.9
PLACES = 400
"""So many pixels of a mask tell where it went, and how well that is known."""


@dataclass(frozen=True, eq=False, repr=False)
class CarriedMask:
    """A mask in the coordinates of a new reference.

    Attributes
    ----------
    mask : numpy.ndarray
        (Y, X) of the new reference, dtype as given; 0 where it lies outside the old one.
    spread_px : float
        How far the frames that both references know put 90 % of the mask's pixels apart: for each
        pixel the distance from the median within which 90 % of the frames lie, in px.
    part_inside : float
        Part of the mask's pixels that lie inside the new reference.
    plane : PlaneVerdict, optional
        Whether both references show one plane; None where they are one image.
    """

    mask: npt.NDArray[Any]
    spread_px: float
    part_inside: float
    plane: PlaneVerdict | None

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is to be looked at."""
        wide, lost = self.spread_px > LARGEST_SPREAD_PX, self.part_inside < INSIDE_PART
        another = self.plane is not None and self.plane.is_another
        return as_warnings(
            f"The shared frames disagree by {self.spread_px:.1f} px on where the mask goes: check "
            f"its edges."
            if wide
            else "",
            f"Only {self.part_inside:.0%} of the mask lies inside the new reference."
            if lost
            else "",
            f"Look whether the mask still fits: {self.plane}." if another else "",
        )

    def summary(self) -> str:
        """Describe it in one line, and a line for each remark."""
        figures = f"The mask was carried over with a spread of {self.spread_px:.2f} px"
        if self.plane is None:
            figures = "Both alignments have the same reference: the mask stays where it is"
        return with_remarks(figures, self.remarks)

    def __repr__(self) -> str:
        return f"<CarriedMask {self.mask.shape}: {self.part_inside:.0%} inside>"


def carry_mask(mask: npt.ArrayLike, old: Session, new: Session) -> CarriedMask:
    """Carry a mask from one reference to another, through the raw frames that both know.

    Every pixel of the new reference takes what the old mask has at its place: the nearest pixel of
    labels, which keep their numbers, and of true/false; weights are interpolated. See `carry_rois`
    for how the place is found; of a z-stack, through the frames of the slice that the reference
    shows.

    Parameters
    ----------
    mask : array-like
        (Y, X) bool, labels or weights in the coordinates of the old reference. It isn't changed.
    old, new : Alignment or sequence of Alignment
        Of a z-stack or a recording, or all those of a session.

    Returns
    -------
    CarriedMask

    Raises
    ------
    InputError
        Where the mask doesn't fit the old reference or is empty, or the two references have no raw
        frames in common.
    """
    before, after = as_session(old, "old"), as_session(new, "new")
    values = _checked(mask, before[0].transforms.shape)
    if have_one_reference(before, after):
        return CarriedMask(values.copy(), 0.0, 1.0, None)
    shared = shared_frames(before, after)
    overlaid = overlay(shared)
    carried = carry_points(_places(values), shared)
    within = carried.is_inside(after[0].transforms.shape)
    spread = float(np.nanpercentile(np.append(carried.spread_px, 0.0), 90, method="nearest"))
    return CarriedMask(
        _sampled(values, overlaid.displacement), spread, float(within.mean()), overlaid.plane
    )


def leads_to_frames(alignment: Alignment) -> bool:
    """Whether any frame was aligned, so that a mask can be carried to the frames."""
    return bool(trust_in(alignment).any())


def carry_mask_to_frames(
    mask: npt.ArrayLike, alignment: Alignment, frames: tuple[int, int]
) -> npt.NDArray[Any]:
    """Carry a mask from a reference to the mean of raw frames of which a new one is to be made.

    A run begins with the mean of some raw frames as its reference, before there are alignments to
    it. Those to the old reference are enough, for the frames themselves lie on the new one.

    Parameters
    ----------
    mask : array-like
        (Y, X) as for `carry_mask`, in the coordinates of the alignment's reference.
    alignment : Alignment
        Of the recording that the new reference is made of, to the old one.
    frames : tuple of int
        First frame and end, counted from 0. Where none of them could be aligned, the others of the
        recording lead there.

    Returns
    -------
    numpy.ndarray
        (Y', X') of the raw frames, dtype as given; 0 where it lies outside the old reference.

    Raises
    ------
    InputError
        Where the mask doesn't fit the alignment's reference, none of it lies on the frames, or no
        frame could be aligned.
    """
    values = _checked(mask, alignment.transforms.shape)
    trust = trust_in(alignment)
    within = (np.arange(len(trust)) >= frames[0]) & (np.arange(len(trust)) < frames[1])
    if (trust[within] > UNKNOWN).any():
        trust[~within] = UNKNOWN
    if not trust.any():
        raise InputError(
            f"No frame of {alignment.stack.name} could be aligned to the reference that the mask "
            f"was painted on: paint one on the new reference."
        )
    still = replace(alignment, transforms=identity(len(trust), alignment.raw_shape))
    way = displacement_to([SharedFrames(still, alignment, trust)], alignment.raw_shape)
    carried = _sampled(values, way)
    if not np.any(carried > 0):
        raise InputError(
            f"The mask lies outside what {alignment.stack.name} shows: paint one on the new "
            f"reference."
        )
    return carried


def _checked(mask: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[Any]:
    values = as_array(mask, "A mask")
    if values.shape != shape:
        raise InputError(
            f"The mask has shape {values.shape}, but the old reference {shape} (Y, X): give the "
            f"mask that was painted on it."
        )
    if values.dtype.kind not in "buif":
        raise InputError(f"A mask needs true/false, labels or weights, not {values.dtype}.")
    if not np.any(values > 0):
        raise InputError("The mask is empty: there is nothing to carry.")
    return values


def _places(mask: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(N, 2) some of its pixels, evenly spread."""
    places = np.argwhere(mask > 0)
    some = np.linspace(0, len(places) - 1, min(len(places), PLACES)).round().astype(int)
    return places[some].astype(np.float64)


def _sampled(mask: npt.NDArray[Any], displacement: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Mask at displaced pixels; 0 beyond its edges."""
    height, width = mask.shape
    known = inside(positions_of(displacement), (height, width))
    if mask.dtype.kind == "f":
        moved = warp(mask.astype(np.float32), displacement, cv2.INTER_LINEAR)
        return np.where(known, moved, 0).astype(mask.dtype)
    grid = pixel_grid((displacement.shape[1], displacement.shape[2]))
    y, x = np.rint(grid + displacement).astype(np.intp)
    nearest = mask[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.where(known, nearest, 0).astype(mask.dtype)
