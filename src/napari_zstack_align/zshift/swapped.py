"""Whether a recording and its reference were given the wrong way round.

The slices of a z-stack resemble their neighbours, and slices far apart only by chance. Frames of a
recording that are far apart still show much of the same tissue, even where its depth wanders. Where
the recording looks like the former and the reference like the latter, they are swapped.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job
from napari_zstack_align.read import SampledFrames, level_above_chance
from napari_zstack_align.saved import Units, key_of

UNIT, METHOD = "far-apart", "far apart 1"
PLACES = 12
"""Pairs of neighbours that are looked at, all over a stack."""
FEWEST_FRAMES = 8
LEAST_OF_RECORDING, MOST_OF_ZSTACK = 0.4, 0.05
"""Frames far apart are as alike as neighbours by this part: 0.1 to 0.96 of recordings, 0 to 0.37 of
z-stacks that aren't thin."""


def are_swapped(
    recording: Units, slices: Units, channel: int = 0, reference_channel: int = 0
) -> Job[bool]:
    """Look at a few frames of both; what is found is kept among their units."""
    of_recording = yield from _far_part(recording, channel)
    if of_recording is None or of_recording > MOST_OF_ZSTACK:
        return False
    of_reference = yield from _far_part(slices, reference_channel)
    return of_reference is not None and of_reference > LEAST_OF_RECORDING


def _far_part(units: Units, channel: int) -> Job[float | None]:
    """How alike frames far apart are, as a part of neighbours; None where nothing is clear."""
    stack = units.frames.stack
    if stack.n_frames < FEWEST_FRAMES:
        return None
    frames = _sample(stack.n_frames)
    key = key_of(METHOD, channel=channel)
    kept = units.get(UNIT, key, frames)
    if kept is None:
        pairs = yield from SampledFrames(stack, channel).compare(frames)
        which = frames.ravel()
        apart = np.abs(which[:, np.newaxis] - which)
        near = level_above_chance(pairs, apart == 1)
        far = level_above_chance(pairs, apart >= stack.n_frames // 2)
        part = np.nan if near is None else (far or 0.0) / near
        kept = {"part": np.array(part)}
        units.put(UNIT, key, kept, frames)
    part = float(kept["part"])
    return None if np.isnan(part) else part


def _sample(n_frames: int) -> npt.NDArray[np.intp]:
    """(b, 2) neighbours all over a stack; (1, n) all frames of a short one."""
    if n_frames <= 2 * PLACES:
        return np.arange(n_frames)[np.newaxis]
    first = np.linspace(0, n_frames - 2, PLACES).astype(np.intp)
    return first[:, np.newaxis] + np.arange(2)


def sentence(recording: str, reference: str) -> str:
    """Say what is wrong, as the beginning of a sentence."""
    return (
        f"Recording and reference look swapped: frames of {recording} that are far apart show "
        f"nothing of the same tissue, as slices of a z-stack, and those of {reference} still do, "
        f"as frames of a recording"
    )


class SwappedError(InputError):
    """Recording and reference look swapped, and nobody says that the reference holds slices."""
