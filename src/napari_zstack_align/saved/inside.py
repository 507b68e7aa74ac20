"""Nothing but its own files lies in a saved result."""

from __future__ import annotations

from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.kinds import Kind
from napari_zstack_align.saved.occupant import Occupant, occupant_of
from napari_zstack_align.saved.origin import real_place

MAY_HOLD_OTHERS = (Kind.SESSION, Kind.SESSION_TRACES)
"""Results that are folders of results: exports may lie beside these."""


def check_outside_results(path: Path) -> None:
    """Raise InputError where what is written would lie in a saved result, or be a file of one.

    Parameters
    ----------
    path : pathlib.Path
        What is no result itself.
    """
    place = Path(real_place(path))
    for folder in place.parents:
        there = occupant_of(folder)
        if there.kind is not None and not _may_lie_in(there, place):
            raise InputError(
                f"{path} is inside {folder}, which {there.description}: choose another folder."
            )


def _may_lie_in(result: Occupant, place: Path) -> bool:
    if result.kind not in MAY_HOLD_OTHERS:
        return False
    own = {} if result.manifest is None else result.manifest.files
    return place.name not in {each.name for each in own.values()}
