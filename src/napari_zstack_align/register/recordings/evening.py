"""Chunks whose cells are lit otherwise than in the reference, brought to its local brightness.

Cells that are several times as bright in some chunks pull the others towards wherever their
uneven edges leave a difference: where the light falls off towards the rim, all of them pull
outwards, and an image grows or shrinks by half a pixel. So the local brightness of such a chunk,
over a few pixels, is made that of the reference before the chunk is compared or averaged; what
is finer stays, and shows the motion. Where the difference in brightness has an edge, pixels lose
weight. Chunks without a wave of activity stay as they are.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.geometry import Matrix, inverse
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.refine import sampled, shown_by

Image = npt.NDArray[np.float32]

FACTOR = 2
"""Brightness is compared at half size."""
LOCAL_PX = 1.0
"""Standard deviation of what is local, in px of that size."""
OFFSET = 0.3
"""Part of the prefilter's offset that is added to both brightnesses: it keeps noise small."""
LIT_PERCENTILE = 98.0
LIT_CHANGE = 0.3
"""Cells are lit where the brightness of so many pixels (logarithm) changes by this or more."""
STEEP = 0.1
"""Where the logarithm changes by so much from one px to the next, pixels have half the weight."""


def evened(image: Image, matrix: Matrix, reference: Reference, prefilter: Prefilter) -> Image:
    """Bring the lit cells of a chunk to the brightness that they have in the reference.

    Parameters
    ----------
    image : numpy.ndarray
        (Y', X') float32 mean of a chunk, free of NaN.
    matrix : numpy.ndarray
        (3, 3) reference to raw: where the chunk lies.
    reference : Reference
    prefilter : Prefilter
        Tells dark from light.

    Returns
    -------
    numpy.ndarray
        (Y', X') float32; the image itself where hardly any cell is lit otherwise.
    """
    change = lit_change(image, matrix, reference, prefilter)
    return image if change is None else changed_by(image, matrix, change, prefilter)


def lit_change(
    image: Image, matrix: Matrix, reference: Reference, prefilter: Prefilter
) -> Image | None:
    """By how much the reference is locally brighter than a chunk, for parameters see `evened`.

    Returns
    -------
    numpy.ndarray, optional
        (Y // 2, X // 2) float32 logarithms, 0 for most pixels; None where hardly any cell is lit
        otherwise.
    """
    small, wanted = shrink(image, FACTOR), shrink(reference.image, FACTOR)
    moved = sampled(small, matrix, wanted.shape, FACTOR)
    known = shrink(reference.known.astype(np.float32), FACTOR) == 1
    known &= shown_by(matrix, small.shape, wanted.shape, FACTOR) > 0
    if not known.any():
        return None
    change = np.log(_local(wanted, prefilter) / _local(moved, prefilter))
    change -= np.median(change[known])
    change[~known] = 0
    lit = np.percentile(np.abs(change[known]), LIT_PERCENTILE) >= LIT_CHANGE
    return change if lit else None


def changed_by(image: Image, matrix: Matrix, change: Image, prefilter: Prefilter) -> Image:
    """Chunk (Y', X') float32 with its local brightness changed as `lit_change` says."""
    size = (image.shape[0] // FACTOR, image.shape[1] // FACTOR)
    gain = sampled(np.exp(change), inverse(matrix), size, FACTOR)
    dark = np.float32(prefilter.dark)
    full = cv2.resize(gain, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    result: Image = (image - dark) * full + dark
    return result


def even_ground(change: Image, shape: tuple[int, int]) -> Image:
    """(Y, X) float32 weights in [0, 1] of the reference's pixels: low at the edges of lit cells.

    Where the brightness changed by one factor, evening leaves the tissue as it was. At the edges
    of what is lit it can't, as it is blurred.
    """
    scale = 1 / (8 * FACTOR)
    down, across = (
        cv2.Sobel(change, cv2.CV_32F, *d, ksize=3, scale=scale) for d in ((0, 1), (1, 0))
    )
    weights = 1 / (1 + (down * down + across * across) / np.float32(STEEP**2))
    result: Image = cv2.resize(weights, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return result


def _local(image: Image, prefilter: Prefilter) -> Image:
    """Brightness above dark over a few pixels, above 0."""
    above = np.maximum(image - np.float32(prefilter.dark), 0)
    result: Image = cv2.GaussianBlur(above, (0, 0), LOCAL_PX)
    return result + np.float32(OFFSET * prefilter.offset)
