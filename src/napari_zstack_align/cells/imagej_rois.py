"""ROIs of ImageJ's and Fiji's ROI manager: a zip of files, or one file; ovals become circles.

ImageJ counts from the corner of the first pixel: its positions are half a pixel larger.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from math import isfinite, sqrt
from pathlib import Path
from typing import Any

import roifile

from napari_zstack_align.cells.roi_columns import CORNER
from napari_zstack_align.cells.rois import NO_SLICES, Rois
from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.remark import Remark, as_notes, as_warnings

OWN = re.compile(r"ROI_(\d+)(?:_z\d+)?")
"""Names of ovals that this program exported: the id, and the slice of one on several."""
MOST_BYTES = 1_000_000
"""Of one ROI: a freehand line around a whole image has a tenth of this."""
MOST_UNLIKE = 1.5
"""Ratio of an oval's sides beyond which a circle of its area is another shape."""


def read_imagej(path: Path) -> Rois:
    """Read a zip of ovals, or one oval.

    Raises
    ------
    InputError
        Where it is damaged, or an ROI is no oval.
    """
    try:
        named = list(_contents(path))
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError) as error:
        raise InputError(f"{path} can't be read as ROIs of ImageJ ({error}).") from None
    ovals = [_oval(name, content, path) for name, content in named]
    if not ovals:
        raise InputError(f"{path} holds no ROI of ImageJ: save the ROI manager's list again.")
    return _rois(ovals)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each ROI."""
    if not zipfile.is_zipfile(path):
        yield path.stem, path.read_bytes()[:MOST_BYTES]
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.filename.lower().endswith(".roi") and not entry.is_dir():
                with archive.open(entry) as file:
                    yield Path(entry.filename).stem, file.read(MOST_BYTES)


def _oval(name: str, content: bytes, path: Path) -> tuple[str, list[float], float, int]:
    """Name, circle (y, x, radius), ratio of the sides, and position from 1 (0: none)."""
    try:
        roi: Any = roifile.ImagejRoi.frombytes(content)
        kind = roifile.ROI_TYPE(roi.roitype)
    except Exception as error:  # roifile computes with whatever a damaged file says
        raise InputError(f"The ROI {name} in {path} is damaged ({error}).") from None
    if kind is not roifile.ROI_TYPE.OVAL:
        raise InputError(
            f"The ROI {name} in {path} is a {kind.name.lower()}: only ovals can be read; make it "
            f"one in ImageJ (Edit, Selection, Fit Ellipse)."
        )
    exact = bool(roi.options & roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION) and roi.widthd > 0
    left, top = (roi.xd, roi.yd) if exact else (roi.left, roi.top)
    width = roi.widthd if exact else roi.right - roi.left
    height = roi.heightd if exact else roi.bottom - roi.top
    if not all(map(isfinite, (left, top, width, height))) or min(width, height) <= 0:
        raise InputError(f"The ROI {name} in {path} has no size: draw it again.")
    circle = [top + height / 2 - CORNER, left + width / 2 - CORNER, sqrt(width * height) / 2]
    position = int(roi.z_position or roi.position)
    return roi.name or name, circle, max(width / height, height / width), position


def _rois(ovals: list[tuple[str, list[float], float, int]]) -> Rois:
    """Ovals as ROIs; one that was exported on several slices is one ROI again."""
    own = [OWN.fullmatch(name) for name, *_ in ovals]
    of_id: dict[int, list[tuple[list[float], int]]] = {}
    for found, (_, circle, _, position) in zip(own, ovals, strict=True):
        of_id.setdefault(int(found[1] if found else 0), []).append((circle, position - 1))
    is_ours = all(own) and all(c == each[0][0] for each in of_id.values() for c, _ in each)
    if not is_ours:
        names, circles, ratios, positions = zip(*ovals, strict=True)
        slices = [(p - 1, p - 1) if p > 0 else NO_SLICES for p in positions]
        several = len(set(positions)) > 1
        return Rois.of(
            circles,
            slices=slices if several else None,
            features={"name": list(names)},
            remarks=_remarks(list(ratios)),
        )
    return Rois.of(
        [each[0][0] for each in of_id.values()],
        ids=list(of_id),
        slices=[(min(z for _, z in e), max(z for _, z in e)) for e in of_id.values()],
        remarks=_remarks([ratio for _, _, ratio, _ in ovals]),
    )


def _remarks(ratios: list[float]) -> tuple[Remark, ...]:
    long = sum(ratio > MOST_UNLIKE for ratio in ratios)
    remark = (
        f"{counted(long, 'oval')} of {len(ratios)} {were(long)} more than {MOST_UNLIKE:g} times as "
        f"long as wide: each became a circle of its area."
    )
    unlike = sum(ratio > 1.01 for ratio in ratios)
    note = f"{counted(unlike, 'ellipse')} became circles of the same area." if unlike else ""
    return as_warnings(remark) if long else as_notes(note)
