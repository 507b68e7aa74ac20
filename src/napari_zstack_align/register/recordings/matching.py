"""A chunk's mean against the reference: keypoints, matches in the mask, robust transform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import (
    Compared,
    band_for_comparison,
    comparison_factor,
    comparison_image,
    comparison_valid,
    correlations,
    noise_spread,
    without_extremes,
)
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings.geometry import (
    Matrix,
    Model,
    Motion,
    Points,
    apply,
    inverse,
)
from napari_zstack_align.register.recordings.keypoints import Keypoints, find_keypoints, match
from napari_zstack_align.register.recordings.ransac import ransac
from napari_zstack_align.register.recordings.refine import sampled, shown_by

Image = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]

MASK_LEVEL = 0.5
"""Keypoints count where the mask is at least this."""
NEAR_PX = 24
"""An inlier covers the mask this far around it."""
COVERAGE_GRID_PX = 8
WORSE_BY = 0.02
SIGNIFICANT = 4.0
"""A correlation counts when it is so many times what noise alone would show."""


@dataclass(frozen=True)
class Reference:
    """The image that chunks are matched to.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) float32, free of NaN.
    known : numpy.ndarray
        (Y, X) bool: where it shows something.
    mask : numpy.ndarray, optional
        (Y, X) float32 weights in [0, 1]; None: everywhere.
    keypoints : Keypoints
        All of the image.
    compared : numpy.ndarray
        The image as it is compared.
    compared_weights : numpy.ndarray
        Mask and known pixels at the size of the compared images.
    """

    image: Image
    known: Chosen
    mask: Mask | None
    keypoints: Keypoints
    compared: Image
    compared_weights: Image

    @classmethod
    def of(
        cls, image: Image, mask: Mask | None, params: KeypointParams, *, keypoints: bool = True
    ) -> Reference:
        """Prepare an image (Y, X) float32; NaN marks what it doesn't show."""
        known = np.isfinite(image)
        filled = image
        if not known.all():
            level = image[known].mean() if known.any() else 0
            filled = np.where(known, image, np.float32(level)).astype(np.float32)
        nothing = Keypoints(np.zeros((0, 2)), np.zeros((0, 1), np.float32))
        found = find_keypoints(filled, params) if keypoints else nothing
        compared = without_extremes(comparison_image(filled))
        weights = comparison_valid(known).astype(np.float32)
        if mask is not None:
            weights *= shrink(mask, comparison_factor(mask.shape))
        return cls(filled, known, mask, found, compared, weights)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.image.shape[0], self.image.shape[1]

    def in_mask(self, points: Points, dilated_px: float = 0) -> Chosen:
        """(N,) bool: which points (N, 2) lie in the mask, or this near to it."""
        if self.mask is None:
            return np.ones(len(points), bool)
        inside = (self.mask >= MASK_LEVEL).astype(np.uint8)
        border = int(np.ceil(dilated_px))
        padded = np.pad(inside, border)
        if border:
            away = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            padded = (away <= dilated_px).astype(np.uint8)
        y, x = np.round(points).astype(int).T + border
        height, width = padded.shape
        within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        result = np.zeros(len(points), bool)
        result[within] = padded[y[within], x[within]] > 0
        return result


@dataclass(frozen=True)
class Match:
    """How a chunk was matched to a reference.

    Attributes
    ----------
    matrix : numpy.ndarray, optional
        (3, 3) reference to the chunk's raw frames; None where it failed.
    fault : Fault, optional
        Why it failed; None where it didn't.
    keypoints : Keypoints
        Of the chunk.
    in_mask : numpy.ndarray
        Which of these lie in the mask.
    source, target : numpy.ndarray
        (K, 2) matched positions in the mask, in the reference and in the chunk.
    inliers : numpy.ndarray
        (K,) bool.
    residual_px : float
        Median distance of the inliers.
    coverage : float
        Part of the mask that has an inlier near it.
    before, after : float
        Correlation with the reference without and with the transform.
    """

    matrix: Matrix | None
    fault: Fault | None
    keypoints: Keypoints
    in_mask: Chosen
    source: Points
    target: Points
    inliers: Chosen
    residual_px: float = float("nan")
    coverage: float = 0.0
    before: float = float("nan")
    after: float = float("nan")
    n_inliers: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_inliers", int(self.inliers.sum()))


