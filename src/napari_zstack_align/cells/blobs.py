"""Blobs: what is chosen from a scale space by thresholds, overlap, border and mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.overlap import keep_after_overlap
from napari_zstack_align.cells.rois import Circles, Rois
from napari_zstack_align.cells.scale_space import ScaleSpace
from napari_zstack_align.errors import InputError
from napari_zstack_align.mask import FOR_CELLS, as_weights
from napari_zstack_align.params import BlobParams
from napari_zstack_align.params._blobs import BlobMethod

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BlobResult:
    """Blobs, and the strengths among which the threshold chose.

    Attributes
    ----------
    circles : numpy.ndarray
        (N, 3) float64 y, x, radius in px; sorted by y, then x.
    strengths : numpy.ndarray
        (N,) float64 responses.
    candidate_strengths : numpy.ndarray
        (M,) float64, falling: the responses of all local maxima inside border and mask, for a
        histogram.
    threshold : float
        The larger of ``threshold`` and what ``threshold_rel`` comes to.
    """

    circles: Circles
    strengths: Values = field(repr=False)
    candidate_strengths: Values = field(repr=False)
    threshold: float

    def __len__(self) -> int:
        return len(self.circles)

    def rois(self, made_on: str | None = None) -> Rois:
        """Return ROIs numbered from 1, with their ``strength``; ``made_on`` is as of `Rois`."""
        return Rois.of(self.circles, features={"strength": self.strengths}, made_on=made_on)


def detect_blobs(
    image: npt.ArrayLike, params: BlobParams | None = None, mask: npt.ArrayLike | None = None
) -> Circles:
    """Find bright blobs in an image.

    The image is normalised to [0, 1] by its smallest and largest value. The blobs are those of
    scikit-image's ``blob_log``, ``blob_dog`` or ``blob_doh`` at the same parameters on the
    normalised image, but for

    - responses that are equal to about 1e-15, whose order rounding decides: a blob may then lie on
      the other of two neighbouring pixels or scales (noise-free, symmetric or saturated images);
    - responses below 1e-10, rounding errors of flat parts, which are never blobs here (they are
      there with a threshold of 0);
    - pixels that aren't finite, which scikit-image can't do with;
    - ``exclude_border`` with 'doh', which scikit-image doesn't offer (0, the default: the same).

    As in scikit-image, ``threshold_rel`` counts for nothing where 'doh' looks at scales below
    1/3 px (``min_sigma=0``).

    Parameters
    ----------
    image : array-like
        (Y, X) real numbers. Pixels that aren't finite count as the smallest value and are never a
        blob.
    params : BlobParams, optional
        Method, scales and thresholds; `BlobParams` as it is by default.
    mask : array-like, optional
        (Y, X) bool, labels or weights: a blob is kept where the mask is above 0 at its centre.
        Unlike an image multiplied by it, the mask makes no blobs of its edge.

    Returns
    -------
    numpy.ndarray
        (N, 3) float64: y, x, radius in px, sorted by y, then x. The radius is √2 sigma, and sigma
        for 'doh', as scikit-image says. N may be 0.

    Raises
    ------
    InputError
        Where the image is empty, has one value everywhere or no finite one, or is no (Y, X), or
        the mask has another shape or is empty.

    References
    ----------
    Lindeberg, T. (1998). Feature detection with automatic scale selection. IJCV 30, 79-116.
    Lowe, D. G. (2004). Distinctive image features from scale-invariant keypoints. IJCV 60, 91-110.
    Bay, H., Ess, A., Tuytelaars, T., Van Gool, L. (2008). Speeded-up robust features (SURF).
    CVIU 110, 346-359.
    """
    params = BlobParams.given(params)
    space = ScaleSpace.build(image, params)
    return detect(space, params, mask).circles


def detect(space: ScaleSpace, params: BlobParams, mask: npt.ArrayLike | None = None) -> BlobResult:
    """Choose blobs from a scale space: what a slider's tick costs.

    Parameters
    ----------
    space : ScaleSpace
        Built for the method and scales of ``params``.
    params : BlobParams
        Thresholds, overlap and border.
    mask : array-like, optional
        (Y, X); see `detect_blobs`.

    Returns
    -------
    BlobResult

    Raises
    ------
    InputError
        Where the scale space was built for another method or other scales, or the mask has
        another shape or is empty.
    """
    if not space.fits(params):
        raise InputError(
            "This scale space was built for another method or other scales: build one for these."
        )
    inside = _inside_border(space, params.exclude_border)
    threshold = effective_threshold(space, params)
    chosen = np.flatnonzero(inside & (space.strength > threshold))
    kept = keep_after_overlap(
        np.column_stack([space.y[chosen], space.x[chosen]]).astype(np.float64),
        space.sigma[chosen],
        params.overlap,
    )
    chosen = chosen[kept]
    if (painted := _painted(mask, space.shape)) is not None:
        chosen = chosen[painted[space.y[chosen], space.x[chosen]]]
        inside &= painted[space.y, space.x]
    chosen = chosen[np.lexsort((space.x[chosen], space.y[chosen]))]
    radius = space.sigma[chosen] * radius_per_sigma(params.method)
    return BlobResult(
        np.column_stack([space.y[chosen], space.x[chosen], radius]).astype(np.float64),
        space.strength[chosen],
        space.strength[inside],
        threshold,
    )


def effective_threshold(space: ScaleSpace, params: BlobParams) -> float:
    """Return the larger of ``threshold`` and what ``threshold_rel`` comes to."""
    relative = params.threshold_rel * space.largest
    return params.threshold if np.isnan(relative) else max(params.threshold, relative)


def radius_per_sigma(method: BlobMethod) -> float:
    """Radius of a blob, in units of its sigma."""
    return 1.0 if method == "doh" else sqrt(2)


def _inside_border(space: ScaleSpace, border: int) -> npt.NDArray[np.bool_]:
    height, width = space.shape
    inside = (space.y >= border) & (space.y < height - border)
    inside &= (space.x >= border) & (space.x < width - border)
    return np.asarray(inside, bool)


def _painted(mask: Any, shape: tuple[int, int]) -> npt.NDArray[np.bool_] | None:
    weights = as_weights(mask, shape, FOR_CELLS)
    return None if weights is None else np.asarray(weights > 0)
