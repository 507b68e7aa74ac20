"""The files of Suite2p's folders: a plane's frames, and arrays of ROIs and traces."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.errors import InputError

PER_ROI = {"stat.npy": 1, "F.npy": 2, "Fneu.npy": 2, "spks.npy": 2, "iscell.npy": 2}
"""Files with a row for each ROI, and their number of axes."""
OPS = "ops.npy"
BINARIES = {"data.bin": "data_chan2.bin", "data_raw.bin": "data_chan2_raw.bin"}
"""Frames of a plane, the registered ones first, and those of its second channel."""
FILES = (*PER_ROI, OPS, "data.bin")


def is_plane(folder: Path) -> bool:
    """Whether a folder has two files that only Suite2p calls so."""
    return sum((folder / name).is_file() for name in FILES) > 1


def check_holds_frames(path: Path) -> None:
    """Raise InputError for a file of Suite2p that holds ROIs or traces."""
    if path.name in FILES and is_plane(path.parent):
        raise InputError(
            f"{path} is a file of Suite2p with ROIs or traces, no images: give the raw recording."
        )
