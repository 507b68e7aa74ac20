"""What is the matter with single frames of a recording, while it is being registered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import Fault, Flag, fault_of, mark

Table = npt.NDArray[np.void]


class FrameFlags:
    """Faults of single frames; most have none.

    A column of sentences has room for `flags.DETAIL_LENGTH` characters in every row, and nearly all
    of it is blank: it is made in the table that is handed out, not carried along.

    Parameters
    ----------
    n_frames : int
        Number of frames T.

    Attributes
    ----------
    good : numpy.ndarray
        (T,) bool: frames with nothing the matter. To be read only.
    """

    def __init__(self, n_frames: int) -> None:
        self.good = np.ones(n_frames, bool)
        self._faults: dict[int, Fault] = {}

    @classmethod
    def of(cls, quality: Table, but: Iterable[Flag]) -> Self:
        """Take the flags of a quality table, but for some."""
        flags = cls(len(quality))
        leave = (Flag.GOOD, *but)
        for t in np.flatnonzero(~np.isin(quality["flag"], leave)):
            flags.mark([t], fault_of(quality[t]))
        return flags

    def mark(self, frames: Iterable[int | np.integer[Any]], fault: Fault | None) -> None:
        """Say what is the matter with frames; None makes them good."""
        for t in frames:
            self.good[t] = fault is None
            if fault is None:
                self._faults.pop(int(t), None)
            else:
                self._faults[int(t)] = fault

    def faults(self, start: int, stop: int) -> dict[int, Fault]:
        """Fault of each frame of a range that has one, in the order of the frames."""
        flagged = start + np.flatnonzero(~self.good[start:stop])
        return {t: self._faults[t] for t in flagged.tolist()}

    def having(self, flag: Flag, start: int, stop: int) -> list[int]:
        """Frames of a range that bear a flag."""
        return [t for t, fault in self.faults(start, stop).items() if fault.flag is flag]

    def write(self, rows: Table, start: int) -> None:
        """Write the faults into the rows of a table, of which the first is frame ``start``."""
        for t, fault in self.faults(start, start + len(rows)).items():
            mark(rows[t - start], fault)
