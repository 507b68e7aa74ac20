"""Frames of several ROIs ('mROI'): one below the other in a page, with filler rows between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts
from napari_zstack_align.read.scanimage.acquisition import slice_depths
from napari_zstack_align.read.scanimage.header import Header, Roi
from napari_zstack_align.remark import Remark, as_notes, as_warnings

MOST_NAMED = 6


@dataclass(frozen=True)
class RoiWindow:
    """Where a ROI lies in each page.

    Attributes
    ----------
    roi : Roi
    rows : tuple of int
        First row of it in the pages of each slice, -1 where it isn't; one for a recording.
    """

    roi: Roi
    rows: tuple[int, ...]

    @property
    def slices(self) -> tuple[int, ...]:
        """Slices in which it is."""
        return tuple(z for z, row in enumerate(self.rows) if row >= 0)

    def pixel_size_um(self, header: Header) -> tuple[float, float] | None:
        """(y, x) where the objective is known."""
        scale = header.um_per_degree
        if scale is None or min(self.roi.size) <= 0:
            return None
        y, x = self.roi.size
        return y * scale / self.roi.height, x * scale / self.roi.width


def roi_windows(
    header: Header, depths_um: Sequence[float], shape: tuple[int, int]
) -> tuple[tuple[RoiWindow, ...], tuple[Remark, ...]]:
    """Find the ROIs in a page of this shape (Y, X).

    The fullest slice tells how many rows of filler there are between ROIs; pages of others end with
    more of them.

    Parameters
    ----------
    header : Header
    depths_um : sequence of float
        Of the slices; of one, or none, for a recording.
    shape : tuple of int

    Returns
    -------
    windows : tuple of RoiWindow
        None for frames of one field of view, and for those that can't be split.
    remarks : tuple of Remark
        Why they can't.
    """
    if not header.is_mroi:
        return (), ()
    at = [[roi for roi in header.rois if roi.is_at(z)] for z in depths_um] or [list(header.rois)]
    if not any(at):
        return (), not_split("the header doesn't list them")
    n_rows, n_columns = shape
    fullest = max(at, key=lambda rois: (sum(roi.height for roi in rois), len(rois)))
    filler = n_rows - sum(roi.height for roi in fullest)
    between, rest = divmod(filler, max(len(fullest) - 1, 1))
    is_alone = len(fullest) == 1 and filler
    if rest or filler < 0 or is_alone or any(roi.width > n_columns for roi in header.rois):
        sizes = ", ".join(f"{roi.height} × {roi.width}" for roi in fullest[:MOST_NAMED])
        return (), not_split(f"{sizes} pixels don't fit into frames of {n_rows} × {n_columns}")
    starts = [_starts(rois, between) for rois in at]
    rows = {id(roi): tuple(each.get(id(roi), -1) for each in starts) for roi in header.rois}
    windows = (RoiWindow(roi, rows[id(roi)]) for roi in header.rois)
    return tuple(window for window in windows if window.slices), ()


def _starts(rois: Sequence[Roi], between: int) -> dict[int, int]:
    """First row of each ROI of a slice, by its identity: two may be alike."""
    heights = [roi.height + between for roi in rois]
    rows = [sum(heights[:i]) for i in range(len(rois))]
    return {id(roi): row for roi, row in zip(rois, rows, strict=True)}


def windowed(
    window: RoiWindow, header: Header, facts: Facts, planes: npt.NDArray[np.intp]
) -> tuple[Facts, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Keep the frames of the slices in which a ROI is.

    Returns
    -------
    facts : Facts
        Of these frames, which keep their numbers in the file.
    planes : numpy.ndarray
        (T, C) their pages.
    rows : numpy.ndarray
        (T,) first row of the ROI in each frame.
    """
    facts = replace(facts, pixel_size_um=window.pixel_size_um(header))
    if facts.layout is None or len(set(window.rows)) == 1:
        return facts, planes, np.full(len(planes), window.rows[0])
    n_frames = len(planes)
    staying = facts.flyback.staying(n_frames) if facts.flyback else np.arange(n_frames)
    slices = facts.layout.slice_of_frame(len(staying))
    row = np.array(window.rows)[slices]
    kept = staying[row >= 0]
    depths = [slice_depths(header)[z] for z in window.slices]
    is_volume = len(depths) > 1
    times = None if facts.frame_times_s is None else facts.frame_times_s[kept]
    facts = replace(
        facts,
        sizes=(len(kept),),
        frame_times_s=times,
        layout=facts.layout if is_volume else None,
        flyback=None,
        numbers=kept,
        z_step_um=None,
        z_positions_um=tuple(depths) if is_volume else None,
        remarks=(*facts.remarks, *_of_slices(window, len(window.rows))),
    )
    return facts, planes[kept], row[row >= 0]


def _of_slices(window: RoiWindow, n_slices: int) -> tuple[Remark, ...]:
    some = ", ".join(str(z) for z in window.slices[:MOST_NAMED])
    more = f" and {len(window.slices) - MOST_NAMED} more" if len(window.slices) > MOST_NAMED else ""
    which = "slice" if len(window.slices) == 1 else "slices"
    return as_notes(
        f"{window.roi.name} was scanned in {which} {some}{more} of {n_slices} (counted from 0): "
        f"its frames alone were opened."
    )


def chosen(
    windows: tuple[RoiWindow, ...], image: int | str, name: str
) -> tuple[RoiWindow, tuple[Remark, ...]]:
    """Return the ROI that was asked for, with a note that names the others.

    Raises
    ------
    InputError
        Where there is no such ROI.
    """
    names = [window.roi.name for window in windows]
    index = names.index(image) if image in names else image
    if not isinstance(index, int) or not 0 <= index < len(names):
        raise InputError(
            f"{name} has no ROI {image!r}: choose one of 0 to {len(names) - 1} "
            f"({_listed(names)}) with `image`."
        )
    if len(names) == 1:
        return windows[index], ()
    others = [each for i, each in enumerate(names) if i != index]
    return windows[index], as_notes(
        f"Each frame holds {counted(len(names), 'ROI')}: {names[index]} was opened, not "
        f"{_listed(others)}. Another one is chosen by `image={1 if index == 0 else 0}`."
    )


def not_split(why: str) -> tuple[Remark, ...]:
    """Warn that frames of several ROIs are opened as they are."""
    return as_warnings(
        f"Each frame holds several ROIs, one below the other, which couldn't be told apart: {why}. "
        f"Frames were opened as they are."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
