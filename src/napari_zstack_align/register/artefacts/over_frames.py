"""Median and scatter of each pixel over frames, in a fraction of the time that numpy takes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]

PIXELS_AT_ONCE = 2**13


def median_over(images: Image | npt.NDArray[np.float16]) -> Image:
    """Median (Y, X) float32 of frames (n, Y, X) without NaN.

    numpy selects along the first axis pixel by pixel. Sorting short contiguous rows is vectorised,
    and takes a fifth of the time; a part of the image at a time, so that copies stay small.
    """
    n, flat = len(images), images.reshape(len(images), -1)
    middle = np.empty(flat.shape[1], np.float32)
    for start in range(0, flat.shape[1], PIXELS_AT_ONCE):
        pixels = np.array(flat[:, start : start + PIXELS_AT_ONCE].T, np.float32, order="C")
        pixels.sort(axis=1)
        middle[start : start + len(pixels)] = (pixels[:, (n - 1) // 2] + pixels[:, n // 2]) / 2
    return middle.reshape(images.shape[1:])


def mean_and_spread(images: Image) -> tuple[Image, Image]:
    """Mean and standard deviation (Y, X) over frames (n, Y, X) float32."""
    first = images[0]
    total, squares = np.zeros((2, *first.shape))
    for image in images[1:]:
        away = cv2.subtract(image, first)  # what never changes is exactly 0
        cv2.accumulate(away, total)
        cv2.accumulateSquare(away, squares)
    mean = total / len(images)
    spread = np.sqrt(np.maximum(squares / len(images) - mean**2, 0))
    return np.asarray(first + mean, np.float32), np.asarray(spread, np.float32)
