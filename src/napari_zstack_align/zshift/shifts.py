"""The small lateral error of a patch that its slopes tell (Lucas & Kanade 1981)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.zshift.templates import Templates

Short = npt.NDArray[np.float32]

SPREAD_PX = 0.5
"""Expected lateral error of a patch after the shift of the whole frame."""
MOST_PX = 2.0


def solve_shift(
    along: Short, power: Short, variance: npt.NDArray[np.float64], slopes: Short
) -> tuple[Short, Short]:
    """Solve for the shift that makes patches most like the planes.

    Parameters
    ----------
    along : numpy.ndarray
        (patches, depths, 3) products of a plane with the frame and its slopes along y and x.
    power : numpy.ndarray
        (patches, depths) sum of squares of the plane.
    variance : numpy.ndarray
        (patches,) variance of such products by noise, for a plane whose squares sum to 1.
    slopes : numpy.ndarray
        (patches, depths, 3) sums of the plane's V_y², V_y V_x and V_x².

    Returns
    -------
    shift : tuple of numpy.ndarray
        (patches, depths) dy and dx, px: drawn towards 0 as far as noise leaves them open.
    """
    amplitude = np.maximum(along[..., 0], np.float32(1e-6)) / power
    prior = variance[:, np.newaxis].astype(np.float32) / (amplitude * np.float32(SPREAD_PX**2))
    a = amplitude * slopes[..., 0] + prior
    b = amplitude * slopes[..., 1]
    c = amplitude * slopes[..., 2] + prior
    determinant = np.maximum(a * c - b * b, np.float32(1e-12))
    y, x = along[..., 1], along[..., 2]
    dy = np.clip((c * y - b * x) / determinant, -MOST_PX, MOST_PX)
    dx = np.clip((a * x - b * y) / determinant, -MOST_PX, MOST_PX)
    return np.asarray(dy, np.float32), np.asarray(dx, np.float32)


def slopes_at(templates: Templates, depths: npt.NDArray[np.float64]) -> Short:
    """(patches, depths, 3) sums of squares of slopes, those of the nearest slice."""
    nearest = np.clip(np.rint(depths), 0, templates.n_slices - 1).astype(int)
    return templates.slopes[:, nearest]
