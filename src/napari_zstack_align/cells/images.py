"""Images in which cells are looked for, made of a recording or a z-stack: jobs that stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.projections import (
    LocalCorrelation,
    Maximum,
    Mean,
    Neighbours,
    Projection,
    StandardDeviation,
)
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.stack import Stack, check_is_stack

AlignmentOrStack: TypeAlias = Alignment | Stack
Kind: TypeAlias = Literal["mean", "max", "std", "correlation"]
Image = npt.NDArray[np.float32]
FrameNumbers = npt.NDArray[np.intp]

KINDS: tuple[Kind, ...] = ("mean", "max", "std", "correlation")

BLOCK_PIXELS = 2**23
"""Pixels of the frames that are held at once: 64 MB in double precision."""


def source_image(
    source: AlignmentOrStack,
    kind: Kind = "mean",
    *,
    frames: tuple[int, int] | None = None,
    channel: int = 0,
    neighbours: Neighbours = 8,
) -> Job[Image]:
    """Make one image of the frames of a recording.

    Parameters
    ----------
    source : Alignment or Stack
        Aligned frames, of which flagged ones are left out; or a Stack's raw frames.
    kind : {'mean', 'max', 'std', 'correlation'}
        Mean, maximum, standard deviation over time, or the mean correlation of each pixel with
        its neighbours.
    frames : tuple of int, optional
        First frame and end (exclusive); all frames by default.
    channel : int
        Channel, counted from 0.
    neighbours : {4, 8}
        For 'correlation'.

    Returns
    -------
    generator of Progress
        Returns (Y, X) float32 in reference coordinates; NaN where no frame shows anything.

    Raises
    ------
    InputError
        Where there are no such frames, no such channel, or all frames are flagged.
    """
    stack = stack_of(source)
    projection = _projection(kind, shape_of(source), neighbours)
    chosen = _good(source, _range(source, frames))
    return _project(source, chosen, stack.checked_channel(channel), projection)


def slice_image(source: AlignmentOrStack, z: int, *, channel: int = 0) -> Job[Image]:
    """Average the repeats of one slice of a z-stack.

    Parameters
    ----------
    source : Alignment or Stack
        Of a z-stack; flagged frames of an alignment are left out.
    z : int
        Slice, counted from 0.
    channel : int
        Channel, counted from 0.

    Returns
    -------
    generator of Progress
        Returns (Y, X) float32; NaN where no frame shows anything, everywhere for a slice of which
        all frames are flagged.

    Raises
    ------
    InputError
        Where there is no such slice or channel, or it is a recording.
    """
    stack = stack_of(source)
    if not 0 <= z < stack.n_slices:
        raise InputError(f"{stack.name} has slices 0 to {stack.n_slices - 1}: there is no {z}.")
    chosen = _unflagged(source, stack.frames_of_slice(z))
    return _project(
        source, chosen, stack_of(source).checked_channel(channel), Mean(shape_of(source))
    )


def session_image(
    sources: Sequence[Alignment],
    kind: Kind = "mean",
    *,
    channel: int = 0,
    neighbours: Neighbours = 8,
) -> Job[Image]:
    """Make one image of the recordings of a session, in their common coordinates.

    Parameters
    ----------
    sources : sequence of Alignment
        Registered to one reference.
    kind, channel, neighbours
        As in `source_image`.

    Returns
    -------
    generator of Progress
        Returns (Y, X) float32: the mean of the recordings' images (of 'max': the maximum), over
        those that show something there. A step in brightness from one recording to the next
        therefore is neither variation nor correlation.

    Raises
    ------
    InputError
        As `source_image`, or where the recordings have references of different shapes.
    """
    if len({shape_of(source) for source in sources}) != 1:
        raise InputError(
            "An image of a session needs at least one alignment, and all of them in the "
            "coordinates of one reference."
        )
    jobs = [
        source_image(source, kind, channel=channel, neighbours=neighbours) for source in sources
    ]
    return _combine(jobs, Maximum if kind == "max" else Mean, shape_of(sources[0]))


def stack_of(source: AlignmentOrStack) -> Stack:
    """Return the raw frames of a source; InputError where it is neither."""
    if isinstance(source, Alignment):
        return source.stack
    check_is_stack(source)
    return source


def shape_of(source: AlignmentOrStack) -> tuple[int, int]:
    """(Y, X) of a source's images."""
    return source.transforms.shape if isinstance(source, Alignment) else source.shape[2:]


