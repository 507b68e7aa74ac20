"""The offset of each channel, where the TIFF of a microscope says it."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.read.scanimage.tags import read_header


def channel_offsets(path: Path) -> tuple[float, ...] | None:
    """Counts without light of each saved channel, as ScanImage wrote them into a TIFF.

    Returns
    -------
    tuple of float or None
        One a saved channel; 0 where the offset was subtracted already when the file was written.
        None where the file doesn't say it.
    """
    header = read_header(path)
    return None if header is None else header.dark_levels()
