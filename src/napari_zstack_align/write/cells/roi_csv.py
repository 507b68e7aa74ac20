"""ROIs as the table that ``load_rois`` reads."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.atomic import check_target
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.saved import Kind, target_of
from napari_zstack_align.write.cells.options import CellOptions


def write_rois_csv(
    path: str | Path, rois: Rois, _: CellOptions | None = None, *, overwrite: bool = False
) -> Job[Path]:
    """Write ROIs as `Rois.save` does."""
    path = target_of(path, Kind.ROIS)
    check_target(path, overwrite)

    def job() -> Job[Path]:
        yield Progress("Writing ROIs", 0, len(rois))
        return rois.save(path, overwrite)

    return job()
