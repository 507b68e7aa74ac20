"""The verdict where the layout explains nothing: one plane, a plain volume, or no signal.

Frames that are alike wherever the layout puts them, far apart too, show no slices. Frames that show
nothing at all leave the question open.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.layout.arrangements import Arrangement
from napari_zstack_align.read.layout.pairs import FramePairs
from napari_zstack_align.read.layout.report import (
    LayoutReport,
    Looks,
    in_words,
    part_in_words,
)
from napari_zstack_align.read.layout.scores import LEAST_OTHER_SCORE, level_above_chance
from napari_zstack_align.read.layout.told_apart import are_told_apart

FLAT_PART = 0.99
"""Frames of far slices that are this much as alike as those of one slice show no slices."""
FEWEST_FLAT_SLICES = 5
"""Far slices of thinner stacks may be as alike as motion and noise let one slice be."""
SHUFFLES = 200
"""... unless frames of a slice are less alike than in any of so many random orders."""
RECORDING_PART = 0.9
"""... and this much, that it may be a recording, where there are too few borders to look at."""
DRIFTING_PART = 0.5
"""Where nothing tells neighbouring slices apart, it may be a recording whose far frames are still
this much as alike: it drifts or changes."""
VOLUME_PART = 0.5
"""Of one frame a slice, far slices are less alike than neighbours by this factor; a recording that
drifts by a cell's width stays well above it, as it shows one plane throughout."""
APART_SPREADS = 3.0
"""Slices are told apart where frames resemble their own slice more by this many spreads."""


def of_recording(pairs: FramePairs, other: Arrangement | None, theirs: float) -> LayoutReport:
    """Judge frames of which no slices are known and none are clear."""
    level = level_above_chance(pairs, np.ones(pairs.alike.shape, bool))
    if level is None:
        return LayoutReport("cannot tell", "", "The frames resemble one another only by chance.")
    if other is not None and theirs > LEAST_OTHER_SCORE:
        what = in_words(other)[1]
        reason = (
            f"{what} would account for {part_in_words(theirs)} of the differences in how alike "
            f"frames are: too little to be sure."
        )
        return LayoutReport("cannot tell", "", reason)
    reason = (
        f"All frames are about equally alike (their correlation is {level:.2f} above chance), as "
        f"those of one plane are."
    )
    return LayoutReport("plausible", "no slices", reason)


def without_slices(
    pairs: FramePairs, layout: Arrangement, own: float, other: Arrangement | None
) -> LayoutReport:
    """Judge a layout that explains nothing: one plane, slices too much alike, or no signal.

    ``other`` explains something, though not enough to be believed: then it isn't one plane.
    """
    plane = layout.plane_of(pairs.frames.ravel())
    apart = np.abs(plane[:, np.newaxis] - plane)
    if np.count_nonzero(apart == 0) == len(plane):  # each is of its own slice alone
        return _one_frame_a_slice(pairs, apart)
    near = level_above_chance(pairs, apart == 0)
    far = level_above_chance(pairs, apart >= max(apart.max() // 2, 2))
    if near is None or far is None:
        reason = "Frames of one slice, or of far slices, resemble one another only by chance."
        return LayoutReport("cannot tell", "", reason)
    part = 100 * far / near
    reason = f"Frames of far slices are {part:.0f} % as alike as those of one slice"
    is_flat = other is None and far > FLAT_PART * near and not _nearer_is_more_alike(pairs, apart)
    if is_flat and (apart.max() >= FEWEST_FLAT_SLICES - 1 or _own_are_less_alike(pairs, plane)):
        return LayoutReport("wrong", "no slices", f"{reason}: nothing tells the slices apart.")
    explained = (
        f"the layout given accounts for {part_in_words(own)} of the differences in how alike "
        f"frames are"
    )
    looks: Looks = "no slices" if may_be_one_plane(pairs, layout) else ""
    return LayoutReport("cannot tell", looks, f"{reason}; {explained}.")


def may_be_one_plane(pairs: FramePairs, layout: Arrangement) -> bool:
    """Whether nothing tells slices apart, and far ones are about as alike as those of a recording.

    Slices that lie closer together than the microscope resolves look like that, too.
    """
    plane = layout.plane_of(pairs.frames.ravel())
    apart = np.abs(plane[:, np.newaxis] - plane)
    near = level_above_chance(pairs, apart == 0)
    far = level_above_chance(pairs, apart >= max(apart.max() // 2, 2))
    if near is None or far is None:
        return False
    told_apart = are_told_apart(pairs, layout)
    if told_apart is None:
        return far > RECORDING_PART * near
    return not told_apart and far > DRIFTING_PART * near


def _nearer_is_more_alike(pairs: FramePairs, apart: npt.NDArray[np.intp]) -> bool:
    """Whether frames resemble those of their own slice more, beyond the scatter over frames."""
    alike = np.where(np.isfinite(pairs.alike), pairs.alike, np.nan)
    own, others = np.where(apart == 0, alike, np.nan), np.where(apart > 0, alike, np.nan)
    both = np.isfinite(own).any(axis=1) & np.isfinite(others).any(axis=1)
    gain = np.nanmean(own[both], axis=1) - np.nanmean(others[both], axis=1)
    if not len(gain):
        return False
    spread = float(gain.std()) / np.sqrt(len(gain))
    return float(gain.mean()) > APART_SPREADS * spread


def _own_are_less_alike(pairs: FramePairs, plane: npt.NDArray[np.intp]) -> bool:
    """Whether frames of a slice are less alike than any of as many random choices are."""
    rng = np.random.default_rng(0)
    alike = np.where(np.isfinite(pairs.alike), pairs.alike, np.nan)

    def own(of: npt.NDArray[np.intp]) -> float:
        return float(np.nanmean(alike[of[:, np.newaxis] == of]))

    return own(plane) < min(own(rng.permutation(plane)) for _ in range(SHUFFLES))


def _one_frame_a_slice(pairs: FramePairs, apart: npt.NDArray[np.int_]) -> LayoutReport:
    """Judge a layout in which no two frames are of one slice: a plain volume, or a recording."""
    near = level_above_chance(pairs, apart == 1)
    far = level_above_chance(pairs, apart >= max(int(apart.max()) // 2, 2))
    if near is None:
        reason = (
            "There is one frame a slice, and neighbouring ones resemble one another only by "
            "chance: the slices are far apart, or show little."
        )
        return LayoutReport("cannot tell", "", reason)
    if far is None or far < VOLUME_PART * near:
        rest = "only by chance" if far is None else f"by {far:.2f}"
        reason = (
            f"It looks like a volume of one frame a slice: neighbours resemble one another by "
            f"{near:.2f} above chance, far ones {rest}."
        )
        return LayoutReport("plausible", "", reason, 1)
    reason = (
        f"There is one frame a slice, but far ones are still alike (by {far:.2f} above chance, "
        f"neighbours by {near:.2f}): a recording, perhaps, whose time was saved as slices."
    )
    return LayoutReport("cannot tell", "", reason)
