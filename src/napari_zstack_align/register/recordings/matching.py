"""A chunk's mean against the reference: the seam for ways to match, and what is believed of them.

A `Matcher` proposes a transform and the pairs of points that led to it. Whether that is believed
is decided here, in the same way for all of them: by the bounds of the parameters, and by how much
the chunk resembles the reference under it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import (
    Compared,
    band_for_comparison,
    comparison_factor,
    correlations,
    noise_spread,
    without_extremes,
)
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import KeypointParams, flag_of
from napari_zstack_align.register.recordings.geometry import Matrix, Model, Motion, Points
from napari_zstack_align.register.recordings.reference import MASK_LEVEL, Reference
from napari_zstack_align.register.recordings.refine import sampled, shown_by

Image = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]
Seed: TypeAlias = int | Sequence[int]

NEAR_PX = 24
"""An inlier covers the mask this far around it."""
COVERAGE_GRID_PX = 8
WORSE_BY = 0.02
SIGNIFICANT = 4.0
"""A correlation counts when it is so many times what noise alone would show."""


def _no_points() -> Points:
    return np.zeros((0, 2))


def _none_chosen() -> Chosen:
    return np.zeros(0, bool)


@dataclass(frozen=True)
class Match:
    """How a chunk was matched to a reference.

    A matcher without points leaves all of them empty.

    Attributes
    ----------
    matrix : numpy.ndarray, optional
        (3, 3) reference to the chunk's raw frames; None where it failed.
    fault : Fault, optional
        Why it failed, or isn't believed; None where it is.
    points : numpy.ndarray
        (N, 2) places by which the chunk can be recognised.
    in_mask : numpy.ndarray
        (N,) bool: which of these lie in the mask.
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
    fault: Fault | None = None
    points: Points = field(default_factory=_no_points)
    in_mask: Chosen = field(default_factory=_none_chosen)
    source: Points = field(default_factory=_no_points)
    target: Points = field(default_factory=_no_points)
    inliers: Chosen = field(default_factory=_none_chosen)
    residual_px: float = float("nan")
    coverage: float = 0.0
    before: float = float("nan")
    after: float = float("nan")

    @property
    def n_inliers(self) -> int:
        """How many matches agree on the transform."""
        return int(self.inliers.sum())

    @property
    def is_believed(self) -> bool:
        """Whether it has a transform that nothing speaks against."""
        return self.matrix is not None and self.fault is None

    def because(self, fault: Fault) -> Match:
        """Return the match as one that failed: what was looked at stays, what was found goes."""
        none = np.zeros(len(self.source), bool)
        return Match(None, fault, self.points, self.in_mask, self.source, self.target, none)


class Matcher(ABC):
    """One way to find chunks in a reference; `matchers.MATCHERS` lists them.

    It is prepared once for a reference and used from any number of threads.

    Parameters
    ----------
    reference : Reference
        What chunks are matched to.
    params : KeypointParams

    Attributes
    ----------
    advice : mapping of Flag to str
        What to do about a chunk that failed for a reason, as the end of a sentence.
    remedy : str
        What to do where no chunk could be matched, as a sentence.
    """

    advice: ClassVar[Mapping[Flag, str]] = {
        Flag.IMPLAUSIBLE: "raise the bound if the sample did move so far, else take longer chunks"
    }
    remedy: ClassVar[str] = (
        "Check channel and mask, or take longer chunks (noise) or shorter ones (fast motion)."
    )

    def __init__(self, reference: Reference, params: KeypointParams) -> None:
        self.reference, self.params = reference, params

    @classmethod
    def prepare(cls, image: Image, mask: Mask | None, params: KeypointParams) -> Self:
        """Prepare a reference image (Y, X) float32; NaN marks what it doesn't show."""
        return cls(Reference.of(image, mask), params)

    @property
    def points(self) -> Points:
        """(N, 2) places by which the reference can be recognised; for display only."""
        return _no_points()

    @abstractmethod
    def match(self, image: Image, prior: Matrix, seed: Seed) -> Match:
        """Propose the transform of a chunk.

        Parameters
        ----------
        image : numpy.ndarray
            (Y', X') float32 mean of a chunk, free of NaN.
        prior : numpy.ndarray
            (3, 3) reference to raw, before anything is known of the chunk: the identity, or the
            ratio of the pixel sizes.
        seed : int or sequence of int
            Of whatever is random: the same seed gives the same match.

        Returns
        -------
        Match
            Its coverage and correlations are filled in by `match_image`.
        """

    def retries(self, image: Image, prior: Matrix, seed: Seed) -> Iterator[tuple[str, Match]]:
        """Yield the matcher's own second chances, each with a name of 16 characters at most."""
        yield from ()