# -- inside ------------------------------------------------------------------------------------


def _combine(
    jobs: list[Job[Image]], combined: type[Mean] | type[Maximum], shape: tuple[int, int]
) -> Job[Image]:
    images = combined(shape)
    for number, job in enumerate(jobs):
        image = yield from mapped(job, partial(_as_part, number, len(jobs)))
        images.add(image[np.newaxis], np.isfinite(image)[np.newaxis])
    return images.image()


def _as_part(before: int, total: int, step: Progress) -> Progress:
    """A recording's progress as part of the session's, in hundredths of a recording."""
    part = 100 * step.done // max(step.total, 1)
    stage = f"Recording {before + 1} of {total}"
    return Progress(stage, 100 * before + part, 100 * total, step.note)


def _projection(kind: str, shape: tuple[int, int], neighbours: Neighbours) -> Projection:
    if neighbours not in (4, 8):
        raise InputError(f"A pixel has 4 or 8 neighbours, not {neighbours}.")
    if kind == "correlation":
        return LocalCorrelation(shape, neighbours)
    simple: dict[str, Callable[[tuple[int, int]], Projection]] = {
        "mean": Mean,
        "max": Maximum,
        "std": StandardDeviation,
    }
    if kind not in simple:
        raise InputError(f"There is no image '{kind}': choose {', '.join(KINDS)}.")
    return simple[kind](shape)


def _project(
    source: AlignmentOrStack, frames: FrameNumbers, channel: int, projection: Projection
) -> Job[Image]:
    done = 0
    yield Progress("Averaging", done, len(frames))
    for block in _blocks(frames, shape_of(source)):
        projection.add(*_read(source, block, channel))
        done += len(block)
        yield Progress("Averaging", done, len(frames))
    return projection.image()


def _blocks(frames: FrameNumbers, shape: tuple[int, int]) -> Iterator[FrameNumbers]:
    """Neighbouring frames, so many at once as are read and added in a fraction of a second."""
    at_once = max(min(BLOCK_PIXELS // (shape[0] * shape[1]), 32), 1)
    for run in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1):
        for start in range(0, len(run), at_once):
            yield run[start : start + at_once]


def _read(
    source: AlignmentOrStack, block: FrameNumbers, channel: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(n, Y, X) float32 frames and which of their pixels are valid."""
    raw = stack_of(source).read(int(block[0]), int(block[-1]) + 1)[:, channel]
    if isinstance(source, Alignment):
        moved = [
            source.resample_measured(frame, int(t)) for t, frame in zip(block, raw, strict=True)
        ]
        frames, valid = (np.stack(parts) for parts in zip(*moved, strict=True))
    else:
        frames, valid = raw, np.isfinite(raw)
    return frames.astype(np.float32), valid


def _range(source: AlignmentOrStack, frames: tuple[int, int] | None) -> FrameNumbers:
    stack = stack_of(source)
    start, stop = (0, stack.n_frames) if frames is None else frames
    if not 0 <= start < stop <= stack.n_frames:
        raise InputError(
            f"Frames {start} to {stop} are no part of {stack.name}, which has {stack.n_frames} "
            f"frames: give a first frame and a larger end, counted from 0."
        )
    return np.arange(start, stop)


def _good(source: AlignmentOrStack, frames: FrameNumbers) -> FrameNumbers:
    good = _unflagged(source, frames)
    if not len(good):
        raise InputError(
            f"All {len(frames)} frames of {stack_of(source).name} asked for are flagged: choose "
            f"others, or take the raw recording."
        )
    return good


def _unflagged(source: AlignmentOrStack, frames: FrameNumbers) -> FrameNumbers:
    return frames[source.quality["used"][frames]] if isinstance(source, Alignment) else frames
