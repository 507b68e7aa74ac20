"""Whether frames of one slice resemble one another as the layout says, or as another one would.

The layout of a stack is compared with every other arrangement by what each explains of how alike
the frames of a sample are (`arrangements`, `scores`); `verdict` judges that.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.progress import Job
from napari_zstack_align.read.layout.arrangements import Arrangement
from napari_zstack_align.read.layout.axes_order import Likeness, order_sentence
from napari_zstack_align.read.layout.pairs import SampledFrames, sample_frames
from napari_zstack_align.read.layout.report import LayoutReport
from napari_zstack_align.read.layout.scores import (
    BLOCK_FRAMES,
    LEAST_OTHER_SCORE,
    N_BLOCKS,
    Scores,
    is_regular,
    layout_of,
    scored,
)
from napari_zstack_align.read.layout.verdict import FEWEST_FRAMES, judge
from napari_zstack_align.stack import Stack, check_is_stack


def check_layout(stack: Stack, channel: int = 0) -> Job[LayoutReport]:
    """Check a stack's ``frames_per_slice`` and ``order`` against its frames.

    Reads up to 128 frames, half of these where they show the layout clearly. A recording (no
    ``frames_per_slice``) is checked for slices.

    Parameters
    ----------
    stack : Stack
        Frames in acquisition order.
    channel : int
        Channel to look at.

    Returns
    -------
    generator of Progress
        Returns a `LayoutReport`.

    Raises
    ------
    InputError
        If it is no Stack, or has no such channel.
    """
    check_is_stack(stack)
    stack.checked_channel(channel)
    return _checked(stack, channel)


def _checked(stack: Stack, channel: int) -> Job[LayoutReport]:
    return (yield from checked_frames(stack, channel))[0]


IRREGULAR = (
    "The repeats vary from slice to slice, or volumes and repeats alternate: such a layout is "
    "compared with no other."
)
Frames: TypeAlias = npt.NDArray[np.intp]


def checked_frames(stack: Stack, channel: int) -> Job[tuple[LayoutReport, Frames]]:
    """Job behind `check_layout`; returns the frames that it read too, one of `layout_samples`."""
    sampled, layout = SampledFrames(stack, channel), layout_of(stack)
    if not is_regular(stack):
        return LayoutReport("cannot tell", "", IRREGULAR), layout_samples(stack)[0]
    for frames in layout_samples(stack):
        if frames.size < FEWEST_FRAMES:
            reason = f"There are only {counted(frames.size, 'frame')}."
            return LayoutReport("cannot tell", "", reason), frames
        pairs = yield from sampled.compare(frames)
        scores = yield from scored(pairs, _own_lengths(stack))
        report = judge(pairs, scores, layout)
        if report.verdict == "plausible" and _is_clear(scores, layout):
            break
    if report.looks_like in ("", "no slices"):  # else an arrangement of frames is found
        report = _with_other_axes(report, stack.name, sampled.alike_along_axes(frames))
    return report, frames


def _with_other_axes(report: LayoutReport, name: str, alike: Likeness) -> LayoutReport:
    """Say where time seems to run along another axis: then no layout fits."""
    sentence = order_sentence(name, alike)
    if not sentence:
        return report
    return LayoutReport("wrong", "", report.reason, other_axes=sentence)


def layout_samples(stack: Stack) -> list[Frames]:
    """Frames to look at, (b, k) blocks of neighbours; more where the first leave a doubt."""
    frames = sample_frames(stack, BLOCK_FRAMES, N_BLOCKS)
    if stack.frames_per_slice is None or frames.size < 2 * BLOCK_FRAMES:
        return [frames]
    half = frames[::2] if len(frames) > 1 else frames[:, : frames.size // 2]
    return [half, frames]


def _is_clear(scores: Scores, layout: Arrangement | None) -> bool:
    """Whether a layout explains much, and no other one more: further frames change nothing."""
    if layout is None:
        return False
    own, other = scores.at(layout), scores.best(without=layout)
    return own > LEAST_OTHER_SCORE and own >= scores.at(other)


def _own_lengths(stack: Stack) -> tuple[int, ...]:
    if stack.frames_per_slice is None:
        return ()
    return tuple(n for n in (stack.most_repeats, stack.n_slices) if n < stack.n_frames)
