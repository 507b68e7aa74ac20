"""The mean of aligned frames over their valid pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled

Image = npt.NDArray[np.float32]


class RunningMean:
    """Sum and count of valid pixels, a frame at a time.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the frames.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._total = np.zeros(shape, np.float64)
        self._count = np.zeros(shape, np.float32)

    def add(self, image: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
        """Add a frame (Y, X) of any real dtype with its valid pixels."""
        if image.dtype.kind != "f":  # OpenCV sums some integers only
            image = image.astype(np.float64)
        mask = valid.view(np.uint8)
        cv2.accumulate(image, self._total, mask)
        cv2.accumulate(mask, self._count)

    def remove(self, image: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
        """Take a frame out again that was added with the same pixels."""
        mask = valid.view(np.uint8)
        image = np.asarray(image, np.float64)
        cv2.subtract(self._total, image, self._total, mask, cv2.CV_64F)
        cv2.subtract(self._count, mask, self._count, None, cv2.CV_32F)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(Y, X) bool: where any frame was valid."""
        return self._count > 0

    def image(self, elsewhere: Image | None = None) -> Image:
        """Mean image, (Y, X) float32.

        Parameters
        ----------
        elsewhere : numpy.ndarray, optional
            What stands where no frame was valid: this image; without it, what is around goes on.
        """
        mean = self.image_or_nan()
        return filled(mean) if elsewhere is None else np.where(self.known, mean, elsewhere)

    def image_or_nan(self) -> Image:
        """Mean image, (Y, X) float32, NaN where no frame was valid."""
        return self._mean(np.dtype(np.float32))

    def exact_or_nan(self) -> npt.NDArray[np.float64]:
        """Mean image, (Y, X) float64, NaN where no frame was valid."""
        return self._mean(np.dtype(np.float64))

    def _mean(self, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        mean = np.full(self._total.shape, np.nan, dtype)
        np.divide(self._total, self._count, out=mean, where=self._count > 0, casting="unsafe")
        return mean
