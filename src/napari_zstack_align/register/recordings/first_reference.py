"""The image that the first pass matches to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Progress, run
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.frames import TOO_MUCH_LIGHT
from napari_zstack_align.register.recordings.chunks import FEWEST_FRAMES, Range, chunk_ranges
from napari_zstack_align.register.recordings.driving import averaging, driving_frames
from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.matching import Matcher, match_image
from napari_zstack_align.register.recordings.waiting import with_progress
from napari_zstack_align.stack import Stack
from napari_zstack_align.structure import shows_something

Image = npt.NDArray[np.float32]
Averages: TypeAlias = Callable[[int, int, int], Image | None]

MOST_FRAMES = 500
MOST_BYTES = 256 * 2**20
"""A longer chunk gives its middle frames to the first reference."""
SPREAD = (0.1, 0.3, 0.7, 0.9)
"""Where in a recording the chunks lie that the reference must fit."""
ENOUGH = 2
"""So many of them."""
NEIGHBOURS = 4
"""Else so many chunks about the middle are tried."""
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
        return (recording, *middle_frames(stack, params))
    start, stop = params.reference_frames
    if stop > stack.n_frames:
        raise InputError(
            f"reference_frames end at {stop}, but {stack.name} has "
            f"{counted(stack.n_frames, 'frame')}."
        )
    return recording, start, stop


def middle_frames(stack: Stack, params: KeypointParams) -> Range:
    """First frame and end of the middle chunk; of a long one, the frames in its middle."""
    ranges = chunk_ranges(stack, params)
    return _middle_of(ranges[(len(ranges) - 1) // 2], stack)


def choose_reference(
    stacks: Sequence[Stack],
    params: KeypointParams,
    mask: npt.NDArray[np.float32] | None,
    average: Averages,
) -> Matcher:
    """Average the first reference and prepare it for matching.

    Where the parameters leave the choice, it is the middle chunk, unless others spread over the
    recording can't be matched to it but to one another: neither a blank or foreign chunk nor a
    wave of activity in the middle must spoil the session. Where they match none, a chunk counts
    if one of its neighbours can be matched to it.

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
    if params.reference_frames is not None:
        image = average(recording, start, stop)
        if image is None:
            why = _what_ails(stack, start, stop, params).words
            raise InputError(
                f"The reference frames {start} to {stop - 1} of {stack.name} show nothing{why}: "
                f"choose others."
            )
        return prepared(image, mask, params)
    candidates = _Candidates(stack, recording, params, mask, average)
    chosen = candidates.fitting_the_spread() or candidates.fitting_a_neighbour()
    if chosen is None:
        ails = _what_ails(stack, start, stop, params)
        what = f"The middle of {stack.name} shows nothing that could be a reference{ails.words}"
        raise InputError(
            f"{what}. {TOO_MUCH_LIGHT}"
            if ails.flag is Flag.SATURATED
            else f"{what}: choose another one with reference_recording and reference_frames."
        )
    return chosen


class _Candidates:
    """Chunks of a recording that may become the reference; each is averaged when it is needed."""

    def __init__(
        self,
        stack: Stack,
        recording: int,
        params: KeypointParams,
        mask: npt.NDArray[np.float32] | None,
        average: Averages,
    ) -> None:
        self._stack, self._recording, self._params = stack, recording, params
        self._mask, self._average = mask, average
        self._ranges = chunk_ranges(stack, params)
        self._middle = (len(self._ranges) - 1) // 2
        self._images: dict[int, Image | None] = {}
        self._matchers: dict[int, Matcher] = {}

    def fitting_the_spread(self) -> Matcher | None:
        """Return the middle chunk, or the one that fits most of those spread over the recording.

        Half of them are enough for the middle one. None where no chunk fits enough of them.
        """
        spread = self._spread()
        enough = min(ENOUGH, len(spread))
        if not enough:
            return None
        if self._n_fitting(self._middle, spread, enough) == enough:
            return self._matcher(self._middle)
        everywhere = [self._middle, *spread]
        fitting = [self._n_fitting(i, everywhere) for i in everywhere]
        most = max(fitting)
        enough = max(min(enough, len(spread) - 1), 1)
        return self._matcher(everywhere[fitting.index(most)]) if most >= enough else None

    def fitting_a_neighbour(self) -> Matcher | None:
        """Return the chunk nearest to the middle that fits one of the next; None: all are blank.

        Where none does, one that shows nothing but noise is the last choice.
        """
        near = self._by_distance(range(len(self._ranges)))[:NEIGHBOURS]
        shown = [i for i in near if self._image(i) is not None]
        shown.sort(key=lambda i: not shows_something(self._image(i)))
        for n, j in enumerate(shown):
            for i in shown[:n]:
                if self._fits(i, j):
                    return self._matcher(i)
        return self._matcher(shown[0]) if shown else None

    def _spread(self) -> list[int]:
        """Chunks spread over the recording, by their distance from the middle one.

        A wave in the middle reaches into the chunks next to it: they fit it, and don't count where
        there are enough others.
        """
        count = len(self._ranges)
        spread = self._by_distance({int(part * count) for part in SPREAD})[1:]
        far = [i for i in spread if abs(i - self._middle) > 1]
        return far if len(far) >= ENOUGH else spread

    def _by_distance(self, chunks: Iterable[int]) -> list[int]:
        """The middle chunk and others, by their distance from it."""
        return sorted({self._middle, *chunks}, key=lambda i: (abs(i - self._middle), i))

    def _n_fitting(self, i: int, others: Sequence[int], enough: int | None = None) -> int:
        """How many of some chunks can be matched to one; no more than enough are looked at."""
        fitting = (j for j in others if j != i and self._fits(i, j))
        return sum(1 for _ in islice(fitting, enough))

    def _fits(self, i: int, j: int) -> bool:
        image = self._image(j)
        if image is None or self._image(i) is None:
            return False
        return match_image(self._matcher(i), image, np.eye(3), self._params.seed).is_believed

    def _image(self, i: int) -> Image | None:
        if i not in self._images:
            frames = _middle_of(self._ranges[i], self._stack)
            self._images[i] = self._average(self._recording, *frames)
        return self._images[i]

    def _matcher(self, i: int) -> Matcher:
        if i not in self._matchers:
            image = self._image(i)
            assert image is not None
            self._matchers[i] = prepared(image, self._mask, self._params)
        return self._matchers[i]


class _Ails(NamedTuple):
    """What is the matter with frames, in brackets, and the flag of it; '' where nothing is."""

    words: str
    flag: Flag


def _what_ails(stack: Stack, start: int, stop: int, params: KeypointParams) -> _Ails:
    """Say what is the matter with the frames of a range, of which some are read."""
    frames = np.unique(np.linspace(start, stop - 1, LOOKED_AT).astype(int)).tolist()
    faults = [each.fault for t in frames for _, each in driving_frames(stack, t, t + 1, params)]
    found = [fault for fault in faults if fault is not None]
    if not found:
        return _Ails("", Flag.GOOD)
    of, one = counted(len(frames), "frame"), found[len(found) // 2]
    return _Ails(f" ({len(found)} of {of} looked at can't be used; {one.detail})", one.flag)


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
