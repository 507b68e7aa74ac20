"""ROIs made anew of blobs keep the ids of those that were there, and what was done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.matching import match
from napari_zstack_align.cells.rois import BY_HAND, Rois

SLICE_PX = 2.0
"""A slice apart counts like so many pixels when ROIs of a z-stack are compared."""


def merged(old: Rois, found: Rois) -> Rois:
    """Put newly found ROIs in the place of those that were found before.

    A ROI that was added or changed by hand stays as it is, and what was found inside it is left
    out. Of the others, one whose centre lies inside an old ROI, its nearest, takes over its id.

    Parameters
    ----------
    old : Rois
        What there is.
    found : Rois
        What is to take its place; its ids don't count.

    Returns
    -------
    Rois
        Those by hand first.
    """
    by_hand = np.asarray(old.features.get(BY_HAND, np.zeros(len(old), bool)), bool)
    kept, before = old.where(by_hand), old.where(~by_hand)
    free = np.ones(len(found), bool)
    free[_pairs(kept, found)[1]] = False
    found = found.where(free)
    ids = np.zeros(len(found), np.int64)
    of_old, of_found = _pairs(before, found)
    ids[of_found] = before.ids[of_old]
    new = np.flatnonzero(ids == 0)
    ids[new] = old.last_id + 1 + np.arange(len(new))
    new_ones = Rois.of(
        found.circles,
        ids=ids,
        slices=found.slices,
        features=found.features,
        last_id=old.last_id,
        made_on=found.made_on,
    )
    return joined(kept, new_ones)


def merged_on_slice(old: Rois, found: Rois, z: int) -> Rois:
    """As `merged`, of a z-stack of which one slice was looked at: other ROIs stay as they are."""
    here = np.asarray((old.slices == z).all(axis=1))
    return joined(old.where(~here), merged(old.where(here), found))


def joined(first: Rois, second: Rois) -> Rois:
    """ROIs of both, whose ids differ; features that one of them hasn't got are blank."""
    names = dict.fromkeys([*first.features, *second.features, BY_HAND])
    both = (first, second)
    return Rois.of(
        np.concatenate([rois.circles for rois in both]),
        ids=np.concatenate([rois.ids for rois in both]),
        slices=np.concatenate([rois.slices for rois in both]),
        features={
            name: np.concatenate([_column(rois, name, other) for rois, other in (both, both[::-1])])
            for name in names
        },
        last_id=max(first.last_id, second.last_id),
        made_on=second.made_on or first.made_on,
    )


def _pairs(old: Rois, found: Rois) -> tuple[Any, Any]:
    """Rows of old ROIs and of those found inside them, one to one."""
    return match(_places(old), _places(found), old.circles[:, 2])


def _places(rois: Rois) -> npt.NDArray[np.float64]:
    """(N, 3) y, x and slice, all in px."""
    return np.column_stack([rois.circles[:, :2], rois.slices.mean(axis=1) * SLICE_PX])


def _column(rois: Rois, name: str, other: Rois) -> npt.NDArray[Any]:
    """A feature of some ROIs, blank where only the others have it."""
    if name in rois.features:
        return rois.features[name]
    kind = other.features[name].dtype if name in other.features else np.dtype(bool)
    return np.full(len(rois), np.nan if kind.kind == "f" else 0).astype(kind)
