"""ROIs: circles in reference coordinates, each with an id that it keeps for life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark
from napari_zstack_align.sources import as_array

Circles: TypeAlias = npt.NDArray[np.float64]
Ids: TypeAlias = npt.NDArray[np.int64]
Features: TypeAlias = dict[str, npt.NDArray[Any]]

NO_SLICES = (-1, -1)
BY_HAND = "by_hand"
OWN_COLUMNS = ("id", "y", "x", "radius", "first_slice", "last_slice")
"""Columns of a table of ROIs that are no features."""
CHECK = "carried_check"
"""Feature of ROIs that were carried to another reference, and are to be looked at."""


@dataclass(frozen=True, eq=False, repr=False)
class Rois:
    """Circles in reference coordinates. Every change returns a new object.

    Make one with :meth:`Rois.of`, or read one with ``load_rois``.

    Attributes
    ----------
    circles : numpy.ndarray
        (N, 3) float64: y, x of the centre and radius, in px; pixel centres at integers.
    ids : numpy.ndarray
        (N,) int64, unique and above 0, kept for life.
    slices : numpy.ndarray
        (N, 2) int64 first and last slice (inclusive, counted from 0); (-1, -1): not of a z-stack.
    features : dict of str to numpy.ndarray
        (N,) each: ``strength`` (response of the detector), ``agreement`` (1 to 3: how many methods
        find it), ``by_hand`` (bool: added or changed by hand), and columns of the user's own.
    last_id : int
        The highest id ever given; that of a deleted ROI isn't given again.
    made_on : str, optional
        Mark of the reference, or of the raw frames, in whose coordinates they are; '' of a table
        that names none, None where they were made of an array.
    remarks : tuple of Remark
        What was assumed where they were read from a file.

    Raises
    ------
    InputError
        Where arrays don't fit, a circle has no finite place or no radius above 0, or ids are not
        unique and above 0.
    """

    circles: Circles
    ids: Ids
    slices: Ids
    features: Features = field(default_factory=dict)
    last_id: int = 0
    made_on: str | None = None
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        _check_circles(self.circles)
        _check_ids(self.ids, len(self.circles))
        _check_slices(self.slices, len(self.circles))
        for name, values in self.features.items():
            if values.shape != (len(self.circles),):
                raise InputError(
                    f"The feature '{name}' has shape {values.shape}, but there are "
                    f"{len(self.circles)} ROIs: give one value an ROI."
                )
        object.__setattr__(self, "last_id", max(self.last_id, int(self.ids.max(initial=0))))

    @classmethod
    def of(
        cls,
        circles: npt.ArrayLike,
        *,
        ids: npt.ArrayLike | None = None,
        slices: npt.ArrayLike | None = None,
        features: Mapping[str, npt.ArrayLike] | None = None,
        last_id: int = 0,
        made_on: str | None = None,
        remarks: tuple[Remark, ...] = (),
    ) -> Rois:
        """Make ROIs of arrays, which are copied.

        Parameters
        ----------
        circles : array-like
            (N, 3) y, x, radius in px.
        ids : array-like, optional
            (N,) whole numbers, unique and above 0; by default those after ``last_id``.
        slices : array-like, optional
            (N, 2) first and last slice; by default of no z-stack.
        features : mapping of str to array-like, optional
            (N,) each.
        last_id : int
            The highest id given before.
        made_on : str, optional
            As the attribute.
        remarks : tuple of Remark
            As the attribute.

        Returns
        -------
        Rois
        """
        try:
            values = np.array(circles)
            if values.dtype.kind not in "biuf" and values.size:
                raise ValueError("no numbers")
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError("ROIs must be numbers: y, x and radius of each.") from None
        if values.size == 0:
            values = values.reshape(0, 3)
        n = len(values) if values.ndim else 0
        (last_id,) = _whole([last_id], "last id").tolist()
        numbers = np.arange(last_id + 1, last_id + 1 + n) if ids is None else _whole(ids, "ids")
        pairs = np.tile(NO_SLICES, (n, 1)) if slices is None else _whole(slices, "slices")
        columns = _columns(features or {})
        return cls(
            values,
            numbers.astype(np.int64),
            np.atleast_1d(pairs),
            columns,
            last_id,
            made_on,
            remarks,
        )

    def __len__(self) -> int:
        return len(self.circles)

    def __repr__(self) -> str:
        if not len(self):
            return "<Rois: none>"
        return f"<Rois: {len(self)}, median radius {np.median(self.circles[:, 2]):.1f} px>"

    # -- looking up ----------------------------------------------------------------------------

    def row(self, roi_id: int) -> int:
        """Row of the ROI with an id.

        Raises
        ------
        InputError
            Where there is none.
        """
        rows = np.flatnonzero(self.ids == roi_id)
        if not len(rows):
            raise InputError(f"There is no ROI {roi_id}.")
        return int(rows[0])

    def circle(self, roi_id: int) -> Circles:
        """(3,) y, x, radius of the ROI with an id."""
        return self.circles[self.row(roi_id)]

    def where(self, chosen: npt.ArrayLike) -> Rois:
        """Return the ROIs of a mask (N,) or of row numbers, with all that belongs to them."""
        rows = np.asarray(chosen)
        if rows.dtype != bool:
            rows = rows.astype(np.intp)
        return replace(
            self,
            circles=self.circles[rows],
            ids=self.ids[rows],
            slices=self.slices[rows],
            features={name: values[rows] for name, values in self.features.items()},
        )

    def on_slice(self, z: int) -> npt.NDArray[np.bool_]:
        """(N,) bool: which ROIs belong to slice z; those of no z-stack belong to every one."""
        first, last = self.slices.T
        return (first < 0) | ((first <= z) & (z <= last))

    # -- changing ------------------------------------------------------------------------------

    def added(self, circle: npt.ArrayLike, slices: tuple[int, int] | None = None) -> Rois:
        """Return the ROIs with one more, added by hand; its id is the new ``last_id``."""
        one = Rois.of(
            np.reshape(circle, (1, -1)),
            slices=None if slices is None else [slices],
            last_id=self.last_id,
        )
        features = {name: np.append(v, _blank(v.dtype)) for name, v in self.features.items()}
        features[BY_HAND] = np.append(self._by_hand(), True)
        return Rois(
            np.concatenate([self.circles, one.circles]),
            np.concatenate([self.ids, one.ids]),
            np.concatenate([self.slices, one.slices]),
            features,
            one.last_id,
            self.made_on,
            self.remarks,
        )

    def moved(self, roi_id: int, circle: npt.ArrayLike) -> Rois:
        """Return the ROIs with another place (y, x) or circle (y, x, radius) for one of them."""
        row = self.row(roi_id)
        values = np.asarray(circle, np.float64)
        if values.shape not in ((2,), (3,)):
            raise InputError("A ROI is moved to (y, x) or (y, x, radius).")
        circles, by_hand = self.circles.copy(), self._by_hand()
        circles[row, : len(values)] = values
        by_hand[row] = True
        features = {**self.features, BY_HAND: by_hand}
        if CHECK in features:  # somebody has looked at it
            features[CHECK] = np.where(np.arange(len(self)) == row, False, features[CHECK])
        return replace(self, circles=circles, features=features)

    def without(self, ids: int | Iterable[int]) -> Rois:
        """Return the ROIs but those with these ids, which aren't given again."""
        gone = [ids] if isinstance(ids, int | np.integer) else list(ids)
        keep = np.ones(len(self), bool)
        keep[[self.row(roi_id) for roi_id in gone]] = False
        return self.where(keep)

    def with_features(self, **features: npt.ArrayLike) -> Rois:
        """Return the ROIs with features added or replaced, (N,) each."""
        new = {name: np.array(values) for name, values in features.items()}
        return replace(self, features={**self.features, **new})

    def with_slices(self, roi_id: int, first: int, last: int) -> Rois:
        """Return the ROIs with other slices (inclusive) for one of them."""
        slices = self.slices.copy()
        slices[self.row(roi_id)] = first, last
        return replace(self, slices=slices)

    # -- on disk -------------------------------------------------------------------------------

    def save(self, path: str | Path, overwrite: bool = False) -> Path:
        """Write a plain CSV: ``id,y,x,radius,first_slice,last_slice`` and the features.

        '.csv' is added to a name that lacks it; returned is the file that was written.

        Raises
        ------
        InputError
            Where the file is there already, or can't be written.
        """
        from napari_zstack_align.cells.roi_table import save_rois

        return save_rois(self, Path(path), overwrite)

    def _by_hand(self) -> npt.NDArray[np.bool_]:
        return np.array(self.features.get(BY_HAND, np.zeros(len(self), bool)), bool)


