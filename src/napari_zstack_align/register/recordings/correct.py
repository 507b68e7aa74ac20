"""Corrections by hand: a chunk marked as bad or as good, or three points set in it.

Only the frames between the neighbouring chunks change, and only these are read again, where the
motion of single frames was followed. The alignment remembers what was decided and what had been
found, so that it can go back to that, and another run can do the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.edits import (
    Edit,
    EditKind,
    Points,
    edit_of_chunk,
    edits_of,
    fill_row,
    row_facts,
    with_edits,
)
from napari_zstack_align.alignment.summary import FOLLOWED_ONE_BY_ONE
from napari_zstack_align.alignment.transforms import AffineLink, Link, SplineLink, Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault, Flag, fault_of, mark
from napari_zstack_align.parallel import default_threads, worker_threads
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.search import search
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.between_midpoints import traced_motion
from napari_zstack_align.register.recordings.chunks import WINDOW_FRAMES, Range, windows_of
from napari_zstack_align.register.recordings.consensus import Consensus
from napari_zstack_align.register.recordings.driving import averaging, paced_stacks
from napari_zstack_align.register.recordings.first_reference import average_frames
from napari_zstack_align.register.recordings.frame_flags import FrameFlags
from napari_zstack_align.register.recordings.freedom import Learned
from napari_zstack_align.register.recordings.geometry import fit
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.matching import correlations_of, model_of
from napari_zstack_align.register.recordings.measure import MeasuredFrames, measure_window
from napari_zstack_align.register.recordings.ransac import distances
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.residual import (
    FOLLOWED_AT_ONCE,
    Followed,
    FrameFollower,
    take_over,
)
from napari_zstack_align.register.recordings.state import FOLLOWED, OF_CHUNKS, RecordingState
from napari_zstack_align.register.recordings.trace import Trace
from napari_zstack_align.register.recordings.waiting import in_order, until_done
from napari_zstack_align.stack import Stack

T = TypeVar("T")
MARKED_BAD = Fault(Flag.MARKED_BAD, "marked as bad")
FEWEST_POINTS = 3
AHEAD = 4
STAGE = "Solving the neighbourhood again"


def reject_chunk(alignment: Alignment, chunk: int) -> Job[Alignment]:
    """Mark a chunk as bad: its frames are bridged from the chunks beside it.

    Parameters
    ----------
    alignment : Alignment
        Of a recording.
    chunk : int
        Row of ``alignment.chunks``.

    Returns
    -------
    generator of Progress
        Returns the corrected Alignment; the one given stays as it is.

    Raises
    ------
    InputError
        At the call, where there is no such chunk, or no other good one to bridge from.
    """
    row = _row(alignment, chunk)
    chunks = _chunks(alignment).copy()
    others = (chunks["flag"] == Flag.GOOD) & (chunks["chunk"] != row["chunk"])
    if not others.any():
        raise InputError(
            f"Chunk {chunk} is the only good one of {alignment.stack.name}: set points by hand "
            f"instead."
        )
    mark(chunks[chunk], MARKED_BAD)
    chunks["method"][chunk] = "bridged"
    return _solve_again(alignment, chunks, chunk, _edit(alignment, row, EditKind.BAD))


def accept_chunk(alignment: Alignment, chunk: int) -> Job[Alignment]:
    """Mark a flagged chunk as good: it is right where it lies, so that its frames count.

    Parameters
    ----------
    alignment : Alignment
        Of a recording.
    chunk : int
        Row of ``alignment.chunks``.

    Returns
    -------
    generator of Progress
        Returns the corrected Alignment; the one given stays as it is.

    Raises
    ------
    InputError
        At the call, where there is no such chunk, it isn't flagged, or no frame of it can be used.
    """
    row = _row(alignment, chunk)
    if fault_of(row) is None:
        raise InputError(f"Chunk {chunk} of {alignment.stack.name} is good already.")
    if row["flag"] == Flag.NO_FRAMES or not row["n_frames"]:
        raise InputError(f"Chunk {chunk} of {alignment.stack.name} has no frames that can be used.")
    chunks = _chunks(alignment).copy()
    chunks["matrix"][chunk] = _place(alignment, row)
    chunks["method"][chunk] = "by hand"
    mark(chunks[chunk], None)
    return _solve_again(alignment, chunks, chunk, _edit(alignment, row, EditKind.GOOD))


def back_to_automatic(alignment: Alignment, chunk: int) -> Job[Alignment]:
    """Take back what was decided about a chunk: it is again as it was found.

    Parameters
    ----------
    alignment : Alignment
        Of a recording.
    chunk : int
        Row of ``alignment.chunks``.

    Returns
    -------
    generator of Progress
        Returns the corrected Alignment; the one given stays as it is.

    Raises
    ------
    InputError
        At the call, where there is no such chunk, or nothing was decided about it.
    """
    edit = edit_of_chunk(alignment, _row(alignment, chunk))
    if edit is None:
        raise InputError(f"Chunk {chunk} of {alignment.stack.name} is as it was found.")
    chunks = _chunks(alignment).copy()
    fill_row(chunks[chunk], edit.found)
    return _solve_again(alignment, chunks, chunk, None)


def set_chunk_points(
    alignment: Alignment, chunk: int, raw_yx: npt.ArrayLike, reference_yx: npt.ArrayLike
) -> Job[Alignment]:
    """Give a chunk the transform that takes points of the reference to points of its raw frames.

    Parameters
    ----------
    alignment : Alignment
        Of a recording.
    chunk : int
        Row of ``alignment.chunks``.
    raw_yx, reference_yx : array-like
        (N, 2) positions (y, x) of the same N ≥ 3 places in the chunk's raw mean and in the
        reference, in px.

    Returns
    -------
    generator of Progress
        Returns the corrected Alignment; the one given stays as it is.

    Raises
    ------
    InputError
        At the call, where there is no such chunk, or the points don't determine a transform.
    """
    was = _row(alignment, chunk)
    raw, reference = (np.asarray(p, np.float64) for p in (raw_yx, reference_yx))
    if raw.shape != reference.shape or raw.ndim != 2 or raw.shape[1:] != (2,):
        raise InputError(
            f"Set as many points in the chunk as in the reference, in the same order: there are "
            f"{len(raw)} and {len(reference)}."
        )
    if len(raw) < FEWEST_POINTS:
        raise InputError(f"Set at least {FEWEST_POINTS} points in both images, not {len(raw)}.")
    matrix = fit(model_of(_params(alignment)), reference, raw)
    if not np.isfinite(matrix).all():
        raise InputError("The points lie on a line: set them at the corners of a triangle.")
    chunks = _chunks(alignment).copy()
    row = chunks[chunk]
    row["matrix"], row["method"] = matrix, "by hand"
    mark(row, None)
    row["n_matches"] = row["n_inliers"] = len(raw)
    row["residual_px"] = float(np.median(distances(matrix, reference, raw)))
    points = [tuple(map(tuple, each.tolist())) for each in (raw, reference)]
    return _solve_again(alignment, chunks, chunk, _edit(alignment, was, EditKind.POINTS, *points))


def chunk_mean(alignment: Alignment, chunk: int) -> npt.NDArray[np.float32]:
    """(Y, X) float32 raw mean of the frames of a chunk that can be used; zeros without any."""
    row = _row(alignment, chunk)
    start, stop = int(row["start"]), int(row["stop"])
    mean = average_frames(alignment.stack, start, stop, _params(alignment))
    return np.zeros(alignment.raw_shape, np.float32) if mean is None else mean


# -- inside ------------------------------------------------------------------------------------


def _edit(
    alignment: Alignment, row: np.void, kind: EditKind, raw: Points = (), reference: Points = ()
) -> Edit:
    """What is decided about a chunk; what had been found of it is known from an edit before."""
    before = edit_of_chunk(alignment, row)
    return Edit(
        kind=kind,
        start=row["start"],
        stop=row["stop"],
        raw_yx=raw,
        reference_yx=reference,
        found=row_facts(row) if before is None else before.found,
    )


def _place(alignment: Alignment, row: np.void) -> npt.NDArray[np.float64]:
    """(3, 3) transform of the middle of a chunk, wherever it comes from."""
    by_chunk = alignment.transforms.links[0]
    assert isinstance(by_chunk, AffineLink)
    middle = float(row["midpoint"])
    frames = np.clip([np.floor(middle), np.ceil(middle)], row["start"], row["stop"] - 1)
    return np.asarray(by_chunk.matrices[frames.astype(int)].mean(axis=0))


def _solve_again(
    alignment: Alignment, chunks: npt.NDArray[np.void], chunk: int, edit: Edit | None
) -> Job[Alignment]:
    """Interpolate anew with a changed chunk table, and follow the frames around the chunk.

    ``edit`` is why, and is remembered; None where the chunk goes back to what was found.
    """
    params, kind = _params(alignment), str(alignment.provenance.get("single_frames", "none"))
    images = ImageFile(alignment.raw_shape)
    try:
        with worker_threads(default_threads()) as pool, paced_stacks([alignment.stack]) as (stack,):
            state = _state(alignment, stack, images, chunks)
            yield Progress(STAGE, 0, 0)
            state.artefacts = yield from _artefacts(alignment, stack, params, pool)
            image = alignment.reference - np.float32(state.artefacts.offset)
            reference = Reference.of(image, alignment.mask)
            frames = _neighbourhood(state, chunk)
            _judge_again(state, frames)
            was = _place(alignment, alignment.chunks[chunk])  # type: ignore[index]
            compared = None
            if edit is not None:
                compared = yield from _told(_correlate(state, chunk, reference, params, was))
            if kind != "none":
                yield from _measure_again(state, frames, params, pool)
            extra: Link | None = traced_motion(state) if kind == "trace" else None
            if kind in FOLLOWED_ONE_BY_ONE:
                known = Learned.remembered(kind, alignment.provenance.get("freedom", {}))
                following = partial(_follower, params=params, kind=kind, known=known)
                extra = yield from _follow_again(state, frames, reference, following, pool)
            state.extra = _spliced(alignment, extra, frames)
    finally:
        images.close()
    corrected = _corrected(alignment, state, frames)
    row = corrected.chunks[chunk]  # type: ignore[index]
    others = [e for e in edits_of(alignment) if (e.start, e.stop) != (row["start"], row["stop"])]
    if edit is None:
        return with_edits(corrected, others)
    return with_edits(corrected, [*others, edit.model_copy(update={"correlations": compared})])


def _artefacts(
    alignment: Alignment, stack: Stack, params: KeypointParams, pool: ThreadPoolExecutor
) -> Job[Artefacts]:
    """Artefacts as they were found: the fixed pixels are known, the rest shows again."""
    fixed = alignment.artefacts
    given = np.zeros(alignment.raw_shape, bool) if fixed is None else fixed
    return (yield from search(stack, params, pool, given=given))


def _judge_again(state: RecordingState, frames: Range) -> None:
    """Forget which frames didn't fit: it may have been their transforms that were wrong."""
    flags = state.frame_flags
    flags.mark(flags.having(Flag.LOW_CORRELATION, *frames), None)


