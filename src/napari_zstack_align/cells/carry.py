"""ROIs from one reference to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.carry import (
    Carried,
    Chosen,
    Session,
    SharedFrames,
    Values,
    as_session,
    carry,
    have_one_reference,
    shared_frames,
)
from napari_zstack_align.alignment.carry_mask import LARGEST_SPREAD_PX
from napari_zstack_align.alignment.references import Overlaid, PlaneVerdict, overlay
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.cells.made_on import RAW, REFERENCE, made_on
from napari_zstack_align.cells.on_raw import (
    INSIDE_PART,
    part_inside,
    rois_to_reference,
    transform_rois,
    valid_in,
    valid_numbers,
)
from napari_zstack_align.cells.rois import CHECK, Rois
from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import (
    Remark,
    as_notes,
    as_serious,
    as_warnings,
    short_repr,
    with_remarks,
)

LEAST_LOCAL = 0.6
"""Where the two references correlate by less around a ROI, it is to be looked at."""
DETAIL_LENGTH = 160
CARRIED_DTYPE = np.dtype(
    [
        ("id", np.int64),
        ("moved_px", np.float32),
        ("spread_px", np.float32),
        ("n_frames", np.int32),
        ("part_inside", np.float32),
        ("local_correlation", np.float32),
        ("check", np.bool_),
        ("detail", f"U{DETAIL_LENGTH}"),
    ]
)
SPREAD = "carried_spread_px"
"""Feature that carried ROIs get, beside ``CHECK``."""
VALID_IN = "valid_in"
"""Feature that names recordings of the session by their numbers."""
IDS_NAMED = 8


@dataclass(frozen=True, eq=False, repr=False)
class CarriedRois:
    """ROIs in the coordinates of a new reference, and what is to be known of each.

    Attributes
    ----------
    rois : Rois
        Ids, slices and features as before, ``made_on`` of the new reference. They have two more
        features, which are saved with them: ``carried_spread_px`` and ``carried_check``.
    table : numpy.ndarray
        (N,) structured array, one row per ROI: ``id``; ``moved_px``; ``spread_px``, the distance
        from the median within which 90 % of the frames put the centre; ``n_frames`` gone
        through; ``part_inside``, the part of the circle inside the new reference;
        ``local_correlation`` of the old and the new reference around it (NaN for ROIs of
        slices: their frames are the same in both); ``check`` (bool) and ``detail`` (why, '' for
        nothing).
    plane : PlaneVerdict, optional
        Whether both references show one plane; None where they are one image, or all ROIs belong
        to slices.
    n_recordings : int
        Recordings that both sessions have; 0 where the references are one image.
    n_before : int
        Recordings of the old session.
    """

    rois: Rois
    table: npt.NDArray[np.void]
    plane: PlaneVerdict | None
    n_recordings: int
    n_before: int

    @property
    def to_check(self) -> npt.NDArray[np.int64]:
        """Ids of the ROIs to be looked at."""
        return np.asarray(self.table["id"][self.table["check"]])

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is to be looked at, a sentence each."""
        if self.plane is not None and self.plane.is_another:
            return as_serious(
                f"The ROIs are questionable, for {self.plane}. Carry masks only, and find the "
                f"cells anew."
            )
        return (*self._on_checks(), *self._on_recordings())

    def _on_checks(self) -> tuple[Remark, ...]:
        ids = self.to_check
        if not len(ids):
            return ()
        named = ", ".join(map(str, ids[:IDS_NAMED])) + (" …" if len(ids) > IDS_NAMED else "")
        first = self.table["detail"][self.table["check"]][0]
        return as_warnings(
            f"{counted(len(ids), 'ROI')} {are(len(ids))} to be checked ({named}): the first "
            f"{'' if len(ids) == 1 else 'one '}has {first}; the table has all."
        )

    def _on_recordings(self) -> tuple[Remark, ...]:
        """One recording alone agrees with itself, wherever it lies."""
        if self.n_recordings != 1 or self.n_before == 1:
            return ()
        return as_notes(
            f"Only one of the {self.n_before} recordings of the old session leads to the new "
            f"reference: the spread doesn't show how far that one lay from the others."
        )

    def summary(self) -> str:
        """Describe it: how far the ROIs moved, their spread, the plane, and what is to be checked.

        Returns
        -------
        str
            One line, and one for each remark.
        """
        return with_remarks(self._figures(), self.remarks)

    def _figures(self) -> str:
        number = counted(len(self.table), "ROI")
        if not self.n_recordings:
            return f"Both alignments have the same reference: {number} stay where they are"
        if not len(self.table):
            return "There were no ROIs to carry"
        moved, spread = (float(np.nanmedian(self.table[n])) for n in ("moved_px", "spread_px"))
        shown = self.plane is not None and not self.plane.is_another
        plane = f". {str(self.plane).capitalize()}" if shown else ""
        return (
            f"{number} moved by {moved:.1f} px, with a spread of {spread:.2f} px (medians), "
            f"through the frames of {counted(self.n_recordings, 'stack')}{plane}"
        )

    def __repr__(self) -> str:
        facts = [counted(len(self.table), "ROI"), f"{len(self.to_check)} to check"]
        return short_repr("CarriedRois", facts, self.remarks)