def as_circles(rois: Rois | npt.ArrayLike) -> Circles:
    """(N, 3) float64 y, x, radius of ROIs or of an array of them.

    Raises
    ------
    InputError
        Where an array is no (N, 3) of such numbers.
    """
    return rois.circles if isinstance(rois, Rois) else Rois.of(rois).circles


def _whole(values: npt.ArrayLike, what: str) -> npt.NDArray[np.int64]:
    numbers = as_array(values, f"The {what} of ROIs")
    is_number = numbers.dtype.kind in "iuf" or not numbers.size
    if not is_number or not np.isfinite(numbers).all() or np.any(numbers != np.rint(numbers)):
        raise InputError(f"The {what} of ROIs must be whole numbers.")
    return numbers.astype(np.int64)


def _columns(features: Mapping[str, npt.ArrayLike]) -> Features:
    if not isinstance(features, Mapping):
        raise InputError("The features of ROIs must be arrays by their names: give a dictionary.")
    if taken := [name for name in features if name in OWN_COLUMNS]:
        raise InputError(
            f"A feature of ROIs can't be called '{taken[0]}': a table of ROIs has a column of that "
            f"name already. Choose another name."
        )
    return {
        name: as_array(column, f"The feature '{name}'").copy() for name, column in features.items()
    }


