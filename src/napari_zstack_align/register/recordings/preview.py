"""'Will this work?': one chunk matched to the reference, with all that can be shown of it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import decimal
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.parallel import default_threads, worker_threads
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.search import search
from napari_zstack_align.register.recordings.chunks import Range, chunk_ranges
from napari_zstack_align.register.recordings.driving import paced_stacks
from napari_zstack_align.register.recordings.first_reference import (
    average_frames,
    expected_map,
    find_reference_frames,
)
from napari_zstack_align.register.recordings.geometry import Matrix, Motion, Points, inverse
from napari_zstack_align.register.recordings.inputs import Inputs, checked_inputs
from napari_zstack_align.register.recordings.matching import (
    Match,
    Matcher,
    correlations_of,
    match_image,
)
from napari_zstack_align.register.recordings.waiting import until_done
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]

POOR_COVERAGE = 0.25
CHUNKS_LOOKED_AT, FRAMES_LOOKED_AT = 12, 4
"""Of so many chunks, by so many frames of each, the one that resembles the reference least is
matched: what would be difficult shows there."""
STAGE = "Matching"
OTHER_ADVICE = "this chunk may show another place, or not enough"


@dataclass(frozen=True)
class MatchPreview:
    """A chunk's match to the reference.

    Attributes
    ----------
    recording : int
        Counted from 0.
    frames : tuple of int
        (start, stop) of the chunk.
    reference_image, chunk_image : numpy.ndarray
        (Y, X) float32 means.
    reference_points, chunk_points : numpy.ndarray
        (N, 2) keypoints (y, x).
    reference_in_mask, chunk_in_mask : numpy.ndarray
        (N,) bool: which of them lie in the mask.
    matches_reference, matches_chunk : numpy.ndarray
        (K, 2) matched positions in the mask.
    inliers : numpy.ndarray
        (K,) bool.
    matrix : numpy.ndarray, optional
        (3, 3) reference to the chunk's raw frames; None where there is none to be believed.
    coverage : float
        Part of the mask that has an inlier near it.
    correlation_before, correlation_after : float
        With the reference.
    go : bool
        Whether this chunk would be registered.
    flag : Flag
        Code of what is the matter; '' where the chunk would be registered.
    reason : str
        Why, or why not, in a sentence.
    words : str
        How the chunk lies against the reference: '4.1 px down, 0.8° clockwise'.
    least_alike_of : int
        So many chunks were looked at, and this one resembles the reference least; 0 where it was
        asked for.
    """

    recording: int
    frames: Range
    reference_image: Image
    chunk_image: Image
    reference_points: Points
    reference_in_mask: Chosen
    chunk_points: Points
    chunk_in_mask: Chosen
    matches_reference: Points
    matches_chunk: Points
    inliers: Chosen
    matrix: Matrix | None
    coverage: float
    correlation_before: float
    correlation_after: float
    go: bool
    flag: Flag
    reason: str
    words: str
    least_alike_of: int = 0


def preview_chunk(
    stacks: Sequence[Stack],
    recording: int,
    frames: Range | None = None,
    params: KeypointParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    reference: Alignment | npt.ArrayLike | None = None,
) -> Job[MatchPreview]:
    """Match a single chunk to the reference, as `register_recordings` would in its first pass.

    Parameters
    ----------
    stacks, params, mask, reference
        As for `register_recordings`.
    recording : int
        Which recording, counted from 0.
    frames : tuple of int, optional
        (start, stop) of the frames to average; by default the chunk, of some spread over the
        recording, that resembles the reference least as it lies.

    Returns
    -------
    generator of Progress
        Returns a `MatchPreview`.

    Raises
    ------
    InputError
        At the call, where the inputs don't fit together.
    """
    inputs = checked_inputs(stacks, params, mask, reference)
    if not 0 <= recording < len(inputs.stacks):
        raise InputError(
            f"There is no recording {recording}: they are counted 0 to {len(inputs.stacks) - 1}."
        )
    if frames is not None and not 0 <= frames[0] < frames[1] <= inputs.stacks[recording].n_frames:
        raise InputError(
            f"{inputs.stacks[recording].name} has no frames {frames[0]} to {frames[1] - 1}."
        )
    return _first(_previews(inputs, [(recording, frames)]))


def preview_session(
    stacks: Sequence[Stack],
    params: KeypointParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    reference: Alignment | npt.ArrayLike | None = None,
) -> Job[list[MatchPreview]]:
    """Match a chunk of every recording to the reference: a first map, in seconds.

    Of each it is the chunk, of some spread over it, that resembles the reference least as it lies.
    Parameters and errors are those of `register_recordings`.

    Returns
    -------
    generator of Progress
        Returns a list of `MatchPreview`, one a recording.
    """
    inputs = checked_inputs(stacks, params, mask, reference)
    return _previews(inputs, [(i, None) for i in range(len(inputs.stacks))])


def find_reference_recording(
    stacks: Sequence[Stack], params: KeypointParams | None = None
) -> Job[int]:
    """Find the recording that a registration without a mask would take its first reference from.

    Some frames of each are read; pixels that don't come from tissue aren't looked for.

    Parameters
    ----------
    stacks, params
        As for `register_recordings`.

    Returns
    -------
    generator of Progress
        Returns the number of the recording, counted from 0.

    Raises
    ------
    InputError
        At the call, where the inputs don't fit together.
    """
    return _reference_recording(checked_inputs(stacks, params, None, None))


def _reference_recording(inputs: Inputs) -> Job[int]:
    with worker_threads(1) as pool, paced_stacks(inputs.stacks) as stacks:
        inputs = yield from _with_reference_recording(replace(inputs, stacks=stacks), pool)
        return find_reference_frames(inputs.stacks, inputs.params)[0]


def _with_reference_recording(
    inputs: Inputs, pool: ThreadPoolExecutor
) -> Generator[Progress, None, Inputs]:
    choosing = pool.submit(inputs.with_reference_recording)
    yield from until_done([choosing], Progress("Choosing the reference", 0, 0))
    return choosing.result()


def _first(job: Job[list[MatchPreview]]) -> Job[MatchPreview]:
    previews = yield from job
    return previews[0]


def _previews(inputs: Inputs, wanted: list[tuple[int, Range | None]]) -> Job[list[MatchPreview]]:
    with worker_threads(default_threads()) as pool, paced_stacks(inputs.stacks) as stacks:

        def look(i: int, offset: float | None) -> Generator[Progress, None, Artefacts]:
            return search(stacks[i], inputs.params, pool, offset=offset)

        inputs = yield from replace(inputs, stacks=stacks).without_artefacts(look)
        inputs = yield from _with_reference_recording(inputs, pool)
        making = pool.submit(inputs.make_reference)
        yield from until_done([making], Progress("Making the first reference", 0, len(wanted)))
        matcher = making.result()
        tasks = [pool.submit(_preview, inputs, matcher, *item) for item in wanted]
        for done, task in enumerate(tasks):
            yield from until_done([task], Progress(STAGE, done, len(wanted)))
        return [_as_raw(task.result(), inputs.offset) for task in tasks]


def _as_raw(preview: MatchPreview, offset: float) -> MatchPreview:
    """Preview whose images have the intensities of the raw frames."""
    if not offset:
        return preview
    images = (preview.reference_image, preview.chunk_image)
    reference, chunk = (image + np.float32(offset) for image in images)
    return replace(preview, reference_image=reference, chunk_image=chunk)


def _preview(
    inputs: Inputs, matcher: Matcher, recording: int, wanted: Range | None
) -> MatchPreview:
    stack, params = inputs.stacks[recording], inputs.params
    reference, looked_at = matcher.reference, 0
    frames = wanted
    if frames is None:
        frames, looked_at = _least_alike(inputs, matcher, recording)
    image = average_frames(stack, *frames, params, inputs.artefacts[recording])
    expected = expected_map(stack, reference.shape, inputs.pixel_size_um)
    match: Match | None = None
    if image is None:
        image = np.zeros(stack.shape[2:], np.float32)
    else:
        match = match_image(matcher, image, expected, (params.seed, recording, frames[0]))
    described = _described(match, image, matcher, expected, recording, frames)
    return replace(described, least_alike_of=looked_at)


def _least_alike(inputs: Inputs, matcher: Matcher, recording: int) -> tuple[Range, int]:
    """Chunk that resembles the reference least where it lies, and of how many.

    Chunks that show nothing are passed over, unless all do: a run bridges them.
    """
    stack = inputs.stacks[recording]
    ranges = chunk_ranges(stack, inputs.params)
    spread = np.linspace(0, len(ranges) - 1, min(len(ranges), CHUNKS_LOOKED_AT))
    chunks = [ranges[i] for i in np.unique(spread.round().astype(int))]
    if len(chunks) == 1:
        return chunks[0], 0
    alike = np.array([_likeness(inputs, matcher, recording, chunk) for chunk in chunks])
    if np.isnan(alike).all():
        return chunks[(len(chunks) - 1) // 2], 0
    return chunks[int(np.nanargmin(alike))], len(chunks)


def _likeness(inputs: Inputs, matcher: Matcher, recording: int, chunk: Range) -> float:
    """Correlation of a few frames of a chunk, as they lie, with the reference; NaN for none."""
    stack, reference = inputs.stacks[recording], matcher.reference
    frames = np.unique(np.linspace(chunk[0], chunk[1] - 1, FRAMES_LOOKED_AT).astype(int)).tolist()
    artefacts = inputs.artefacts[recording]
    read = [average_frames(stack, t, t + 1, inputs.params, artefacts) for t in frames]
    images = [image for image in read if image is not None]
    if not images:
        return float("nan")
    expected = expected_map(stack, reference.shape, inputs.pixel_size_um)
    return correlations_of(np.mean(images, axis=0), expected, expected, reference)[0]


def _described(
    match: Match | None,
    image: Image,
    matcher: Matcher,
    expected: Matrix,
    recording: int,
    frames: Range,
) -> MatchPreview:
    reference, points = matcher.reference, matcher.points
    nothing, none = np.zeros((0, 2)), np.zeros(0, bool)
    matrix = None if match is None else match.matrix
    words = ""
    if matrix is not None:
        words = str(Motion.of(matrix @ inverse(expected), reference.shape))
    return MatchPreview(
        recording=recording,
        frames=frames,
        reference_image=reference.image,
        chunk_image=image,
        reference_points=points,
        reference_in_mask=reference.in_mask(points),
        chunk_points=nothing if match is None else match.points,
        chunk_in_mask=none if match is None else match.in_mask,
        matches_reference=nothing if match is None else match.source,
        matches_chunk=nothing if match is None else match.target,
        inliers=none if match is None else match.inliers,
        matrix=matrix,
        coverage=0.0 if match is None else match.coverage,
        correlation_before=float("nan") if match is None else match.before,
        correlation_after=float("nan") if match is None else match.after,
        go=match is not None and match.fault is None,
        flag=_flag(match),
        reason=_reason(match, matcher),
        words=words,
    )


def _flag(match: Match | None) -> Flag:
    if match is None:
        return Flag.NO_FRAMES
    return Flag.GOOD if match.fault is None else match.fault.flag


def _reason(match: Match | None, matcher: Matcher) -> str:
    if match is None:
        return "None of these frames shows anything: choose others."
    if match.fault:
        detail = match.fault.detail
        advice = matcher.advice.get(match.fault.flag, OTHER_ADVICE)
        return f"{detail[0].upper()}{detail[1:]}: {advice}."
    rises = f"the correlation rises from {decimal(match.before)} to {decimal(match.after)}."
    if not len(match.source):
        return rises.capitalize()
    text = (
        f"{match.n_inliers} of {len(match.source)} matches agree within {match.residual_px:.1f} px"
    )
    if match.coverage < POOR_COVERAGE:
        text += f", but near only {100 * match.coverage:.0f} % of the mask"
    return f"{text}; {rises}"
