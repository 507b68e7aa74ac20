"""`load_rois`: ROIs from files of several kinds, told by what they hold."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_zstack_align.cells.roi_table import read_table
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.extras import load_format
from napari_zstack_align.plain_files import check_is_file, path_of
from napari_zstack_align.remark import RemarkCode, as_notes, as_warnings
from napari_zstack_align.saved import UnfitContent, read_npz
from napari_zstack_align.stack import Stack

ZIP = b"PK"
ONE_ROI = b"Iout"
"""Begins a file with a single ROI of ImageJ's."""
SAME_SIZE = 0.01
"""Sizes of pixels that differ by less than this part are written with fewer digits."""
ENDINGS = (".csv", ".tsv", ".txt", ".zip", ".roi", ".npz")
"""Of names of files with ROIs, for dialogs."""


def load_rois(path: str | Path, *, pixel_size_um: float | None = None) -> Rois:
    """Read ROIs from a table, or from what ImageJ or this program exported.

    Parameters
    ----------
    path : str or pathlib.Path
        What `Rois.save` wrote, or a table like it, separated by commas, semicolons or tabs: y, x
        and radius in px, pixel centres at integers; ids are given where there are none, other
        columns become features. Results of Fiji (X, Y and Area: circles of that area). A zip
        of ImageJ's ROI manager, of ovals. An exported ``.npz`` or table of each ROI.
    pixel_size_um : float, optional
        Size of a pixel, where a table counts in µm.

    Returns
    -------
    Rois
        Its ``remarks`` say what was assumed.

    Raises
    ------
    InputError
        Where the file can't be read, lacks columns, or holds circles or ids that can't be: it
        names row and column.
    """
    path = path_of(path)
    if pixel_size_um is not None and not 0 < pixel_size_um < np.inf:
        raise InputError(f"The size of a pixel must be above 0 µm, not {pixel_size_um!r}.")
    start = _start(path)
    if not start.startswith((ZIP, ONE_ROI)):
        return read_table(path, pixel_size_um)
    if pixel_size_um is not None:
        raise InputError(f"{path} counts in pixels: leave out the size of a pixel.")
    if start.startswith(ONE_ROI) or _names_in(path, ".roi"):
        return load_format(
            "napari_zstack_align.cells.imagej_rois", "ROIs for ImageJ", "imagej", "roifile"
        ).read_imagej(path)
    if _names_in(path, ".npy"):
        return _of_npz(path)
    if start.startswith(b"PK\x05\x06"):
        raise InputError(f"{path} is an empty zip file: save the ROI manager's list again.")
    return read_table(path, pixel_size_um)  # which says what it is


def load_rois_of(path: str | Path, pixel_size_um: float | None, stacks: Sequence[Stack]) -> Rois:
    """Read ROIs of recordings; a table whose titles name µm is read with the recordings' pixels.

    Parameters are those of `load_rois` and `with_size_of_pixels`.
    """
    rois = load_rois(path, pixel_size_um=pixel_size_um)
    known = pixel_of(stacks)
    if known is None or not any(remark.code is RemarkCode.IN_UM for remark in rois.remarks):
        return with_size_of_pixels(rois, pixel_size_um, stacks)
    rois = load_rois(path, pixel_size_um=known)
    remark = f"The table of ROIs names µm: pixels of {known:.4g} µm were taken, the recording's."
    return replace(rois, remarks=(*rois.remarks, *as_notes(remark)))


def pixel_of(stacks: Sequence[Stack]) -> float | None:
    """Size in µm of the square pixels of all recordings; None where they aren't alike, or known."""
    sizes = {size for stack in stacks for size in stack.pixel_size_um or (None,)}
    return sizes.pop() if len(sizes) == 1 else None


def with_size_of_pixels(rois: Rois, pixel_size_um: float | None, stacks: Sequence[Stack]) -> Rois:
    """Return ROIs with a warning where their table's pixels aren't those of the recordings.

    Parameters
    ----------
    rois : Rois
    pixel_size_um : float, optional
        What a table in µm was divided by.
    stacks : sequence of Stack
        Recordings that the ROIs are of.
    """
    if pixel_size_um is None:
        return rois
    for stack in stacks:
        theirs = stack.pixel_size_um
        if theirs and max(abs(each / pixel_size_um - 1) for each in theirs) > SAME_SIZE:
            said = " × ".join(f"{each:.4g}" for each in dict.fromkeys(theirs))
            remark = (
                f"The table of ROIs was read with pixels of {pixel_size_um:.4g} µm, but those of "
                f"{stack.name} are {said} µm: the ROIs lie elsewhere unless the latter is wrong."
            )
            return replace(rois, remarks=(*rois.remarks, *as_warnings(remark)))
    return rois


def _start(path: Path) -> bytes:
    try:
        check_is_file(path)
        with path.open("rb") as file:
            return file.read(4)
    except FileNotFoundError:
        raise InputError(f"There is no ROI file {path}.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read as ROIs: {error}.") from None


def _names_in(path: Path, ending: str) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if name.lower().endswith(ending)]
    except (OSError, zipfile.BadZipFile):
        return []


def _of_npz(path: Path) -> Rois:
    try:
        arrays = read_npz(path)
    except UnfitContent as error:
        raise InputError(f"{path} can't be read as ROIs: {error}.") from None
    missing = [name for name in ("ids", "circles", "slices") if name not in arrays]
    if missing:
        raise InputError(f"{path} holds no exported ROIs: it lacks {', '.join(missing)}.")
    circles, ids, slices = (arrays.pop(name) for name in ("circles", "ids", "slices"))
    features = {name: each for name, each in arrays.items() if each.shape == ids.shape}
    try:
        return Rois.of(circles, ids=ids, slices=slices, features=features)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