def _blank(dtype: np.dtype[Any]) -> Any:
    """What stands in a feature of a ROI for which it is not known."""
    return np.nan if dtype.kind == "f" else np.zeros((), dtype)[()]


def _check_circles(circles: Circles) -> None:
    if circles.ndim != 2 or circles.shape[1] != 3:
        raise InputError(
            f"ROIs must be an array (N, 3) of y, x and radius, not of shape {circles.shape}."
        )
    bad: npt.NDArray[np.bool_] = ~np.asarray(np.isfinite(circles).all(axis=1))
    if bad.any():
        raise InputError(
            f"{bad.sum()} of {len(bad)} ROIs have no finite place or radius (the first is row "
            f"{bad.argmax()}): leave them out."
        )
    bad = circles[:, 2] <= 0
    if bad.any():
        raise InputError(
            f"{bad.sum()} of {len(bad)} ROIs have a radius of 0 or less (the first is row "
            f"{bad.argmax()}): give every ROI a radius above 0 px."
        )


def _check_ids(ids: Ids, n: int) -> None:
    if ids.shape != (n,):
        raise InputError(f"{counted(n, 'ROI')}, but {counted(ids.size, 'id')}: give one id an ROI.")
    if np.any(ids <= 0):
        raise InputError(f"The id {ids.min()} is not above 0: give numbers from 1.")
    unique, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        twice = ", ".join(map(str, unique[counts > 1][:5]))
        raise InputError(f"Some ids stand for more than one ROI ({twice}): each needs its own.")


def _check_slices(slices: Ids, n: int) -> None:
    if slices.shape != (n, 2):
        raise InputError(
            f"There are {n} ROIs but slices of shape {slices.shape}: give a first and a last "
            f"slice an ROI."
        )
    first, last = slices.T
    known = (first >= 0) & (last >= first)
    if not np.all(known | ((first == -1) & (last == -1))):
        raise InputError(
            "The slices of a ROI must be a first and a last one, counted from 0, or -1 and -1 for "
            "none."
        )
