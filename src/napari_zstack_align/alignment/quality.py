"""The quality table, and the honest correlation in it.

A frame is compared with the mean of the *other* repeats: a mean that contains the frame resembles
it by the frame's own noise (0.50 where the honest figure is 0.30). Raw and aligned frame are
compared over the same pixels and band-passed alike, with the finest scales left out, because the
blur of an interpolation alone would lift the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.flags import FLAG_COLUMNS

Image = npt.NDArray[np.float32]

SHRINK_ABOVE_PX = 128
"""Images at least this large along both axes are compared at half size."""
FINE_SIGMA_PX = 1.0
COARSE_SIGMA_PX = 5.0
"""Band of the comparison, in px of the compared (half-size) images."""
EXTREME_PART = 0.97
"""Values beyond those of this part of the pixels are extremes."""
EXTREMES_STRIDE = 3
"""Every third pixel along each axis is looked at to find the limit."""


def empty_table(n_frames: int, group: str) -> npt.NDArray[np.void]:
    """Quality table of frames that were not run yet.

    Parameters
    ----------
    n_frames : int
        Number of rows T.
    group : {'slice', 'chunk'}
        What the frames are grouped by. In chunks, a frame has the inliers of its chunk, its
        distance to the midpoint of that and its own residual besides.
    """
    columns: list[tuple[str, Any]] = [
        ("frame", np.int32),
        (group, np.int32),
        ("correlation_before", np.float32),
        ("correlation_after", np.float32),
        ("mean_displacement_px", np.float32),
        ("max_displacement_px", np.float32),
        ("used", np.bool_),
        *FLAG_COLUMNS,
    ]
    if group == "chunk":
        columns[-3:-3] = [
            ("inliers", np.int32),
            ("midpoint_distance_frames", np.float32),
            ("residual_px", np.float32),
        ]
    table = np.zeros(n_frames, columns)
    table["frame"] = np.arange(n_frames)
    for name in table.dtype.names or ():
        if table.dtype[name].kind == "f":
            table[name] = np.nan
    return table


def comparison_factor(shape: tuple[int, ...]) -> int:
    """How many times smaller than the frames the compared images are."""
    return 2 if min(shape) >= SHRINK_ABOVE_PX else 1


def comparison_image(image: Image) -> Image:
    """Band-pass an image (Y, X) float32 for comparison, at half size where it is large."""
    return band_for_comparison(shrink(image, comparison_factor(image.shape)))


def band_for_comparison(small: Image) -> Image:
    """Band-pass an image (Y, X) float32 that has the size of the compared images already."""
    fine = cv2.GaussianBlur(small, (0, 0), FINE_SIGMA_PX)
    return cv2.subtract(fine, _coarse(small))


def _coarse(small: Image) -> Any:
    """Blur by `COARSE_SIGMA_PX`; at half size, with fewer pixels and a smaller kernel."""
    height, width = small.shape
    half = cv2.resize(small, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(half, (0, 0), COARSE_SIGMA_PX / 2), (width, height))


def without_extremes(compared: Image) -> Image:
    """Cut the extremes of a compared image, in place: a bright cell must not speak for all."""
    some = np.abs(compared[::EXTREMES_STRIDE, ::EXTREMES_STRIDE]).ravel()
    place = int(EXTREME_PART * len(some))
    limit = np.partition(some, place)[place]
    return np.clip(compared, -limit, limit, out=compared)


def comparison_valid(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Valid pixels (Y, X) at the size of the compared images: valid throughout."""
    factor = comparison_factor(valid.shape)
    return shrink(valid.astype(np.float32), factor) > 1 - 1 / factor**3


def noise_spread(n_pixels: int) -> float:
    """Standard deviation of the correlation of two images of pure noise.

    The fine Gaussian leaves one independent value in 2π FINE_SIGMA_PX² pixels.
    """
    return float(np.sqrt(2 * np.pi * FINE_SIGMA_PX**2 / max(n_pixels, 1)))


@dataclass(frozen=True)
class Compared:
    """A frame as it is compared: band-passed raw and aligned images and the valid pixels."""

    raw: Image
    aligned: Image
    valid: npt.NDArray[np.bool_]


def leave_one_out_correlations(
    frames: Sequence[Compared],
    used: npt.NDArray[np.bool_],
    weights: Image | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Correlation of each repeat with the mean of the other used repeats, before and after.

    Parameters
    ----------
    frames : sequence of Compared
        The repeats of one slice.
    used : numpy.ndarray
        (n,) bool: which of them make up the mean.
    weights : numpy.ndarray, optional
        Mask at the size of the compared images.

    Returns
    -------
    before, after : numpy.ndarray
        (n,) float32 in [-1, 1]; NaN where there is nothing to compare with.
    """
    total = np.zeros(frames[0].aligned.shape, np.float32)
    count = np.zeros(total.shape, np.float32)
    for frame in (f for f, u in zip(frames, used, strict=True) if u):
        total += np.where(frame.valid, frame.aligned, 0)
        count += frame.valid
    result = np.full((2, len(frames)), np.nan, np.float32)
    for j, frame in enumerate(frames):
        own = frame.valid & used[j]
        others = count - own
        known = frame.valid & (others > 0)
        reference = np.zeros_like(total)
        np.divide(total - np.where(own, frame.aligned, 0), others, out=reference, where=known)
        result[:, j] = correlations(frame, reference, known, weights)
    return result[0], result[1]


def correlations(
    frame: Compared, reference: Image, known: npt.NDArray[np.bool_], weights: Image | None
) -> tuple[float, float]:
    """Correlation of raw and of aligned frame with a compared reference, over known pixels."""
    weight = known.astype(np.float32) if weights is None else known * weights
    return correlation(frame.raw, reference, weight), correlation(frame.aligned, reference, weight)


def correlation(first: Image, second: Image, weight: Image) -> float:
    """Weighted correlation of two compared images (Y, X); NaN where nothing counts."""
    total = float(weight.sum())
    if total == 0:
        return float("nan")
    a = first - np.vdot(weight, first) / total
    b = second - np.vdot(weight, second) / total
    weighted = weight * a
    spread = float(np.vdot(weighted, a)) * float(np.vdot(weight * b, b))
    return float(np.vdot(weighted, b)) / np.sqrt(spread) if spread > 0 else float("nan")
