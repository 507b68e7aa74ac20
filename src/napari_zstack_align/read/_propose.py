"""Proposal of ``frames_per_slice``: frames are less alike across the border of a slice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, run
from napari_zstack_align.read._period import find_period
from napari_zstack_align.read._similarity import similarities
from napari_zstack_align.stack import Stack, check_is_stack

MAX_FRAMES = 600
"""Leading frames looked at: three slices of 200 repeats, or sixty of 10."""
LAGS = 6
"""Each frame is compared with so many that follow: more evidence where photons are few."""


@dataclass(frozen=True, eq=False)
class LayoutProposal:
    """What the frames themselves tell about slices.

    Attributes
    ----------
    frames_per_slice : int, optional
        The proposed repeats of a slice; None where no period is clear.
    correlation : numpy.ndarray
        (T' - 1,) correlation of each frame with the next, for the leading T' frames.
    contrast : float
        Mean correlation inside slices minus that across their borders; 0 without a proposal.
    """

    frames_per_slice: int | None
    correlation: npt.NDArray[np.float64] = field(repr=False)
    contrast: float = 0.0


def neighbour_correlation(
    stack: Stack, *, max_frames: int = MAX_FRAMES, channel: int = 0
) -> npt.NDArray[np.float64]:
    """Correlate each frame with the next, whatever small shift lies between them.

    Frames are reduced to 128 pixels a side and band-passed; the value is the highest of the
    normalised cross-correlation over shifts of up to 6 % of the image.

    Parameters
    ----------
    stack : Stack
        Frames in acquisition order.
    max_frames : int
        How many leading frames are read at most.
    channel : int
        Channel to look at.

    Returns
    -------
    numpy.ndarray
        (min(T, max_frames) - 1,) float64 correlations; NaN beside a constant frame.

    Raises
    ------
    InputError
        If it is no Stack, or has no such channel.
    """
    check_is_stack(stack)
    stack.checked_channel(channel)
    if max_frames < 1:
        raise InputError(f"max_frames must be at least 1, not {max_frames}.")
    return run(similarities(stack, min(stack.n_frames, max_frames), 1, channel))[0]


def propose_frames_per_slice(stack: Stack, channel: int = 0) -> int | None:
    """Propose how many repeats each slice has, from how alike neighbouring frames are.

    Reads up to 600 leading frames. See `propose_layout`.

    Returns
    -------
    int or None
        None where no period is clear: a recording, or a z-stack of one frame a slice.
    """
    return run(propose_layout(stack, channel)).frames_per_slice


def propose_layout(stack: Stack, channel: int = 0) -> Job[LayoutProposal]:
    """Job behind `propose_frames_per_slice`, with the curve that it rests on.

    Every frame is compared with the six that follow it. In a z-stack with repeats, the pairs that
    lie across a border of slices are less alike than other pairs of the same distance nearby. The
    period for which this holds best is proposed if it explains enough of all differences and if
    borders anywhere else in the period would explain much less: a few odd frames in a recording
    seldom do that.

    Parameters
    ----------
    stack : Stack
        Frames in acquisition order; its own ``frames_per_slice`` is not looked at.
    channel : int
        Channel to look at.

    Returns
    -------
    generator of Progress
        Returns a `LayoutProposal`; at least three slices must be among the first 600 frames.

    Raises
    ------
    InputError
        If it is no Stack, or has no such channel.
    """
    check_is_stack(stack)
    stack.checked_channel(channel)
    return _proposal(stack, channel)


def _proposal(stack: Stack, channel: int) -> Job[LayoutProposal]:
    n_frames = min(stack.n_frames, MAX_FRAMES)
    alike = yield from similarities(stack, n_frames, LAGS, channel)
    period = yield from find_period(alike)
    curve = alike[0]
    if period is None:
        return LayoutProposal(None, curve)
    border = np.arange(1, n_frames) % period == 0
    return LayoutProposal(
        period, curve, float(np.nanmean(curve[~border]) - np.nanmean(curve[border]))
    )
