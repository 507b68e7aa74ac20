"""Frames whose file isn't there: they keep their place, and can't be read."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import MissingFrameError
from napari_zstack_align.remark import Remark, as_warnings
from napari_zstack_align.sources import FrameSource, WithGaps

MOST_NAMED = 3


def with_lost_frames(source: FrameSource, lost: dict[int, str], folder: Path) -> FrameSource:
    """Frames of which those that lack a file can't be read.

    Parameters
    ----------
    source : FrameSource
    lost : dict of int to str
        The file that each of these frames lacks.
    folder : pathlib.Path
        Where it should be.
    """
    if not lost:
        return source
    return WithGaps(source, {t: _is_missing(name, folder) for t, name in lost.items()})


def remark_on(lost: dict[int, str], folder: Path) -> tuple[Remark, ...]:
    """Name the files that are missing, and say how many frames lack them."""
    if not lost:
        return ()
    names = list(dict.fromkeys(lost.values()))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    keeps, place = "keeps its" if len(lost) == 1 else "keep their", folder.absolute().name
    return as_warnings(
        f"{', '.join(names[:MOST_NAMED])}{more} {are(len(names))} missing in {place}: "
        f"{counted(len(lost), 'frame')} can't be read, and {keeps} place."
    )


def _is_missing(name: str, folder: Path) -> MissingFrameError:
    return MissingFrameError(
        f"{name} is missing in {folder}: copy it there from where it was recorded."
    )