def _correlate(
    state: RecordingState,
    chunk: int,
    reference: Reference,
    params: KeypointParams,
    was: npt.NDArray[np.float64],
) -> Generator[None, None, tuple[float, float] | None]:
    """Correlate the chunk's mean with the reference, at its new transform.

    Returns the correlations where it was and where it lies now, over the same pixels; None where it
    is bad, or nothing can be compared.
    """
    row = state.chunks[chunk]
    frames = int(row["start"]), int(row["stop"])
    good = set(state.good_frames(*frames).tolist())
    image = yield from averaging(state.stack, *frames, params, good, state.artefacts)
    if image is None or fault_of(row):
        return None
    values = correlations_of(image, row["matrix"], state.expected, reference)
    row["correlation_before"], row["correlation_after"] = values
    compared = correlations_of(image, row["matrix"], was, reference)
    return compared if np.isfinite(compared).all() else None


def _told(steps: Generator[None, None, T]) -> Generator[Progress, None, T]:
    """Take steps that say nothing of how far they are."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        yield Progress(STAGE, 0, 0)


def _neighbourhood(state: RecordingState, chunk: int) -> Range:
    """Frames of the chunk and of the good ones on either side of it, within its stretch."""
    start, stop = state.stretches[int(state.chunks["segment"][chunk])]
    good = state.good
    before, after = good[good < chunk], good[good > chunk]
    if len(before):
        start = max(start, int(state.chunks["start"][before[-1]]))
    if len(after):
        stop = min(stop, int(state.chunks["stop"][after[0]]))
    return start, stop


def _windows(state: RecordingState, frames: Range, *, followed: bool) -> list[Range]:
    ranges = [(int(row["start"]), int(row["stop"])) for row in state.chunks]
    inside = [r for r in ranges if frames[0] <= r[0] and r[1] <= frames[1]]
    shape = (state.stack.shape[2], state.stack.shape[3])
    return list(windows_of(inside, shape, FOLLOWED_AT_ONCE if followed else WINDOW_FRAMES))


def _measure_again(
    state: RecordingState, frames: Range, params: KeypointParams, pool: ThreadPoolExecutor
) -> Generator[Progress, None, None]:
    """Trace the motion of these frames once more; those of the others stay unknown."""
    windows = _windows(state, frames, followed=False)
    measured: list[MeasuredFrames] = []
    work = partial(_measure, state, params)

    def take(window: MeasuredFrames) -> Progress:
        measured.append(window)
        return Progress(STAGE, len(measured), len(windows))

    yield from in_order(pool, work, windows, AHEAD, take, Progress(STAGE, 0, len(windows)))
    shape = (state.stack.shape[2], state.stack.shape[3])
    part = Trace.of(measured, shape, params.max_shift_px)
    first, last = windows[0][0], windows[-1][1]
    state.trace.shift[first:last], state.trace.halves[:, first:last] = part.shift, part.halves


def _measure(state: RecordingState, params: KeypointParams, frames: Range) -> MeasuredFrames:
    return measure_window(state.stack, *frames, params, state.artefacts)


def _follow_again(
    state: RecordingState,
    frames: Range,
    reference: Reference,
    following: Callable[[RecordingState, Consensus], FrameFollower],
    pool: ThreadPoolExecutor,
) -> Generator[Progress, None, Link]:
    consensus = Consensus(reference, Prefilter.for_image(reference.image), fixed=True)
    making = pool.submit(following, state, consensus)
    yield from until_done([making], Progress(STAGE, 0, 0))
    follower = making.result()
    windows = _windows(state, frames, followed=True)
    parts: list[Followed] = []

    def take(part: Followed) -> Progress:
        parts.append(part)
        return Progress(STAGE, len(parts), len(windows))

    stage = Progress(STAGE, 0, len(windows))
    yield from in_order(pool, follower.follow, windows, AHEAD, take, stage)
    take_over(state, follower, parts)
    return follower.link(parts)


def _follower(
    state: RecordingState,
    consensus: Consensus,
    params: KeypointParams,
    kind: str,
    known: Learned | None,
) -> FrameFollower:
    """Return who follows frames as before; what isn't known of their motion is learned anew."""
    follower = FrameFollower(state, consensus, params, kind)
    follower.adopt(known or follower.learn())
    return follower


