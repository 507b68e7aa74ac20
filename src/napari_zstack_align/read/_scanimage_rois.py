"""Frames of several ROIs ('mROI'): one below the other in a page, with filler rows between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._scanimage_header import Header, Roi
from napari_zstack_align.remark import Remark, as_notes, as_warnings

MOST_NAMED = 6


@dataclass(frozen=True)
class RoiWindow:
    """Where a ROI lies in each page."""

    roi: Roi
    rows: slice
    columns: slice

    def pixel_size_um(self, header: Header) -> tuple[float, float] | None:
        """(y, x) where the objective is known."""
        scale = header.um_per_degree
        if scale is None or min(self.roi.size) <= 0:
            return None
        y, x = self.roi.size
        return y * scale / self.roi.height, x * scale / self.roi.width


def roi_windows(
    header: Header, depths_um: Iterable[float], shape: tuple[int, int]
) -> tuple[tuple[RoiWindow, ...], tuple[Remark, ...]]:
    """Find the ROIs in a page of this shape (Y, X).

    Parameters
    ----------
    header : Header
    depths_um : iterable of float
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
    at = {tuple(roi for roi in header.rois if roi.is_at(z)) for z in depths_um} or {header.rois}
    if len(at) > 1:
        return (), _not_split("they differ between the slices")
    (rois,) = at
    n_rows, n_columns = shape
    if not rois:
        return (), _not_split("the header doesn't list them")
    filler = n_rows - sum(roi.height for roi in rois)
    between, rest = divmod(filler, max(len(rois) - 1, 1))
    is_alone = len(rois) == 1 and filler
    if rest or filler < 0 or is_alone or any(roi.width > n_columns for roi in rois):
        sizes = ", ".join(f"{roi.height} × {roi.width}" for roi in rois[:MOST_NAMED])
        return (), _not_split(f"{sizes} pixels don't fit into frames of {n_rows} × {n_columns}")
    windows, row = [], 0
    for roi in rois:
        windows.append(RoiWindow(roi, slice(row, row + roi.height), slice(0, roi.width)))
        row += roi.height + between
    return tuple(windows), ()


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


def _not_split(why: str) -> tuple[Remark, ...]:
    return as_warnings(
        f"Each frame holds several ROIs, one below the other, which couldn't be told apart: {why}. "
        f"Frames were opened as they are."
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
