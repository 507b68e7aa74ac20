"""Frame beside reference, pixel by pixel, compiled: one pass instead of a dozen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.compiled import compiled

Image = npt.NDArray[np.float32]


@compiled
def compare(
    seen: Image,
    image: Image,
    slack: Image,
    usual: np.float32,
    outside_from: np.float32,
    gradient_y: Image,
    gradient_x: Image,
    product: Image,
    pulled: Image,
) -> None:
    """Difference of a sampled frame from the reference, faded, times the reference.

    Parameters
    ----------
    seen, image : numpy.ndarray
        (Y, X) frame where the reference's pixels lie in it, and the reference.
    slack : numpy.ndarray
        (Y, X) differences that a small motion makes.
    usual : float
        Differences that noise explains: beyond both, weight is lost with the square.
    outside_from : float
        From here on the frame doesn't show a pixel.
    gradient_y, gradient_x : numpy.ndarray
        (Y, X) of the reference, weighted.
    product : numpy.ndarray
        (Y, X), is written: faded difference times the reference.
    pulled : numpy.ndarray
        (3, Y, X), is written: gradients times the faded difference, and 1 where the frame shows.
    """
    for y in range(seen.shape[0]):
        frame, wanted, reach = seen[y], image[y], slack[y]
        down, across, out = gradient_y[y], gradient_x[y], product[y]
        by_y, by_x, shown = pulled[0, y], pulled[1, y], pulled[2, y]
        for x in range(frame.size):
            one = np.float32(1.0) if frame[x] < outside_from else np.float32(0.0)
            difference = (frame[x] - wanted[x]) * one
            limit = reach[x] + usual
            faded = limit / max(abs(difference), limit)
            difference *= faded * faded
            out[x] = difference * wanted[x]
            by_y[x] = down[x] * difference
            by_x[x] = across[x] * difference
            shown[x] = one
