"""Recordings that match the others in place, but show another plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.register.recordings.consensus import Consensus
from napari_zstack_align.register.recordings.matching import correlations_of
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.state import RecordingState

ANOTHER_PLANE = Fault(Flag.ANOTHER_PLANE, "probably another plane")
SAME_PLANE = 0.6
"""Means of one plane, recorded again, correlate by more than this."""
LIKE_THE_OTHERS = 0.75
"""... and by more than this part of what the other recordings do."""


def in_another_plane(
    states: Sequence[RecordingState], consensus: Consensus
) -> list[tuple[RecordingState, float]]:
    """Recordings whose mean resembles that of all others too little, though it lies on it.

    Returns
    -------
    list of (RecordingState, float)
        With the correlation of the two means.
    """
    alike = np.array([_likeness(state, consensus) for state in states])
    found = []
    for i, state in enumerate(states):
        others = np.delete(alike, i)
        usual = (
            float(np.nanmedian(others)) if len(others) > 1 and np.isfinite(others).any() else 0.0
        )
        if alike[i] < max(SAME_PLANE, LIKE_THE_OTHERS * usual):
            found.append((state, float(alike[i])))
    return found


def _likeness(state: RecordingState, consensus: Consensus) -> float:
    if not state.matched:
        return float("nan")
    own, others = consensus.of_recording(state)
    if not (np.isfinite(own) & np.isfinite(others)).any():
        return float("nan")
    mask = consensus.first.mask
    reference = Reference.of(others, mask)
    known = np.isfinite(own)
    filled = np.where(known, own, np.float32(own[known].mean()))
    _, after = correlations_of(filled, np.eye(3), np.eye(3), reference)
    return after
