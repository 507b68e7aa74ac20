"""Proposal of a layout: what repeats in the frames, in which order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import decimal, ordinal
from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import Order
from napari_zstack_align.progress import Job, run
from napari_zstack_align.read.layout.borders import LAGS
from napari_zstack_align.read.layout.check_layout import check_layout
from napari_zstack_align.read.layout.period import find_period
from napari_zstack_align.read.layout.report import LayoutReport, Looks
from napari_zstack_align.read.layout.similarity import similarities
from napari_zstack_align.read.said.sayable import repeats_of
from napari_zstack_align.stack import Stack, check_is_stack

MAX_FRAMES = 600
"""Leading frames looked at: three slices of 200 repeats, or sixty of 10."""


@dataclass(frozen=True, eq=False)
class LayoutProposal:
    """What the frames themselves tell about slices.

    Attributes
    ----------
    frames_per_slice : int, optional
        The proposed repeats of a slice; None where none are clear, and for what can't be given.
    correlation : numpy.ndarray
        (T' - 1,) correlation of each frame with the next, for the leading T' frames.
    contrast : float
        Mean correlation inside slices minus that across their borders; 0 unless the repeats of a
        slice follow one another.
    order : {'repeats', 'slices'}, optional
        Which runs fastest; None without a proposal.
    looks_like : str
        As of `LayoutReport`; '' where that isn't clear.
    reason : str
        A sentence with the figures behind it.
    planes : int, optional
        Planes of a volume, where whole volumes follow one another.
    other_axes : str
        A sentence where time seems to run along another axis of the array; else ''.
    """

    frames_per_slice: int | None
    correlation: npt.NDArray[np.float64] = field(repr=False)
    contrast: float = 0.0
    order: Order | None = None
    looks_like: Looks = ""
    reason: str = ""
    planes: int | None = None
    other_axes: str = ""

    @property
    def words(self) -> str:
        """The proposal and its evidence, for people."""
        n = self.frames_per_slice
        if self.other_axes:
            return self.other_axes
        if self.order == "slices":
            what = (
                f"The frames suggest {self.planes} planes × {n} volumes: "
                f"`frames_per_slice={n}, order='slices'`."
            )
        elif self.order == "repeats":
            what = f"The frames suggest `frames_per_slice={n}`."
        elif n is not None and self.looks_like == "up-and-down":
            what = (
                f"The frames suggest an up-and-down scan of {self.planes} planes: "
                f"`frames_per_slice={n}, order='{self.order}'`."
            )
        elif self.looks_like == "two images in turn":
            what = "The frames look like two images in turn, such as two channels."
        else:
            what = "The frames show no slices."
            return f"{what} {self.reason} {AS_RECORDING}".replace("  ", " ")
        return f"{what} {self.reason}".strip()


AS_RECORDING = (
    "Register a recording of one plane with keypoints; of a z-stack whose slices are nearly alike, "
    "give `frames_per_slice` yourself."
)


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
    """Propose how many repeats each slice has, from how alike the frames are.

    Reads up to 600 leading frames, and some more. See `propose_layout`, which tells the order too:
    the 8 repeats of 12 planes × 8 volumes don't follow one another.

    Returns
    -------
    int or None
        None where no period is clear: a recording, or a z-stack of one frame a slice.
    """
    return run(propose_layout(stack, channel)).frames_per_slice


def propose_layout(stack: Stack, channel: int = 0) -> Job[LayoutProposal]:
    """Job behind `propose_frames_per_slice`, with the order and the evidence.

    Volumes that repeat, up-and-down scans and two images in turn are looked for as in
    `check_layout`. Repeats that follow one another show in the frames that lie close together:
    every frame is compared with the six that follow it. The pairs that lie across a border of
    slices are less alike than other pairs of the same distance nearby. The period for which this
    holds best is proposed if it explains enough of all differences and if borders anywhere else in
    the period would explain much less: a few odd frames in a recording seldom do that.

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
    report = yield from check_layout(stack.replace(frames_per_slice=None), channel)
    n_frames = min(stack.n_frames, MAX_FRAMES)
    alike = yield from similarities(stack, n_frames, LAGS, channel)
    if report.verdict == "wrong" and report.looks_like not in ("", "repeats"):
        return _of_report(report, stack, alike[0])
    period = yield from find_period(alike)
    if period is None:
        looks = report.looks_like if report.verdict == "plausible" else ""
        return LayoutProposal(None, alike[0], looks_like=looks, other_axes=report.other_axes)
    border = np.arange(1, n_frames) % period == 0
    inside, across = float(np.nanmean(alike[0][~border])), float(np.nanmean(alike[0][border]))
    reason = (
        f"After every {ordinal(period)} frame the next one is less alike (correlation "
        f"{decimal(across)}) than elsewhere ({decimal(inside)}): a new slice begins there."
    )
    return LayoutProposal(period, alike[0], inside - across, "repeats", "repeats", reason)


def _of_report(
    report: LayoutReport, stack: Stack, curve: npt.NDArray[np.float64]
) -> LayoutProposal:
    """Propose what frames look like whose repeats don't follow one another."""
    looks, reason, planes, order = report.looks_like, report.reason, report.length, report.order
    if looks not in ("slices", "up-and-down") or planes is None or order is None:
        return LayoutProposal(None, curve, looks_like=looks, reason=reason, planes=planes)
    repeats = repeats_of(order, planes, stack.n_frames)
    if not repeats:
        what = "volume" if order == "slices" else "sweep"
        reason += f" The last {what} is cut off: give a multiple of {planes} frames."
        return LayoutProposal(None, curve, looks_like=looks, reason=reason)
    return LayoutProposal(repeats, curve, 0.0, order, looks, reason, planes)
