"""The dark level: the counts that a detector gives without light."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

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
    known = known_dark_level(stack, params)
    if known is not None:
        return known
    some = np.unique(np.linspace(0, stack.n_frames - 1, ESTIMATE_FRAMES).astype(int))
    total = np.zeros(stack.shape[1:])
    for t in map(int, some):
        total += stack.read(t, t + 1)[0]
    return estimate(total / len(some), params)


def known_dark_level(stack: Stack, params: TraceParams) -> DarkLevel | None:
    """Dark level without an estimate; None where nothing tells it."""
    n_channels = stack.shape[1]
    if params.dark_level:
        return DarkLevel(_a_channel(params.dark_level, n_channels, stack.name), "given", True)
    if params.dark_frames is not None:
        return DarkLevel(_of_dark_frames(stack, *params.dark_frames), "dark frames", True)
    offsets = channel_offsets(stack.paths[0]) if stack.paths else None
    if offsets is not None and len(offsets) == n_channels:
        return DarkLevel(np.array(offsets, np.float64), "file", True)
    return None


def estimate(mean: npt.NDArray[np.float64], params: TraceParams) -> DarkLevel:
    """Estimate from mean images (C, Y, X): without light no pixel can be darker."""
    values = np.full(len(mean), np.nan)
    for c, image in enumerate(mean):
        known = image[np.isfinite(image)]
        if known.size:
            values[c] = np.percentile(known, DARKEST_PERCENT)
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


def _of_dark_frames(stack: Stack, start: int, stop: int) -> npt.NDArray[np.float64]:
    if stop > stack.n_frames:
        raise InputError(
            f"dark_frames end at {stop}, but {stack.name} has only "
            f"{counted(stack.n_frames, 'frame')}."
        )
    total, at_once = np.zeros(stack.shape[1]), stack.frames_per_chunk
    for first in range(start, stop, at_once):
        frames = stack.read(first, min(first + at_once, stop))
        total += frames.mean(axis=(2, 3), dtype=np.float64).sum(axis=0)
    return total / (stop - start)
