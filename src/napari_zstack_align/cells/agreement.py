"""How many of the three methods find a blob."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.blobs import BlobResult, detect, radius_per_sigma
from napari_zstack_align.cells.matching import match
from napari_zstack_align.cells.rois import Circles
from napari_zstack_align.cells.scale_space import ScaleSpace
from napari_zstack_align.params import BlobParams
from napari_zstack_align.params._blobs import METHODS, BlobMethod

SMALLEST_SIGMA = 0.5
"""Of a Gaussian that a method is asked for instead of 0, which 'doh' alone takes."""

NEAREST_PX = 2.0
"""Centres this close are the same blob, however small it is."""


def agreement(circles: Circles, others: Sequence[Circles]) -> npt.NDArray[np.int64]:
    """Count the methods that find each blob.

    Parameters
    ----------
    circles : numpy.ndarray
        (N, 3) y, x, radius of one method's blobs.
    others : sequence of numpy.ndarray
        (M, 3) each: those of other methods.

    Returns
    -------
    numpy.ndarray
        (N,) int64: 1 and one more for every other method with a blob whose centre lies inside the
        circle (or within 2 px), one to one.
    """
    count = np.ones(len(circles), np.int64)
    for other in others:
        rows, _ = match(circles[:, :2], other[:, :2], np.maximum(circles[:, 2], NEAREST_PX))
        count[rows] += 1
    return count


def companions(params: BlobParams) -> list[BlobParams]:
    """Parameters of the two other methods, for blobs of the same size.

    Their thresholds are the methods' defaults. Scales that were given go with them, so that radii
    stay the same.
    """
    names = ("min_sigma", "max_sigma")
    given = {name: getattr(params, name) for name in names if name in params.model_fields_set}
    return [_same_size(params, method, given) for method in METHODS if method != params.method]


def detect_with_agreement(
    image: npt.ArrayLike, params: BlobParams, mask: npt.ArrayLike | None = None
) -> tuple[BlobResult, npt.NDArray[np.int64]]:
    """Find blobs, and tell how many methods find each.

    Parameters
    ----------
    image, params, mask
        As in `detect_blobs`; the two other methods run with their `companions`.

    Returns
    -------
    tuple
        The blobs of ``params``, and their (N,) int64 agreement, 1 to 3.
    """
    results = [
        detect(ScaleSpace.build(image, each), each, mask) for each in [params, *companions(params)]
    ]
    circles = [result.circles for result in results]
    return results[0], agreement(circles[0], circles[1:])


def _same_size(params: BlobParams, method: BlobMethod, given: dict[str, float]) -> BlobParams:
    factor = radius_per_sigma(params.method) / radius_per_sigma(method)
    sigmas = {name: max(sigma * factor, SMALLEST_SIGMA) for name, sigma in given.items()}
    values = BlobParams(method=method).model_dump() | sigmas
    # One that was given may not fit the other's default.
    values["max_sigma"] = max(values["min_sigma"], values["max_sigma"])
    return BlobParams(**values)