def _spliced(alignment: Alignment, extra: Link | None, frames: Range) -> Link | None:
    """Return the old motion of single frames, with that of some frames replaced by the new."""
    old = alignment.transforms.links[1] if len(alignment.transforms.links) > 1 else None
    inside = slice(*frames)
    if isinstance(old, SplineLink):
        coefficients = old.coefficients.copy()
        assert isinstance(extra, SplineLink)
        coefficients[inside] = extra.coefficients[inside]
        return replace(old, coefficients=coefficients)
    if old is None and extra is None:
        return None
    n_frames = alignment.stack.n_frames
    matrices = _still(n_frames) if old is None else old.matrices.copy()
    new = extra.matrices if isinstance(extra, AffineLink) else _still(n_frames)
    matrices[inside] = new[inside]
    return AffineLink(matrices)


def _still(n_frames: int) -> npt.NDArray[np.float64]:
    return np.tile(np.eye(3), (n_frames, 1, 1))


def _corrected(alignment: Alignment, state: RecordingState, frames: Range) -> Alignment:
    shape = alignment.transforms.shape
    old, new = alignment.transforms.links[0], state.links()[0]
    assert isinstance(old, AffineLink)
    assert isinstance(new, AffineLink)
    matrices = old.matrices.copy()
    matrices[slice(*frames)] = new.matrices[slice(*frames)]
    quality = alignment.quality.copy()
    quality[slice(*frames)] = state.quality(shape)[slice(*frames)]
    return replace(
        alignment,
        transforms=Transforms(shape, (AffineLink(matrices), *state.links()[1:])),
        quality=quality,
        chunks=state.chunks.copy(),
    )


