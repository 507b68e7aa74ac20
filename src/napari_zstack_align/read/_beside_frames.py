"""What a file says besides its frames, whatever its format; nothing of a file that is gone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._files import reader_of
from napari_zstack_align.read._format import Format


def started_at(path: Path) -> datetime | None:
    """Return the start of a recording, without a time zone; None where its file doesn't say it."""
    opens = _format_of(path)
    return None if opens is None else opens.started_at(path)


def channel_offsets(path: Path) -> tuple[float, ...] | None:
    """Return the counts without light of each saved channel; None where the file doesn't say it.

    Returns
    -------
    tuple of float or None
        One a saved channel; 0 where the offset was subtracted already when the file was written.
    """
    opens = _format_of(path)
    return None if opens is None else opens.channel_offsets(path)


def detector_settings(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return offsets and gains of the detector; None where the file doesn't say them.

    Files that agree in both were recorded with one dark level.
    """
    opens = _format_of(path)
    return None if opens is None else opens.detector_settings(path)


def _format_of(path: Path) -> Format | None:
    try:
        return reader_of(path).load()
    except InputError:
        return None  # what is the matter with it is said when it is opened
