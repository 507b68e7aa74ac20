"""Offsets and gains of the channels, where the TIFF of a microscope says them."""

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


def detector_settings(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Offsets and gains of all channels, as ScanImage wrote them; None without both."""
    header = read_header(path)
    if header is None or not header.offsets or not header.gains:
        return None
    return header.offsets, header.gains
