"""Files that end within a frame: refused, or their whole frames by consent."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.counting import counted, were
from napari_zstack_align.read._format import Wish
from napari_zstack_align.read.tiff.pages import truncated
from napari_zstack_align.remark import Remark, as_warnings


def whole_frames_of(path: Path, whole: int, expected: int | None, wish: Wish) -> tuple[Remark, ...]:
    """Return a warning for a file that ends within a frame, where its whole frames will do.

    Parameters
    ----------
    path : pathlib.Path
    whole : int
        Whole frames in the file.
    expected : int, optional
        Frames that it should have.
    wish : Wish

    Raises
    ------
    InputError
        Where they won't do, or there is none.
    """
    if not wish.whole_frames or not whole:
        raise truncated(path, whole, expected)
    of = f" of {expected:,}" if expected else ""
    return as_warnings(
        f"{path.name} ends within a frame: its {counted(whole, 'whole frame')}{of} {were(whole)} "
        f"opened."
    )
