"""Recordings that match the others in place, but show another plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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

    The least alike is taken out of the others first: beside it, none resembles them.

    Returns
    -------
    list of (RecordingState, float)
        With the correlation of the two means.
    """
    left, found = list(states), list[tuple[RecordingState, float]]()
    while odd := _unlike(left, consensus, [state for state, _ in found]):
        found += odd
        left = [state for state in left if all(state is not each for each, _ in odd)]
    return sorted(found, key=lambda each: each[0].index)


def _unlike(
    states: Sequence[RecordingState], consensus: Consensus, without: Sequence[RecordingState]
) -> list[tuple[RecordingState, float]]:
    """Return the recording that is least like the others, if too little; of two, both."""
    alike = np.array([_likeness(state, consensus, without) for state in states])
    odd = [i for i, each in enumerate(alike) if each < _limit(np.delete(alike, i))]
    if np.isfinite(alike).sum() > 2:
        odd = sorted(odd, key=lambda i: alike[i])[:1]
    return [(states[i], float(alike[i])) for i in odd]


def _limit(others: npt.NDArray[np.floating]) -> float:
    """How much a recording has to resemble the others, given how much these do."""
    if len(others) < 2 or not np.isfinite(others).any():
        return SAME_PLANE
    return max(SAME_PLANE, LIKE_THE_OTHERS * float(np.nanmedian(others)))


def _likeness(
    state: RecordingState, consensus: Consensus, without: Sequence[RecordingState]
) -> float:
    if not state.matched:
        return float("nan")
    own, others = consensus.of_recording(state, without)
    if not (np.isfinite(own) & np.isfinite(others)).any():
        return float("nan")
    mask = consensus.first.mask
    reference = Reference.of(others, mask)
    known = np.isfinite(own)
    filled = np.where(known, own, np.float32(own[known].mean()))
    _, after = correlations_of(filled, np.eye(3), np.eye(3), reference)
    return after