def _state(
    alignment: Alignment, stack: Stack, images: ImageFile, chunks: npt.NDArray[np.void]
) -> RecordingState:
    """Take up again what is known of a registered recording, whose frames a stack reads."""
    expected = np.array(alignment.provenance.get("expected", np.eye(3)), np.float64)
    state = RecordingState(stack, 0, expected, images, chunks, read=stack.n_frames)
    firsts = np.flatnonzero(np.diff(chunks["segment"])) + 1
    state.steps = chunks["start"][firsts].tolist()
    state.image_numbers = [None] * len(chunks)
    state.frame_flags = FrameFlags.of(alignment.quality, but=OF_CHUNKS)
    if len(alignment.transforms.links) > 1 and alignment.provenance.get("single_frames") != "trace":
        state.frame_rows = {name: alignment.quality[name].copy() for name in FOLLOWED}
    return state


def _row(alignment: Alignment, chunk: int) -> np.void:
    chunks = _chunks(alignment)
    if not 0 <= chunk < len(chunks):
        raise InputError(
            f"{alignment.stack.name} has no chunk {chunk}: they are 0 to {len(chunks) - 1}."
        )
    row: np.void = chunks[chunk]
    return row


def _chunks(alignment: Alignment) -> npt.NDArray[np.void]:
    if alignment.chunks is None or not isinstance(alignment.params, KeypointParams):
        raise InputError(
            f"{alignment.stack.name} wasn't registered by chunks: there is none to correct."
        )
    return alignment.chunks


def _params(alignment: Alignment) -> KeypointParams:
    assert isinstance(alignment.params, KeypointParams)
    used = alignment.provenance.get("transform", model_of(alignment.params))
    return alignment.params.replace(transform=used)
