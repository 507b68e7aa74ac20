"""Two references laid over one another: how alike they are, as a whole and around each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.carry import Carried, SharedFrames, carry_points
from napari_zstack_align.alignment.filling import filled, safely_known
from napari_zstack_align.alignment.noise_limit import power_of
from napari_zstack_align.alignment.quality import (
    comparison_factor,
    comparison_image,
    comparison_valid,
    correlation,
    without_extremes,
)
from napari_zstack_align.alignment.warp import pixel_grid, shrink, warp_with_valid

Image = npt.NDArray[np.float32]

GRID_PX = 16
"""Distance of the points at which the way from one reference to the other is worked out."""
SAME_PLANE = 0.6
"""References of one plane correlate by more than this part of what their noise allows."""
LOCAL_SIGMA_PX = 16.0
"""Of the Gaussian window in which references are compared around a place."""
LEAST_REACHED = 0.05
"""Part of that window that both references must show."""
LEAST_OVERLAP = 0.1
"""With less of the reference in common, nothing is said of the plane."""


@dataclass(frozen=True)
class PlaneVerdict:
    """Whether two references show one plane of the sample.

    Attributes
    ----------
    correlation : float
        Of the two images, laid over one another and band-passed; NaN where too little of them
        overlaps.
    allowed : float
        What their noise allows images of one plane.
    """

    correlation: float
    allowed: float

    @property
    def is_another(self) -> bool:
        """Whether the new reference shows another plane than the old one."""
        return bool(self.correlation < SAME_PLANE * self.allowed)

    def __str__(self) -> str:
        if not np.isfinite(self.correlation):
            return "the references overlap too little to be compared"
        figures = (
            f"they correlate by {self.correlation:.2f}, where their noise allows "
            f"{self.allowed:.2f} in one plane"
        )
        if self.is_another:
            return f"the new reference shows another plane than the old one: {figures}"
        return f"both references show one plane: {figures}"


@dataclass(frozen=True, eq=False)
class Overlaid:
    """The old reference in the coordinates of the new one.

    Attributes
    ----------
    displacement : numpy.ndarray
        (2, Y, X) float32 (dy, dx) in px: new(y, x) = old(y + dy, x + dx).
    plane : PlaneVerdict
    local : numpy.ndarray
        (Y, X) float32 correlation of both images in a window around each pixel; NaN where
        they don't overlap near by.
    """

    displacement: npt.NDArray[np.float32]
    plane: PlaneVerdict
    local: Image

    def local_at(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """(N,) local correlation at (N, 2) points of the new reference; NaN outside it."""
        y, x = np.rint(points).astype(np.intp).T
        within = (y >= 0) & (y < self.local.shape[0]) & (x >= 0) & (x < self.local.shape[1])
        values = np.full(len(points), np.nan, np.float32)
        values[within] = self.local[y[within], x[within]]
        return values


def overlay(shared: Sequence[SharedFrames]) -> Overlaid:
    """Lay the old reference over the new one, through the frames that both know."""
    old, new = shared[0].old.reference, shared[0].new.reference
    back = [SharedFrames(each.new, each.old, each.trust) for each in shared]
    displacement = displacement_to(back, (new.shape[0], new.shape[1]))
    moved, valid = warp_with_valid(filled(old), displacement)
    known, _ = warp_with_valid(np.isfinite(old).astype(np.float32), displacement, cv2.INTER_LINEAR)
    both = valid & (known > 0.5) & np.isfinite(new)
    first, second = (filled(np.where(both, image, np.float32(np.nan))) for image in (moved, new))
    return Overlaid(displacement, *_compared(first, second, both, shared[0].new.mask))


def verdict_on(old: Image, new: Image) -> PlaneVerdict:
    """Say whether two images (Y, X), free of NaN, that lie over one another show one plane."""
    return _compared(old, new, np.ones(new.shape, bool), None)[0]


def displacement_to(
    back: Sequence[SharedFrames], shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """(2, Y, X) float32 from each pixel of a new reference to its place on the old one.

    ``back`` has the new one as its ``old``: that is where the way begins. It is worked out at
    points of a grid that reaches over the edges, and interpolated.
    """
    axes = [np.arange(-GRID_PX, size + 2 * GRID_PX, GRID_PX, dtype=np.float64) for size in shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    moved = _without_gaps(carry_points(points, back), points).astype(np.float32)
    layers = np.moveaxis(moved.reshape(len(axes[0]), len(axes[1]), 2), 2, 0)
    y, x = pixel_grid(shape) / GRID_PX + 1
    return np.stack([cv2.remap(np.ascontiguousarray(d), x, y, cv2.INTER_CUBIC) for d in layers])


def _without_gaps(found: Carried, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, 2) displacements; where no frame tells, the median of the others."""
    moved = found.values - points
    unknown = ~np.isfinite(moved).all(axis=1)
    moved[unknown] = np.median(moved[~unknown], axis=0) if not unknown.all() else 0.0
    return moved


def _compared(
    old: Image, new: Image, both: npt.NDArray[np.bool_], mask: Image | None
) -> tuple[PlaneVerdict, Image]:
    """Compare images (Y, X) that lie over one another, over the pixels that both show."""
    factor = comparison_factor(new.shape)
    a, b = (without_extremes(comparison_image(image)) for image in (old, new))
    weights = comparison_valid(safely_known(both) > 0).astype(np.float32)
    inside = weights if mask is None else weights * shrink(mask, factor)
    allowed = float(
        np.sqrt(np.prod([power_of(i, inside).expected_correlation(1, 1) for i in (old, new)]))
    )
    enough = inside.sum() >= LEAST_OVERLAP * inside.size
    verdict = PlaneVerdict(correlation(a, b, inside) if enough else float("nan"), allowed)
    local = _local_correlation(a, b, weights, LOCAL_SIGMA_PX / factor)
    size = (new.shape[1], new.shape[0])
    return verdict, cv2.resize(local, size, interpolation=cv2.INTER_NEAREST)


def _local_correlation(a: Image, b: Image, weights: Image, sigma: float) -> Image:
    """(Y, X) float32 correlation of two images in a Gaussian window around every pixel.

    Moments of either image are blurred products with the weights, over the blurred weights.
    """

    def mean(values: Image) -> Image:
        return cv2.GaussianBlur(values * weights, (0, 0), sigma) / total

    reached = cv2.GaussianBlur(weights, (0, 0), sigma)
    total = np.maximum(reached, np.float32(1e-6))
    mean_a, mean_b = mean(a), mean(b)
    covariance = mean(a * b) - mean_a * mean_b
    variance = (mean(a * a) - mean_a**2) * (mean(b * b) - mean_b**2)
    local = np.full(a.shape, np.nan, np.float32)
    known = (reached > LEAST_REACHED) & (variance > 0)
    local[known] = covariance[known] / np.sqrt(variance[known])
    return local