def match_image(
    image: Image,
    reference: Reference,
    params: KeypointParams,
    expected: Matrix,
    *,
    seed: int | Sequence[int],
    contrast: float = 1.0,
) -> Match:
    """Match a chunk's mean to the reference.

    Parameters
    ----------
    image : numpy.ndarray
        (Y', X') float32 mean of a chunk, free of NaN.
    reference : Reference
    params : KeypointParams
    expected : numpy.ndarray
        (3, 3) map that would surprise nobody: the identity, or the ratio of the pixel sizes.
    seed : int or sequence of int
        Of the robust fit.
    contrast : float
        Factor on the detector's threshold.

    Returns
    -------
    Match
    """
    found = find_keypoints(image, params, contrast)
    near = reference.in_mask(apply(inverse(expected), found.points), params.max_shift_px)
    i, j = match(reference.keypoints, found, params.match_ratio)
    keep = near[j] & reference.in_mask(reference.keypoints.points)[i]
    source, target = reference.keypoints.points[i[keep]], found.points[j[keep]]
    failed = _Failure(found, near, source, target)
    n_reference = int(reference.in_mask(reference.keypoints.points).sum())
    for number, where in ((n_reference, "the reference"), (int(near.sum()), "the chunk")):
        if number < params.min_matches:
            text = f"too few keypoints: {number} in the mask of {where}"
            return failed.because(Fault(Flag.TOO_FEW_KEYPOINTS, text))
    if len(source) < params.min_matches:
        text = f"too few matches: {len(source)} in the mask"
        return failed.because(Fault(Flag.TOO_FEW_MATCHES, text))
    fitted = ransac(
        source,
        target,
        model_of(params),
        threshold_px=params.residual_threshold_px,
        max_trials=params.max_trials,
        seed=seed,
        min_samples=params.min_samples,
    )
    if fitted is None:
        text = f"too few matches: {len(source)} for a hypothesis of RANSAC"
        return failed.because(Fault(Flag.TOO_FEW_MATCHES, text))
    # Now that the transform is known, the raw ends are tested in the mask moved by it.
    strict = reference.in_mask(apply(inverse(fitted.matrix), target))
    inliers = fitted.inliers & strict
    if inliers.sum() < params.min_matches:
        text = f"too few inliers: {inliers.sum()} of {len(source)} matches"
        return failed.because(Fault(Flag.TOO_FEW_INLIERS, text))
    if fault := implausible(fitted.matrix, expected, reference.shape, params):
        return failed.because(fault)
    before, after = correlations_of(image, fitted.matrix, expected, reference)
    return Match(
        fitted.matrix,
        misfit(before, after, reference),
        found,
        near,
        source,
        target,
        inliers,
        fitted.residual_px,
        coverage(source[inliers], reference),
        before,
        after,
    )


@dataclass(frozen=True)
class _Failure:
    keypoints: Keypoints
    in_mask: Chosen
    source: Points
    target: Points

    def because(self, fault: Fault) -> Match:
        none = np.zeros(len(self.source), bool)
        return Match(None, fault, self.keypoints, self.in_mask, self.source, self.target, none)


def model_of(params: KeypointParams) -> Model:
    """Return the model to fit; what 'auto' begins with where nothing was decided yet."""
    return "similarity" if params.transform == "auto" else params.transform


def implausible(
    matrix: Matrix, expected: Matrix, shape: tuple[int, int], params: KeypointParams
) -> Fault | None:
    """Say what is beyond the bounds; None where nothing is."""
    if not np.isfinite(matrix).all():
        return Fault(Flag.IMPLAUSIBLE, "implausible transform: the matches lie on a line")
    motion = Motion.of(matrix @ np.linalg.inv(expected), shape)
    away = float(np.hypot(*motion.shift))
    if away > params.max_shift_px:
        return Fault(Flag.IMPLAUSIBLE, f"implausible transform: a shift of {away:.0f} px")
    if abs(motion.rotation_deg) > params.max_rotation_deg:
        text = f"implausible transform: a rotation of {motion.rotation_deg:.0f}°"
        return Fault(Flag.IMPLAUSIBLE, text)
    change = max(abs(motion.scale - 1), motion.shear)
    if change > params.max_scale_percent / 100:
        text = f"implausible transform: a change of scale or shear of {change:.0%}"
        return Fault(Flag.IMPLAUSIBLE, text)
    return None


def correlations_of(
    image: Image, matrix: Matrix, expected: Matrix, reference: Reference
) -> tuple[float, float]:
    """Correlation of a chunk's mean with a reference before and after, over the same pixels."""
    factor, shape = comparison_factor(reference.shape), reference.compared.shape
    small = shrink(image, factor)
    raw, aligned = (sampled(small, m, shape, factor, cv2.INTER_CUBIC) for m in (expected, matrix))
    shown = [shown_by(m, small.shape, shape, factor) > 0 for m in (expected, matrix)]
    images = [without_extremes(band_for_comparison(i)) for i in (raw, aligned)]
    compared = Compared(images[0], images[1], shown[0] & shown[1])
    return correlations(compared, reference.compared, compared.valid, reference.compared_weights)


def misfit(before: float, after: float, reference: Reference) -> Fault | None:
    """Say whether a transform made things worse, or shows no likeness at all; else None."""
    if not np.isfinite(after):
        text = "nothing to compare: chunk and reference don't overlap in the mask"
        return Fault(Flag.NO_OVERLAP, text)
    if after < before - WORSE_BY:
        text = f"lower correlation after ({after:.2f}) than before ({before:.2f})"
        return Fault(Flag.NOT_IMPROVED, text)
    if after < SIGNIFICANT * noise_spread(int(reference.compared_weights.sum())):
        text = f"no likeness to the reference: a correlation of {after:.2f}"
        return Fault(Flag.UNLIKE_REFERENCE, text)
    return None


def coverage(inliers: Points, reference: Reference) -> float:
    """Part of the mask that has an inlier within `NEAR_PX`."""
    size = tuple(max(n // COVERAGE_GRID_PX, 1) for n in reference.shape)
    free = np.ones(size, np.uint8)
    y, x = (inliers // COVERAGE_GRID_PX).astype(int).T
    free[np.clip(y, 0, size[0] - 1), np.clip(x, 0, size[1] - 1)] = 0
    away = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near = away * COVERAGE_GRID_PX <= NEAR_PX if len(inliers) else np.zeros(size, bool)
    if reference.mask is None:
        return float(near.mean())
    inside = (reference.mask >= MASK_LEVEL).astype(np.float32)
    weights = cv2.resize(inside, size[::-1], interpolation=cv2.INTER_AREA)
    return float((near * weights).sum() / max(float(weights.sum()), 1e-12))
