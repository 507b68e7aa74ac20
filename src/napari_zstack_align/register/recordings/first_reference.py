"""The image that the first pass matches to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Progress, run
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.recordings.chunks import FEWEST_FRAMES, Range, chunk_ranges
from napari_zstack_align.register.recordings.driving import averaging, driving_frames
from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.matching import Matcher, match_image
from napari_zstack_align.register.recordings.waiting import with_progress
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]
Averages: TypeAlias = Callable[[int, int, int], Image | None]

MOST_FRAMES = 500
MOST_BYTES = 256 * 2**20
"""A longer chunk gives its middle frames to the first reference."""
LOOKED_AT = 5
"""So many frames tell why a reference shows nothing."""
PIXEL_SIZE_TOLERANCE = 0.01


def find_reference_frames(stacks: Sequence[Stack], params: KeypointParams) -> tuple[int, int, int]:
    """Recording, first frame and end of the first reference, without reading anything.

    Raises
    ------
    InputError
        Where the parameters name a recording or frames that there are not.
    """
    chosen = params.reference_recording
    recording = (len(stacks) - 1) // 2 if chosen is None else chosen
    if recording >= len(stacks):
        raise InputError(
            f"reference_recording is {recording}, of {counted(len(stacks), 'recording')}, counted "
            f"from 0."
        )
    stack = stacks[recording]
    if params.reference_frames is None:
        ranges = chunk_ranges(stack, params)
        return (recording, *_middle_of(ranges[(len(ranges) - 1) // 2], stack))
    start, stop = params.reference_frames
    if stop > stack.n_frames:
        raise InputError(
            f"reference_frames end at {stop}, but {stack.name} has "
            f"{counted(stack.n_frames, 'frame')}."
        )
    return recording, start, stop


def choose_reference(
    stacks: Sequence[Stack],
    params: KeypointParams,
    mask: npt.NDArray[np.float32] | None,
    average: Averages,
) -> Matcher:
    """Average the first reference and prepare it for matching.

    Where the parameters leave the choice, a chunk counts only if one of its neighbours can be
    matched to it: a blank or foreign one in the middle must not spoil the session.

    Parameters
    ----------
    stacks : sequence of Stack
    params : KeypointParams
    mask : numpy.ndarray, optional
        (Y, X) float32 weights.
    average : callable
        Means of the usable frames from a first one to an end of a recording, both counted from 0.
    """
    recording, start, stop = find_reference_frames(stacks, params)
    stack = stacks[recording]
    image = average(recording, start, stop)
    first = None if image is None else prepared(image, mask, params)
    if params.reference_frames is not None:
        if first is None:
            why = _what_ails(stack, start, stop, params)
            raise InputError(
                f"The reference frames {start} to {stop - 1} of {stack.name} show nothing{why}: "
                f"choose others."
            )
        return first
    ranges = chunk_ranges(stack, params)
    middle = (len(ranges) - 1) // 2
    by_distance = sorted(range(len(ranges)), key=lambda i: (abs(i - middle), i))[:4]
    tried = [] if first is None else [first]
    for i in by_distance[1:]:
        image = average(recording, *_middle_of(ranges[i], stack))
        if image is None:
            continue
        for candidate in tried:
            found = match_image(candidate, image, np.eye(3), params.seed)
            if found.matrix is not None and found.fault is None:
                return candidate
        tried.append(prepared(image, mask, params))
    if not tried:
        why = _what_ails(stack, start, stop, params)
        raise InputError(
            f"The middle of {stack.name} shows nothing that could be a reference{why}: choose "
            f"another one with reference_recording and reference_frames."
        )
    return tried[0]


def _what_ails(stack: Stack, start: int, stop: int, params: KeypointParams) -> str:
    """Say in brackets what is the matter with the frames of a range, of which some are read."""
    frames = np.unique(np.linspace(start, stop - 1, LOOKED_AT).astype(int)).tolist()
    faults = [fault for t in frames for _, _, fault in driving_frames(stack, t, t + 1, params)]
    details = [fault.detail for fault in faults if fault is not None]
    if not details:
        return ""
    of = counted(len(frames), "frame")
    return f" ({len(details)} of {of} looked at can't be used; {details[len(details) // 2]})"


def average_frames(
    stack: Stack, start: int, stop: int, params: KeypointParams, artefacts: Artefacts = UNTOUCHED
) -> Image | None:
    """Mean of the usable frames of a range, (Y, X) float32; None where there is none."""
    work = averaging(stack, start, stop, params, artefacts=artefacts)
    return run(with_progress(work, Progress("Averaging frames", 0, 0)))


def expected_map(
    stack: Stack, shape: tuple[int, int], pixel_size_um: tuple[float, float] | None
) -> Matrix:
    """(3, 3) reference to raw: centre on centre, at the ratio of the pixel sizes.

    Parameters
    ----------
    stack : Stack
        A recording.
    shape : tuple of int
        (Y, X) of the reference.
    pixel_size_um : tuple of float, optional
        Of the reference; None where unknown.
    """
    ratio = np.ones(2)
    if pixel_size_um is not None and stack.pixel_size_um is not None:
        ratio = np.divide(pixel_size_um, stack.pixel_size_um)
        if np.all(np.abs(ratio - 1) < PIXEL_SIZE_TOLERANCE):
            ratio = np.ones(2)
    raw_centre = (np.array(stack.shape[2:]) - 1) / 2
    matrix = np.diag([*ratio, 1.0])
    matrix[:2, 2] = raw_centre - ratio * (np.array(shape) - 1) / 2
    return matrix


def _middle_of(frames: Range, stack: Stack) -> Range:
    start, stop = frames
    frame_bytes = int(np.prod(stack.shape[1:])) * stack.dtype.itemsize
    most = max(min(MOST_FRAMES, MOST_BYTES // frame_bytes), FEWEST_FRAMES)
    spare = max(stop - start - most, 0)
    return start + spare // 2, stop - (spare - spare // 2)
