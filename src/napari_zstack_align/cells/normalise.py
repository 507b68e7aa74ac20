"""Images brought to [0, 1] before blobs are looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError

Image = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Range:
    """The values of an image that become 0 and 1."""

    low: float
    high: float

    def apply(self, image: npt.NDArray[np.generic]) -> Image:
        """Bring an image (Y, X) to [0, 1] in float64; what isn't finite becomes 0."""
        values = np.array(image, np.float64)
        if image.dtype.kind == "f":
            values[~np.isfinite(values)] = self.low
        values -= self.low
        values /= self.high - self.low
        return values

    def joined(self, other: Range | None) -> Range:
        """Return the range of both."""
        if other is None:
            return self
        return Range(min(self.low, other.low), max(self.high, other.high))


def as_image(image: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Check that something is an image (Y, X) of real numbers, with pixels.

    Raises
    ------
    InputError
        Where it isn't.
    """
    try:
        values = np.asarray(image)
    except ValueError:
        raise InputError("The rows of the image have different lengths.") from None
    if values.ndim != 2:
        raise InputError(
            f"Blobs are looked for in an image (Y, X), not in shape {values.shape}: give one image."
        )
    if not values.size:
        raise InputError(f"The image is empty (shape {values.shape}): choose one with pixels.")
    if values.dtype.kind not in "buif":
        raise InputError(f"An image needs whole or real numbers, not {values.dtype}.")
    return values


def finite_range(image: npt.NDArray[np.generic]) -> Range | None:
    """Smallest and largest finite value; None where nothing is finite."""
    if image.dtype.kind != "f":
        return Range(float(image.min()), float(image.max()))
    known = image[np.isfinite(image)]
    return Range(float(known.min()), float(known.max())) if known.size else None


def range_of(image: npt.NDArray[np.generic]) -> Range:
    """Smallest and largest finite value of an image in which there is something to find.

    Raises
    ------
    InputError
        Where all pixels are equal, or none is finite.
    """
    found = finite_range(image)
    if found is None:
        raise InputError("The image holds no finite value: choose one that shows something.")
    if found.low == found.high:
        raise InputError(
            f"Every pixel of the image is {found.low:g}: there is nothing to find in it."
        )
    if not np.isfinite(found.high - found.low):
        raise InputError("The image's values are too large to be brought to [0, 1].")
    return found


def missing_pixels(image: npt.NDArray[np.generic]) -> Mask | None:
    """(Y, X) bool: pixels that are not finite; None where all are."""
    if image.dtype.kind != "f":
        return None
    missing: Mask = ~np.asarray(np.isfinite(image), bool)
    return missing if missing.any() else None
