"""The dark level: the counts that a detector gives without light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import TraceParams
from napari_zstack_align.read import channel_offsets
from napari_zstack_align.stack import Stack

DarkSource: TypeAlias = Literal["file", "given", "dark frames", "estimated", "none"]

DARKEST_PERCENT = 0.1
"""Percentile of a mean image that stands for its darkest pixels."""
ESTIMATE_FRAMES = 60


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
    """

    values: npt.NDArray[np.float64] = field(repr=True)
    source: DarkSource
    accepted: bool

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
    total = np.zeros(stack.shape[1:])
    some = sampled_frames(stack.n_frames)
    for t in map(int, some):
        total += stack.read(t, t + 1)[0]
    return estimated(darkest(total / len(some)), params)


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


def mean_of_dark_frames(stack: Stack, start: int, stop: int) -> npt.NDArray[np.float64]:
    """(C,) means of frames without light; those that can't be read are left out.

    Raises
    ------
    InputError
        Where none can be read.
    """
    total, number, fault = np.zeros(stack.shape[1]), 0, None
    for first in range(start, stop, stack.frames_per_chunk):
        for frame, found in read_each(stack, first, min(first + stack.frames_per_chunk, stop)):
            if frame is None:
                fault = found
                continue
            total += frame.mean(axis=(1, 2), dtype=np.float64)
            number += 1
    if number == 0:
        raise InputError(f"None of the dark_frames of {stack.name} can be read: {fault}.")
    return total / number


def sampled_frames(n_frames: int) -> npt.NDArray[np.intp]:
    """Frames that an estimate is made of, spread over the recording."""
    return np.unique(np.linspace(0, n_frames - 1, ESTIMATE_FRAMES).astype(np.intp))


def darkest(mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(C,) darkest pixels of mean images (C, Y, X); NaN where there are none."""
    values = np.full(len(mean), np.nan)
    for c, image in enumerate(mean):
        known = image[np.isfinite(image)]
        if known.size:
            values[c] = np.percentile(known, DARKEST_PERCENT)
    return values


def estimated(values: npt.NDArray[np.float64], params: TraceParams) -> DarkLevel:
    """Estimate from the darkest pixels (C,): without light no pixel can be darker."""
    if not np.isfinite(values).all():
        return DarkLevel(values, "none", False)
    return DarkLevel(values, "estimated", params.accept_estimate)


def _a_channel(given: tuple[float, ...], n_channels: int, name: str) -> npt.NDArray[np.float64]:
    if len(given) not in (1, n_channels):
        raise InputError(
            f"{counted(len(given), 'dark level')} given, but {name} has "
            f"{counted(n_channels, 'channel')}: give one number, or one a channel."
        )
    return np.broadcast_to(np.array(given, np.float64), n_channels).copy()
