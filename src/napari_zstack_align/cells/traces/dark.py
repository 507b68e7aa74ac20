"""The dark level: the counts that a detector gives without light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.cells.traces.sample import Levels, Sample, sampled_frames
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import TraceParams
from napari_zstack_align.read import channel_offsets
from napari_zstack_align.stack import Stack

DarkSource: TypeAlias = Literal["file", "given", "dark frames", "estimated", "none"]

STATED: dict[DarkSource, str] = {
    "file": "The dark level that the file gives",
    "given": "The dark level that is given",
    "dark frames": "The mean of the dark frames",
}
"""Levels that the frames themselves may contradict, and what they are called."""
MOST_SPREADS = 10.0
"""Light that exceeds the range of the values more often is implausible."""


@dataclass(frozen=True, eq=False)
class DarkLevel:
    """Counts without light.

    Attributes
    ----------
    values : numpy.ndarray
        (C,) float64, one a channel; NaN where nothing is known.
    source : {'file', 'given', 'dark frames', 'estimated', 'none'}
        Where it is known from. 'estimated': the darkest pixels of a mean image, which can only
        be too high.
    accepted : bool
        Whether it is subtracted before ΔF/F: an estimate only once the user has accepted it.
    doubt : str
        A sentence on why it can't be right, or is implausible, where frames were read to judge
        it; '' where nothing speaks against it.
    """

    values: npt.NDArray[np.float64] = field(repr=True)
    source: DarkSource
    accepted: bool
    doubt: str = ""

    @property
    def subtracted(self) -> npt.NDArray[np.float64]:
        """(C,) counts to subtract; 0 where none is accepted."""
        return self.values if self.accepted else np.zeros(len(self.values))


def dark_level(stack: Stack, params: TraceParams | None = None) -> DarkLevel:
    """Find the dark level of a recording, or estimate it for the user to look at.

    What is given goes first, then dark frames, then what the file says; an offset that the
    program of the microscope has subtracted already counts as 0. Else some frames, spread over
    the recording, are read for an estimate.

    Parameters
    ----------
    stack : Stack
    params : TraceParams, optional
        ``dark_level``, ``dark_frames`` and ``accept_estimate`` count.

    Returns
    -------
    DarkLevel

    Raises
    ------
    InputError
        Where what is given doesn't fit the stack.
    """
    params = TraceParams.given(params)
    known = stated_dark_level(stack, params)
    if known is not None:
        return known
    if params.dark_frames is not None:
        return of_dark_frames(mean_of_dark_frames(stack, *params.dark_frames))
    sample = Sample(stack.shape[1:])
    for t in map(int, sampled_frames(stack.n_frames)):
        sample.add(stack.read(t, t + 1)[0])
    return estimated(sample.levels(), params)


def stated_dark_level(stack: Stack, params: TraceParams) -> DarkLevel | None:
    """Dark level that is known without reading frames; None where frames must tell it.

    Raises
    ------
    InputError
        Where what is given doesn't fit the stack.
    """
    n_channels = stack.shape[1]
    if params.dark_level:
        return DarkLevel(_a_channel(params.dark_level, n_channels, stack.name), "given", True)
    if params.dark_frames is not None:
        if params.dark_frames[1] > stack.n_frames:
            raise InputError(
                f"dark_frames end at {params.dark_frames[1]}, but {stack.name} has only "
                f"{counted(stack.n_frames, 'frame')}."
            )
        return None
    offsets = channel_offsets(stack.paths[0]) if stack.paths else None
    if offsets is not None and len(offsets) == n_channels:
        return DarkLevel(np.array(offsets, np.float64), "file", True)
    return None


def of_dark_frames(values: npt.NDArray[np.float64]) -> DarkLevel:
    """Dark level of the means (C,) of frames without light."""
    return DarkLevel(values, "dark frames", True)


def mean_of_dark_frames(
    stack: Stack, start: int, stop: int, fixed: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.float64]:
    """(C,) means of frames without light; those that can't be read are left out.

    So are pixels (Y, X) that are fixed to the detector.

    Raises
    ------
    InputError
        Where none can be read.
    """
    total, number, fault = np.zeros(stack.shape[1]), 0, None
    for first in range(start, stop, stack.frames_per_read):
        for frame, found in read_each(stack, first, min(first + stack.frames_per_read, stop)):
            if frame is None:
                fault = found
                continue
            if fixed is None:
                total += frame.mean(axis=(1, 2), dtype=np.float64)
            else:
                total += frame[:, ~fixed].mean(axis=1, dtype=np.float64)
            number += 1
    if number == 0:
        raise InputError(f"None of the dark_frames of {stack.name} can be read: {fault}.")
    return total / number


def estimated(levels: Levels, params: TraceParams) -> DarkLevel:
    """Estimate from the darkest pixels: without light no pixel can be darker."""
    if not np.isfinite(levels.darkest).all():
        return DarkLevel(levels.darkest, "none", False)
    return DarkLevel(levels.darkest, "estimated", params.accept_estimate)


def judged(dark: DarkLevel, levels: Levels, channel_names: Sequence[str]) -> DarkLevel:
    """Add the doubt about a level that comes from elsewhere than the frames of a sample."""
    if dark.source not in STATED:
        return dark
    of_channels = zip(dark.values, levels.darkest, levels.highest, levels.spread, strict=True)
    doubts = [_doubt(dark.source, *figures) for figures in of_channels]
    if len(doubts) > 1:
        named = zip(channel_names, doubts, strict=True)
        doubts = [doubt and f"In channel {name}: {doubt}" for name, doubt in named]
    return replace(dark, doubt=" ".join(filter(None, doubts)))


def _doubt(source: DarkSource, level: float, darkest: float, highest: float, spread: float) -> str:
    """Say what speaks against a level; '' where nothing does, or nothing is known."""
    figure, seen = f"{STATED[source]} ({level:.6g})", f"darkest pixels ({darkest:.6g})"
    if level > highest:
        return (
            f"{figure} can't be right: the {seen} of the mean image are below it. ΔF/F is too "
            f"large, and unreliable."
        )
    if darkest - level > MOST_SPREADS * spread:
        times = f"{(darkest - level) / spread:.0f}" if spread else "many"
        return (
            f"{figure} is implausible: the {seen} of the mean image lie {times} × the range of the "
            f"values ({spread:.3g}) above it. ΔF/F is probably too small, and unreliable."
        )
    return ""


def _a_channel(given: tuple[float, ...], n_channels: int, name: str) -> npt.NDArray[np.float64]:
    if len(given) not in (1, n_channels):
        raise InputError(
            f"{counted(len(given), 'dark level')} given, but {name} has "
            f"{counted(n_channels, 'channel')}: give one number, or one a channel."
        )
    return np.broadcast_to(np.array(given, np.float64), n_channels).copy()
