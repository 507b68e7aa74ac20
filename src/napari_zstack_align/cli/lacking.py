"""What the results of a command lack, by which it ends with exit code 1: one rule for all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.summary import none_judged
from napari_zstack_align.counting import counted, were
from napari_zstack_align.flags import Flag

NOT_MATCHED = "not every recording could be matched."


def lacking(qualities: Sequence[npt.NDArray[np.void]]) -> str:
    """Say what keeps a run from being done; '' where nothing does.

    Parameters
    ----------
    qualities : sequence of numpy.ndarray
        The table of frames of each of its results: alignments, or z-shifts.
    """
    if unreadable := _number(qualities, Flag.UNREADABLE):
        return f"{counted(unreadable, 'frame')} couldn't be read."
    if not_run := _number(qualities, Flag.NOT_RUN):
        return f"{counted(not_run, 'frame')} {were(not_run)} not run."
    if not all(quality["used"].any() for quality in qualities):
        return NOT_MATCHED
    if unjudged := sum(map(none_judged, qualities)):
        return (
            f"{counted(unjudged, 'recording')} {were(unjudged)} not judged, for there was nothing "
            f"to compare the frames with: look at the aligned frames."
        )
    return ""


def _number(qualities: Sequence[npt.NDArray[np.void]], flag: Flag) -> int:
    return sum(int(np.count_nonzero(quality["flag"] == flag)) for quality in qualities)
