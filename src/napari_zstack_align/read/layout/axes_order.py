"""Whether time runs along another axis of the frames: an array (Y, X, T) taken for (T, Y, X).

Arrays from MATLAB come with the frames last. Taken as they are, a "frame" shows one row of the
tissue over time. Images along time resemble one another wherever they are taken; along a row or a
column of the tissue they don't. So the sample is cut into quarters along each of its three axes,
and the means of quarters that don't touch are correlated, at the best shift of each pair, as tissue
may drift. What all rows or all columns have in common (fading, shading, bleaching) is taken
off first. Frames that show nothing, as behind a closed shutter, don't count.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.structure import empty_frames, structure_of

SIDE_PX = 64
LEAST_ALIKE = 0.35
"""Quarters along time are at least this much alike, even of 1 photon a pixel."""
TIMES_MORE = 2.0
"""... and so many times as much as those along the axis that is taken for time."""
N_QUARTERS = 4
APART = (0, 2), (0, 3), (1, 3)
"""Quarters that don't touch."""
LEAST_SHOWN = 0.003
"""A frame with a smaller part of the usual structure may show nothing: 1/18 as bright."""
FEWEST_SHOWN = 2 * N_QUARTERS
"""With fewer frames left that show something, nothing is said."""
ORDERS = {1: ("second", "YTX", 1), 2: ("last", "YXT", -1)}
"""Of the axis that time runs along: which it is, all axes, and where NumPy finds it."""

Likeness = npt.NDArray[np.float64]


def small(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Reduce a frame (Y, X) to at most 64 px a side; pixels without a number become its mean."""
    values = image.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        values = np.where(finite, values, values[finite].mean() if finite.any() else 0)
    height, width = (min(n, SIDE_PX) for n in values.shape)
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def alike_along(frames: npt.NDArray[np.float32]) -> Likeness:
    """(3,) how alike quarters of (n, Y, X) are along each axis: correlation; 0 where constant."""
    if min(frames.shape) < N_QUARTERS:
        return np.zeros(3)
    shown = ~empty_frames(*structure_of(frames), LEAST_SHOWN)
    if shown.sum() < FEWEST_SHOWN and not shown.all():
        return np.zeros(3)
    even = _evened(frames[shown])
    return np.array([_alike(np.moveaxis(even, axis, 0)) for axis in range(3)])


def _evened(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Frames of one brightness, whichever axis they are counted along: flashes are no images."""
    even = frames - frames.min()
    for axis in range(3):
        level = even.mean(axis=tuple({0, 1, 2} - {axis}), keepdims=True)
        even = even / np.where(level > 0, level, 1)
    return even


def _alike(frames: npt.NDArray[np.float32]) -> float:
    """Correlation of quarters that don't touch, at the best shift of each pair."""
    quarters = np.stack([_freed(part.mean(axis=0)) for part in np.array_split(frames, N_QUARTERS)])
    norms = np.linalg.norm(quarters, axis=(1, 2), keepdims=True)
    if not (norms > 0).all():
        return 0.0
    spectra = np.fft.rfft2(quarters / norms)
    products = np.fft.irfft2(
        np.stack([spectra[i].conj() * spectra[j] for i, j in APART]), s=quarters.shape[1:]
    )
    return float(products.max(axis=(1, 2)).mean())


def _freed(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Pixels less the means of their row and of their column."""
    values = image.astype(np.float64)
    return values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()


def order_sentence(name: str, alike: Likeness) -> str:
    """What is to be known of frames with such an `alike_along`; '' where time comes first."""
    if len(alike) != 3:
        return ""
    axis = 1 + int(np.argmax(alike[1:]))
    highest = float(alike[axis])
    if highest < LEAST_ALIKE or highest < TIMES_MORE * float(alike[0]):
        return ""
    which, axes, place = ORDERS[axis]
    return (
        f"{name} seems to have its axes in another order, with time as the {which} one: along that "
        f"axis images resemble one another as frames do (correlation {highest:.2f}), along the "
        f"first they don't ({float(alike[0]):.2f}). Save the frames with time first "
        f"(numpy.moveaxis(frames, {place}, 0)), or open them with "
        f"Stack.from_array(frames, axes='{axes}')."
    )
