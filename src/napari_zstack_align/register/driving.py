"""Raw frames become the float32 images that drive an alignment: here, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.params import ChannelParams

Image = npt.NDArray[np.float32]

LOW_PERCENTILE, HIGH_PERCENTILE = 1.0, 99.9
LARGE_OFFSET = 20.0
"""An offset so many times the range of the signal is taken off: float32 holds seven digits."""


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
    total = np.tensordot(np.asarray(params.channel_weights), channels.astype(np.float64), axes=1)
    return np.asarray(total - offset, np.float32)


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
        weights = np.asarray(params.channel_weights)
        values = np.tensordot(weights, channels.astype(np.float64), axes=1)
    else:
        values = channels[params.channel].astype(np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0
    low, middle, high = np.percentile(known, (LOW_PERCENTILE, 50, HIGH_PERCENTILE))
    # Saturated pixels, where they are many, would make any offset look small.
    signal = min(high - low, 20 * (middle - low)) if middle > low else high - low
    return float(np.round(low)) if abs(low) > LARGE_OFFSET * signal else 0.0
