"""How far estimated displacements lie from true ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError

Displacement = Callable[[int], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class EndpointError:
    """Length of estimated minus true displacement, px, over all frames and inner pixels.

    Attributes
    ----------
    mean, p95, max : float
        Over all frames, after the first slice's mean was taken from estimate and truth alike: it
        only says where the reference's coordinates lie.
    within_slice : float
        Mean after each slice's mean error was taken out at every pixel: what is left between the
        repeats of a slice, and blurs their mean.
    last_slice : float
        Mean over the last slice: what has added up on the way there.
    """

    mean: float
    within_slice: float
    last_slice: float
    p95: float
    max: float


def endpoint_error(
    estimate: Displacement,
    truth: Displacement,
    slice_of_frame: npt.ArrayLike,
    *,
    border_px: int = 24,
    step_px: int = 4,
) -> EndpointError:
    """Compare the displacements of every frame with the truth.

    Parameters
    ----------
    estimate, truth : callable
        Called with the index of a frame; returns (2, Y, X) (dy, dx) in px, such as
        ``alignment.transforms.displacement`` and ``sample.displacement``.
    slice_of_frame : array-like
        (T,) slice of each frame.
    border_px : int
        Pixels left out along each edge, where a frame may show nothing of the reference.
    step_px : int
        Distance of the pixels compared: every fourth says as much of a smooth field as all.

    Returns
    -------
    EndpointError

    Raises
    ------
    InputError
        Where the fields differ in shape, or are too small for the border.
    """
    slices = np.asarray(slice_of_frame)
    error = np.stack(
        [_error(estimate(t), truth(t), border_px, step_px) for t in range(len(slices))]
    )
    error -= error[slices == slices.min()].mean(axis=0)
    within = error.copy()
    for z in np.unique(slices):
        within[slices == z] -= within[slices == z].mean(axis=0)
    length = np.hypot(error[:, 0], error[:, 1])
    return EndpointError(
        mean=float(length.mean()),
        within_slice=float(np.hypot(within[:, 0], within[:, 1]).mean()),
        last_slice=float(length[slices == slices.max()].mean()),
        p95=float(np.percentile(length, 95)),
        max=float(length.max()),
    )


def _error(
    estimate: npt.NDArray[np.floating],
    truth: npt.NDArray[np.floating],
    border_px: int,
    step_px: int,
) -> npt.NDArray[np.float64]:
    if estimate.shape != truth.shape:
        raise InputError(
            f"Estimated and true displacements differ in shape ({estimate.shape} and "
            f"{truth.shape}): both must be (2, Y, X) of the same frames."
        )
    if min(truth.shape[1:]) <= 2 * border_px:
        raise InputError(
            f"Frames of {truth.shape[1]} × {truth.shape[2]} px have nothing inside a border of "
            f"{border_px} px: choose a smaller border_px."
        )
    rows, columns = (slice(border_px, n - border_px, step_px) for n in truth.shape[1:])
    return np.asarray(estimate[:, rows, columns], np.float64) - truth[:, rows, columns]
