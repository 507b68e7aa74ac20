"""How far the run of a journal has come, and whether a program works on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from napari_zstack_align.counting import counted
from napari_zstack_align.saved.journal import HEAD, SUFFIX
from napari_zstack_align.saved.lock import is_held
from napari_zstack_align.saved.names import LOCK

OF_A_SLICE = ("within-", "slice-")
"""How the names of units begin that are of one slice each."""


def units_in(folder: Path) -> list[Path]:
    """Files of the units of a journal, intact or not."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def finished_words(described: Mapping[str, Any], units: Iterable[Path]) -> tuple[int, str]:
    """Return how much is finished, as a number and in words: '45 of 200 slices' or '12 parts'.

    Parameters
    ----------
    described : mapping
        Of `journal.description_of`.
    units : iterable of pathlib.Path
        The units that count.
    """
    names = [unit.name for unit in units]
    if planned := planned_slices(described):
        done = min(planned, sum(name.startswith(OF_A_SLICE) for name in names))
        return done, f"{done} of {counted(planned, 'slice')}"
    return len(names), counted(len(names), "part")


def planned_slices(described: Mapping[str, Any]) -> int:
    """How many slices the run has; 0 where that isn't known, or its units are others."""
    try:
        (stack,) = described["stacks"]
        per_slice, n_frames = stack["frames_per_slice"], int(stack["shape"][0])
        if isinstance(per_slice, list):
            return len(per_slice) if described.get("job") == "align_adaptive" else 0
        per_slice = int(per_slice)
    except (LookupError, TypeError, ValueError):
        return 0
    is_of_slices = described.get("job") == "align_adaptive" and per_slice > 0
    return -(-n_frames // per_slice) if is_of_slices else 0


def is_worked_on(folder: Path) -> bool:
    """Whether a program works on a journal now."""
    return any(is_held(lock) for lock in folder.glob(f"{LOCK}*"))


def last_written(folder: Path) -> float | None:
    """When a journal was written last, in s since 1970; None where nothing is in it."""
    times = [path.stat().st_mtime for path in (*units_in(folder), folder / HEAD) if path.is_file()]
    return max(times, default=None)
