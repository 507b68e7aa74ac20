"""Raw frames become the float32 images that drive an alignment: here, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ChannelParams

Image = npt.NDArray[np.float32]

LOW_PERCENTILE, HIGH_PERCENTILE = 1.0, 99.9
LARGE_OFFSET = 20.0
"""An offset so many times the range of the signal is taken off: float32 holds seven digits."""
SMALLEST_RANGE, LARGEST_RANGE = 1e-12, 1e15
"""Squares of what lies in between, and of its noise, are numbers of float32."""
COARSE_PART = 0.05
"""Of the range of 64-bit numbers that a step of float64 may be."""


def driving_image(channels: npt.NDArray[Any], params: ChannelParams, offset: float = 0.0) -> Image:
    """Channel or weighted sum of channels that drives the alignment.

    Parameters
    ----------
    channels : numpy.ndarray
        (C, Y, X) as read.
    params : ChannelParams
        Which channels.
    offset : float
        Taken off in float64, before the digits are cut to those of float32.

    Returns
    -------
    numpy.ndarray
        (Y, X) float32.
    """
    if not params.channel_weights:
        chosen = channels[params.channel]
        if not offset:
            return np.ascontiguousarray(chosen, np.float32)
        return np.asarray(chosen - np.float64(offset), np.float32)
    total = np.tensordot(_weights(params), channels.astype(np.float64), axes=1)
    return np.asarray(total - offset, np.float32)


def check_range(channels: npt.NDArray[Any], params: ChannelParams, name: str) -> bool:
    """Raise InputError where the pixel values can't be reckoned with; False where all are equal.

    Parameters
    ----------
    channels : numpy.ndarray
        (C, Y, X) one frame as read.
    params : ChannelParams
        Which channels.
    name : str
        Of the stack.
    """
    chosen = [image for c, image in enumerate(channels) if params.drives(c)]
    ranges = [_range_of(image) for image in chosen]
    high = max((float(high) for _, high in ranges), default=0.0)
    low = min((float(low) for low, _ in ranges), default=0.0)
    size = max((float(high - low) for low, high in ranges), default=0.0)
    if size == 0:
        return False
    if not SMALLEST_RANGE <= size <= LARGEST_RANGE:
        small = size < SMALLEST_RANGE
        raise InputError(
            f"The pixel values of {name} lie between {low:.3g} and {high:.3g}, too "
            f"{'close together' if small else 'far apart'} to be reckoned with: "
            f"{'multiply' if small else 'divide'} them by a number that makes them a few thousands."
        )
    step = float(np.spacing(max(abs(low), abs(high))))
    if step > COARSE_PART * size:
        raise InputError(
            f"The pixel values of {name} lie about {high:.3g} and differ by {size:.3g} only, less "
            f"than can be reckoned with there: take the offset off them."
        )
    return True


def _weights(params: ChannelParams) -> npt.NDArray[np.float64]:
    """(C,) weights of which the largest is 1: only their ratios count."""
    weights = np.asarray(params.channel_weights, np.float64)
    return np.asarray(weights / weights.max())


def _range_of(image: npt.NDArray[Any]) -> tuple[Any, Any]:
    """Smallest and largest number of an image, as exact as they are stored."""
    known = image[np.isfinite(image)]
    if not known.size:
        return 0.0, 0.0
    low, high = known.min(), known.max()
    return (int(low), int(high)) if image.dtype.kind in "ui" else (float(low), float(high))


def offset_of(channels: npt.NDArray[Any], params: ChannelParams) -> float:
    """Offset (a whole number) to take off the driving image of a stack; 0 where it is small.

    Parameters
    ----------
    channels : numpy.ndarray
        (C, Y, X) one frame as read.
    params : ChannelParams
        Which channels.
    """
    if params.channel_weights:
        values = np.tensordot(_weights(params), channels.astype(np.float64), axes=1)
    else:
        values = channels[params.channel].astype(np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0
    low, middle, high = np.percentile(known, (LOW_PERCENTILE, 50, HIGH_PERCENTILE))
    # Saturated pixels, where they are many, would make any offset look small.
    signal = min(high - low, 20 * (middle - low)) if middle > low else high - low
    return float(np.round(low)) if abs(low) > LARGE_OFFSET * signal else 0.0
