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
from napari_zstack_align.read import channel_offsets, detector_settings
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


MOST_STRUCTURE, FEW_COUNTS = 0.25, 2.0
"""Pixels of dark frames differ by a smaller part of the noise of a frame, or by few counts."""


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
    interval : numpy.ndarray, optional
        (C, 2) float64 lowest and highest value that an estimate leaves open; NaN for a lowest one
        that a single frame doesn't tell. None for a level that isn't estimated.
    """

    values: npt.NDArray[np.float64] = field(repr=True)
    source: DarkSource
    accepted: bool
    doubt: str = ""
    interval: npt.NDArray[np.float64] | None = None

    @property
    def words_of_interval(self) -> str:
        """'15.1 to 25.3 counts', of each channel; '' where nothing is left open, or known."""
        if self.interval is None or not np.isfinite(self.interval[:, 1]).all():
            return ""
        each = (
            f"at most {high:.1f}" if np.isnan(low) else f"{low:.1f} to {high:.1f}"
            for low, high in self.interval
        )
        return f"{', '.join(each)} counts"

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


def dark_levels(stacks: Sequence[Stack], params: TraceParams | None = None) -> list[DarkLevel]:
    """Find the dark level of each of several recordings; one for all that share a detector.

    Estimates of one detector differ with what the recordings show. Where the files give the same
    offset and gain, or ``same_detector`` of the parameters says so, the lowest of them counts for
    all, for light can only make an estimate too high.

    Parameters
    ----------
    stacks : sequence of Stack
    params : TraceParams, optional
        As for `dark_level`.

    Returns
    -------
    list of DarkLevel
        One a recording.

    Raises
    ------
    InputError
        As `dark_level`; or where one level is to count for all, but the files contradict.
    """
    params = TraceParams.given(params)
    is_one = share_detector(stacks, params)
    levels = [dark_level(stack, params) for stack in stacks]
    return shared(levels) if is_one else levels


def share_detector(stacks: Sequence[Stack], params: TraceParams) -> bool:
    """Whether one dark level counts for recordings, as their files or the parameters say.

    Raises
    ------
    InputError
        Where the parameters say so, but the files give other offsets or gains.
    """
    if len(stacks) < 2:
        return False
    first, *others = stacks
    settings = [detector_settings(stack.paths[0]) if stack.paths else None for stack in stacks]
    if not params.same_detector:
        is_said = settings[0] is not None and all(each == settings[0] for each in settings)
        return is_said and all(stack.shape[1] == first.shape[1] for stack in others)
    for stack, told in zip(others, settings[1:], strict=True):
        what = ""
        if stack.shape[1] != first.shape[1]:
            what = f"{first.name} and {stack.name} have different channels"
        elif None not in (told, settings[0]) and told != settings[0]:
            what = f"The files of {first.name} and {stack.name} give other offsets or gains"
        if what:
            raise InputError(f"{what}, so no dark level counts for both: leave out same_detector.")
    return True


def shared(levels: Sequence[DarkLevel]) -> list[DarkLevel]:
    """Estimates of one detector made one; other levels stay as they are."""
    intervals = [each.interval for each in levels if each.interval is not None]
    if len(intervals) < len(levels):
        return list(levels)
    low = np.fmax.reduce([interval[:, 0] for interval in intervals])
    high = np.fmin.reduce([interval[:, 1] for interval in intervals])
    doubt = ""
    if np.any(low > high):
        doubt = (
            "One dark level doesn't fit all recordings: the darkest pixels of one lie below what "
            "the noise of another allows."
        )
    values = np.min([each.values for each in levels], axis=0)
    interval = np.stack([np.fmin(low, values), np.fmax(high, values)], axis=1)
    return [replace(each, values=values, interval=interval, doubt=doubt) for each in levels]


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


def measured_dark_level(dark: Stack) -> DarkLevel:
    """Dark level of a recording that was made without light, as with a closed shutter.

    Its mean can be given as ``dark_level`` for recordings of the same detector, at the same offset
    and gain.

    Parameters
    ----------
    dark : Stack
        All of its frames are read.

    Returns
    -------
    DarkLevel

    Raises
    ------
    InputError
        Where no frame can be read, or the frames show structure, so that they aren't dark.
    """
    for name, excess, noise in zip(dark.channel_names, *_structure_and_noise(dark), strict=True):
        if excess > max(MOST_STRUCTURE * noise, FEW_COUNTS):
            raise InputError(
                f"The frames of {dark.name} show structure in {name}, so they weren't taken "
                f"without light: give frames with the shutter closed."
            )
    return of_dark_frames(mean_of_dark_frames(dark, 0, dark.n_frames))


def _structure_and_noise(
    stack: Stack,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(C,) how much pixels differ on the mean, beyond noise, and the noise of a frame; counts."""
    some = [stack.read(t, t + 1)[0] for t in map(int, sampled_frames(stack.n_frames))]
    frames = np.stack(some).astype(np.float64)
    if len(frames) > 1:
        noise = np.median(frames.var(axis=0, ddof=1), axis=(1, 2))
    else:  # noise differs from pixel to pixel, where structure is alike
        noise = np.diff(frames[0], axis=2).var(axis=(1, 2)) / 2
    excess = frames.mean(axis=0).var(axis=(1, 2)) - noise / len(frames)
    return np.sqrt(np.maximum(excess, 0)), np.sqrt(noise)


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
    # Where the noise doesn't tell a lower bound, it is the one of `_doubt`.
    lowest = np.fmax(levels.lowest, levels.darkest - MOST_SPREADS * levels.spread)
    interval = np.stack([lowest, np.fmax(levels.upper, levels.darkest)], axis=1)
    return DarkLevel(levels.darkest, "estimated", params.accept_estimate, interval=interval)


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
