"""ROIs for the ROI manager of ImageJ and Fiji: a zip of ovals."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import roifile

from napari_zstack_align.cells.rois import Circles, Rois
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target

OVAL = re.compile(r"ROI_\d+(_z\d+)?\.roi")
ROIS_AT_ONCE = 200
"""Ovals written between two reports of progress."""


def write_imagej(
    path: str | Path, rois: Rois, _: CellOptions | None = None, *, overwrite: bool = False
) -> Job[Path]:
    """Write every ROI as an oval with sub-pixel edges.

    An oval has the name 'ROI_0012' of id 12. ImageJ counts from the corner of the first pixel,
    not from its centre: positions are half a pixel larger there. In a z-stack, an oval has the
    position of a slice, counted from 1; a ROI of several slices is an oval on each of them,
    'ROI_0012_z0003'.
    """
    path = Path(path)
    check_export_target(path, overwrite, is_imagej_export)
    return _write(path, rois, overwrite)


def is_imagej_export(path: Path) -> bool:
    """Whether a file holds nothing but ovals as `write_imagej` names them."""
    try:
        with zipfile.ZipFile(path) as archive:
            return all(map(OVAL.fullmatch, archive.namelist()))
    except (OSError, zipfile.BadZipFile):
        return False


def _write(path: Path, rois: Rois, overwrite: bool) -> Job[Path]:
    total = len(rois)
    with replacing(path, overwrite) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
        for row in range(total):
            for oval in _ovals(rois, row):
                archive.writestr(f"{oval.name}.roi", oval.tobytes())
            if (row + 1) % ROIS_AT_ONCE == 0 or row + 1 == total:
                yield Progress("Writing ImageJ ROIs", row + 1, total)
    return path


def _ovals(rois: Rois, row: int) -> Iterator[Any]:
    """Yield the oval of a ROI on each of its slices, or the one of no slice."""
    name = f"ROI_{rois.ids[row]:04d}"
    first, last = rois.slices[row].tolist()
    if first == last:
        yield _oval(name, rois.circles[row], first + 1)
        return
    for z in range(first, last + 1):
        yield _oval(f"{name}_z{z + 1:04d}", rois.circles[row], z + 1)


def _oval(name: str, circle: Circles, position: int) -> Any:
    y, x, radius = circle.tolist()
    left, top, size = x + 0.5 - radius, y + 0.5 - radius, 2 * radius
    return roifile.ImagejRoi(
        roitype=roifile.ROI_TYPE.OVAL,
        options=roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION,
        name=name,
        position=position,
        # whole pixels for readers that know no others
        **{"left": round(left), "top": round(top)},
        **{"right": round(left + size), "bottom": round(top + size)},
        **{"xd": left, "yd": top, "widthd": size, "heightd": size},
    )