def carry_rois(rois: Rois, old: Session, new: Session) -> CarriedRois:
    """Carry ROIs from one reference to another, through the raw frames that both know.

    A session that is run again may get another reference. Each circle goes from the old reference
    to raw frames and from there to the new one, through up to 60 frames spread evenly over the
    recordings that both have (of a z-stack, through the frames of its slices), and ends at the
    median. Recordings are told by their frames, whatever their names. No frame is read but
    some of each stack where an alignment has no digests of its frames.

    Parameters
    ----------
    rois : Rois
        In the coordinates of the old reference. They aren't changed.
    old, new : Alignment or sequence of Alignment
        Of a z-stack or a recording, or all those of a session.

    Returns
    -------
    CarriedRois
        A ROI is to be checked where its spread is over 0.5 px, less than 90 % of it lies inside the
        new reference, or the references correlate by less than 0.6 around it; all are where the
        new reference shows another plane. None is dropped.

    Raises
    ------
    InputError
        Where the two references have no raw frames in common, or the ROIs were made on another
        reference than the old one.

    Examples
    --------
    >>> carried = nza.carry_rois(rois, old_session, new_session)  # doctest: +SKIP
    >>> print(carried.summary())  # doctest: +SKIP
    >>> carried.rois.save("rois_new.csv")  # doctest: +SKIP
    """
    before, after = as_session(old, "old"), as_session(new, "new")
    if not isinstance(rois, Rois):
        raise InputError("Give ROIs with ids: those of load_rois, or Rois.of(circles).")
    _check_place(rois, before, after)
    if have_one_reference(before, after):
        return _result(rois, after, _unmoved(rois), None, (0, len(before)))
    shared = shared_frames(before, after)
    carried = carry(rois.circles, shared, _to_raw, _to_reference, rois.slices)
    lies_on_slices = shared[0].is_z_stack and bool(np.all(rois.slices[:, 0] >= 0))
    overlaid = None if lies_on_slices else overlay(shared)
    return _result(
        rois, after, carried, overlaid, (len(shared), len(before)), _on_reference(rois, shared)
    )


def _to_raw(circles: Values, transforms: Transforms, t: int, /) -> Values:
    return transform_rois(circles, transforms, t)


def _to_reference(circles: Values, transforms: Transforms, t: int, /) -> Values:
    return rois_to_reference(circles, transforms, t)


def _check_place(rois: Rois, old: Sequence[Alignment], new: Sequence[Alignment]) -> None:
    """Raise InputError where ROIs are known to lie on something else than the old reference."""
    mark = rois.made_on or ""
    if not mark or mark == made_on(old[0]):
        return
    if mark == made_on(new[0]):
        raise InputError("The ROIs lie on the new reference already: there is nothing to carry.")
    if mark.startswith(RAW):
        raise InputError("The ROIs were made on raw frames, not on the old reference.")
    if mark.startswith(REFERENCE):
        raise InputError(
            "The ROIs were made on another reference than the old one: give the alignment or "
            "session that they were made on."
        )


def _on_reference(rois: Rois, shared: Sequence[SharedFrames]) -> Chosen:
    """(N,) bool: ROIs that lie on what the reference shows, not on slices of their own."""
    return np.asarray((rois.slices[:, 0] < 0) | (not shared[0].is_z_stack), bool)


def _unmoved(rois: Rois) -> Carried:
    n = len(rois)
    return Carried(rois.circles.copy(), np.zeros(n), np.zeros(n, np.int64), np.ones(n, bool))


def _result(
    rois: Rois,
    new: Sequence[Alignment],
    carried: Carried,
    overlaid: Overlaid | None,
    n_recordings: tuple[int, int],
    on_reference: Chosen | None = None,
) -> CarriedRois:
    circles = _placed(rois.circles, carried.values)
    moved = replace(rois, circles=circles, made_on=made_on(new[0]))
    local = np.full(len(rois), np.nan)
    another = np.zeros(len(rois), bool)
    if overlaid is not None and on_reference is not None:
        local[on_reference] = overlaid.local_at(circles[on_reference, :2])
        another = on_reference & overlaid.plane.is_another
    table = np.zeros(len(rois), CARRIED_DTYPE)
    table["id"] = rois.ids
    table["moved_px"] = np.hypot(*(circles - rois.circles)[:, :2].T)
    table["spread_px"], table["n_frames"] = carried.spread_px, carried.n_frames
    table["part_inside"] = part_inside(circles, np.isfinite(new[0].reference))
    table["part_inside"][~carried.seen] = 0.0
    table["local_correlation"] = local
    for row, is_another in zip(table, another, strict=True):
        row["detail"] = "; ".join(_faults(row, bool(is_another)))
    table["check"] = table["detail"] != ""
    features = {SPREAD: carried.spread_px, CHECK: table["check"]}
    if VALID_IN in rois.features:
        features[VALID_IN] = valid_numbers(valid_in(moved, new))
    plane = None if overlaid is None else overlaid.plane
    return CarriedRois(moved.with_features(**features), table, plane, *n_recordings)


def _placed(before: Values, found: Values) -> Values:
    """(N, 3) circles; one whose place no frame tells goes as far as the others do."""
    known = np.isfinite(found).all(axis=1)
    if known.all():
        return found
    shift = np.median((found - before)[known, :2], axis=0) if known.any() else np.zeros(2)
    circles = found.copy()
    circles[~known] = before[~known] + [*shift, 0.0]
    return circles


def _faults(row: np.void, another_plane: bool) -> list[str]:
    """Why a ROI is to be looked at."""
    faults = ["another plane"] if another_plane else []
    if np.isnan(row["spread_px"]):
        faults.append("no frame that tells its place")
    elif row["spread_px"] > LARGEST_SPREAD_PX:
        faults.append(f"a spread of {row['spread_px']:.1f} px")
    if row["part_inside"] < INSIDE_PART:
        faults.append(f"{row['part_inside']:.0%} of its area inside the new reference")
    if row["local_correlation"] < LEAST_LOCAL:
        faults.append(f"a local correlation of {row['local_correlation']:.2f}")
    return faults
