"""Small generated scans of a few planes, in any order of frames, with motion and photon noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Order = npt.NDArray[np.intp]
SIZE, MARGIN = 96, 12


def repeats(n_planes: int, n_repeats: int) -> Order:
    return np.repeat(np.arange(n_planes), n_repeats)


def volumes(n_planes: int, n_volumes: int) -> Order:
    return np.tile(np.arange(n_planes), n_volumes)


def up_and_down(n_planes: int, n_volumes: int, ends_twice: bool = True) -> Order:
    """Planes of volumes scanned up and down in turn; a piezo may show its ends only once."""
    up = np.arange(n_planes)
    down = up[::-1] if ends_twice else up[-2:0:-1]
    both = np.concatenate([up, down])
    return np.resize(both, n_planes * n_volumes)


def scan(
    plane_of_frame: Order,
    *,
    photons: float = 10.0,
    smooth_planes: float = 1.0,
    motion_px: int = 2,
    light: npt.ArrayLike = 1.0,
    dark: float = 1.0,
    seed: int = 0,
) -> npt.NDArray[np.uint16]:
    """(T, Y, X) frames: each a plane, moved by whole pixels, with shot noise.

    ``smooth_planes`` is the axial blur, in planes; ``light`` multiplies the photons of each plane.
    """
    rng = np.random.default_rng(seed)
    n_planes = int(plane_of_frame.max()) + 1
    side = SIZE + 2 * MARGIN
    tissue = rng.gamma(0.1, 1.0, (n_planes + 8, side, side))
    tissue = gaussian_filter(tissue, (smooth_planes, 2, 2))[4 : 4 + n_planes]
    tissue *= photons / np.percentile(tissue, 99.5)
    tissue *= np.broadcast_to(light, n_planes)[:, None, None]
    frames = np.empty((len(plane_of_frame), SIZE, SIZE), np.uint16)
    for frame, plane in zip(frames, plane_of_frame, strict=True):
        y, x = MARGIN + rng.integers(-motion_px, motion_px + 1, 2)
        frame[:] = rng.poisson(tissue[plane, y : y + SIZE, x : x + SIZE] + dark)
    return frames


def layout(frames_per_slice: int, order: str) -> dict[str, Any]:
    return {"frames_per_slice": frames_per_slice, "order": order}
