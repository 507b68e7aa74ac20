"""Whether channels show the same structure, as light of one in another makes them do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import floor

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from napari_zstack_align.microscope.segments import Segment
from napari_zstack_align.remark import Remark, as_warnings

Floats = npt.NDArray[np.float64]

FINE_PX, COARSE_PX = 1.0, 12.0
"""Structure is coarser than noise, and finer than the light on the whole field."""
ALIKE = 0.8
"""Channels look alike from this correlation on: 64 % of one follow from the other."""

PAIRS_OF_MANY = 3
"""Pairs that three channels make: so many are seldom alike by light that reaches others."""


@dataclass(frozen=True)
class ChannelPair:
    """How alike two channels are.

    Attributes
    ----------
    first, second : int
        The channels, counted from 0: of two, the first one is that of more contrast.
    correlation : float
        Of their structure on mean images; NaN where one shows nothing.
    slope : float
        Counts by which the second changes for each count of the first.
    """

    first: int
    second: int
    correlation: float
    slope: float

    @property
    def is_alike(self) -> bool:
        """Whether they show the same, so that light of one in the other is to be feared."""
        return bool(self.correlation >= ALIKE)

    def sentence(self, names: Sequence[str]) -> str:
        """What that means, in words."""
        first, second = (f"'{names[channel]}'" for channel in (self.first, self.second))
        return (
            f"{first} and {second} show the same structure (correlation {self.correlation:.2f}; "
            f"{second} changes by {self.slope:.2g} counts for each count of {first}): light of one "
            f"channel reaches the other, or both label the same. What is read from {second} may be "
            f"the signal of {first}."
        )


def channel_pairs(segments: Sequence[Segment]) -> tuple[ChannelPair, ...]:
    """Compare the structure of each channel with that of every other one.

    Parameters
    ----------
    segments : sequence of Segment

    Returns
    -------
    tuple of ChannelPair
        None for a single channel.
    """
    images = [image for segment in segments for image in segment.means]
    if not images or len(images[0]) < 2:
        return ()
    products = sum((_products(image) for image in images), np.zeros((len(images[0]),) * 2))
    return tuple(_pair(products, *pair) for pair in combinations(range(len(products)), 2))


def on_channels(pairs: Sequence[ChannelPair], names: Sequence[str]) -> tuple[Remark, ...]:
    """Name the channels that look alike; where all of many do, they may be none."""
    if len(pairs) >= PAIRS_OF_MANY and all(pair.is_alike for pair in pairs):
        least = floor(100 * min(pair.correlation for pair in pairs)) / 100
        return as_warnings(
            f"All {len(names)} channels show the same structure (correlation {least:.2f} or more): "
            f"they look like frames of one channel. If they are, open the file with `channels=1`."
        )
    return as_warnings(*(pair.sentence(names) for pair in pairs if pair.is_alike))


def _products(channels: Floats) -> Floats:
    """(C, C) products of the structure of channels (C, Y, X)."""
    known = np.asarray(np.isfinite(channels).all(axis=0))
    if not known.any():
        return np.zeros((len(channels),) * 2)
    structure = np.stack([_structure(image, known)[known] for image in channels])
    structure -= structure.mean(axis=1, keepdims=True)
    return structure @ structure.T


def _structure(image: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    filled = np.where(known, image, np.median(image[known]))
    return np.asarray(gaussian_filter(filled, FINE_PX) - gaussian_filter(filled, COARSE_PX))


def _pair(products: Floats, a: int, b: int) -> ChannelPair:
    first, second = (a, b) if products[a, a] >= products[b, b] else (b, a)
    both, alone = products[first, second], products[first, first]
    size = np.sqrt(alone * products[second, second])
    if not size > 0:
        return ChannelPair(first, second, np.nan, np.nan)
    return ChannelPair(first, second, float(both / size), float(both / alone))
