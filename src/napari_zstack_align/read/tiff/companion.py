"""Files of OME metadata alone (``.companion.ome``): the TIFF files beside them hold the pixels."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from napari_zstack_align.read._format import PLAIN, Format, Glance
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read.tiff.files import open_described
from napari_zstack_align.read.tiff.ome_set import metadata_in, names_in
from napari_zstack_align.read.tiff.started import of_ome


def started_at(path: Path) -> datetime | None:
    """Return when the recording was started."""
    return of_ome(metadata_in(path))


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence(
        [open_described(path, wish) for path in paths]
    ),
    glance=lambda path: Glance.of(open_described(path)),
    started_at=started_at,
    describes=lambda path: names_in(metadata_in(path)),
    has_images=True,
)