def match_image(matcher: Matcher, image: Image, prior: Matrix, seed: Seed) -> Match:
    """Match a chunk's mean to a prepared reference, and judge what was found.

    Parameters are those of `Matcher.match`.
    """
    return judged(matcher, matcher.match(image, prior, seed), image, prior)


def judged(matcher: Matcher, found: Match, image: Image, prior: Matrix) -> Match:
    """Compare a proposed transform with the bounds, and the chunk under it with the reference."""
    if found.matrix is None:
        return found
    reference = matcher.reference
    if fault := implausible(found.matrix, prior, reference.shape, matcher.params):
        return found.because(fault)
    before, after = correlations_of(image, found.matrix, prior, reference)
    return replace(
        found,
        fault=misfit(before, after, reference),
        coverage=coverage(found.source[found.inliers], reference),
        before=before,
        after=after,
    )


def model_of(params: KeypointParams) -> Model:
    """Return the model to fit; what 'auto' begins with where nothing was decided yet."""
    return "similarity" if params.transform == "auto" else params.transform


def implausible(
    matrix: Matrix, expected: Matrix, shape: tuple[int, int], params: KeypointParams
) -> Fault | None:
    """Say what is beyond the bounds; None where nothing is."""
    if not np.isfinite(matrix).all():
        return Fault(Flag.IMPLAUSIBLE, "implausible transform: it has numbers that aren't finite")
    motion = Motion.of(matrix @ np.linalg.inv(expected), shape)
    away = float(np.hypot(*motion.shift))
    if away > params.max_shift_px:
        return Fault(
            Flag.IMPLAUSIBLE,
            f"implausible transform: a shift of {away:.0f} px{_beyond(params, 'max_shift_px')}",
        )
    if abs(motion.rotation_deg) > params.max_rotation_deg:
        text = f"implausible transform: a rotation of {motion.rotation_deg:.0f}°"
        text += _beyond(params, "max_rotation_deg")
        return Fault(Flag.IMPLAUSIBLE, text)
    change = max(abs(motion.scale - 1), motion.shear)
    if change > params.max_scale_percent / 100:
        text = f"implausible transform: a change of scale or shear of {100 * change:.0f} %"
        text += _beyond(params, "max_scale_percent")
        return Fault(Flag.IMPLAUSIBLE, text)
    return None


def _beyond(params: KeypointParams, bound: str) -> str:
    """Name the bound that refuses a transform."""
    return f", where {bound} ({flag_of(bound)}) allows {getattr(params, bound):g}"


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
        inside = "" if reference.mask is None else " in the mask"
        text = f"nothing to compare: chunk and reference don't overlap{inside}"
        return Fault(Flag.NO_OVERLAP, text)
    if after < before - WORSE_BY:
        text = f"lower correlation after ({decimal(after)}) than before ({decimal(before)})"
        return Fault(Flag.NOT_IMPROVED, text)
    if after < SIGNIFICANT * noise_spread(int(reference.compared_weights.sum())):
        text = f"no likeness to the reference: a correlation of {decimal(after)}"
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
