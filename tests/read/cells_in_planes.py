"""Z-stacks of few planes of cells, which may be thick, move, bleach and light up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

PAD = 40
SHAPE = (96, 128)


def planes_of_cells(
    n_planes: int, seed: int, cells: int, axial: float, radius: float = 3.0
) -> npt.NDArray[np.float64]:
    """(n_planes, Y + 2 PAD, X + 2 PAD) tissue; ``axial`` is the resolution in planes."""
    rng = np.random.default_rng(seed)
    size = SHAPE[0] + 2 * PAD, SHAPE[1] + 2 * PAD
    volume = np.zeros((n_planes, *size))
    y, x = np.mgrid[: size[0], : size[1]]
    for _ in range(int(cells * n_planes / 2 * np.prod(size) / np.prod(SHAPE))):
        z, cy, cx = rng.uniform(-2, n_planes + 1), rng.uniform(0, size[0]), rng.uniform(0, size[1])
        light, r = rng.gamma(2, 0.5), radius * rng.uniform(0.7, 1.3)
        rows = slice(max(0, int(cy - 4 * r)), min(size[0], int(cy + 4 * r) + 1))
        columns = slice(max(0, int(cx - 4 * r)), min(size[1], int(cx + 4 * r) + 1))
        distance = (y[rows, columns] - cy) ** 2 + (x[rows, columns] - cx) ** 2
        cell = light * np.exp(-distance / (2 * (r * 0.6) ** 2))
        for plane in range(n_planes):
            weight = np.exp(-((plane - z) ** 2) / (2 * axial**2))
            if weight > 1e-3:
                volume[plane, rows, columns] += weight * cell
    coarse = gaussian_filter(rng.normal(size=volume.shape), (axial, 4, 4))
    fine = gaussian_filter(rng.normal(size=volume.shape), (axial, 1.2, 1.2))
    volume += coarse / coarse.std() * 0.1 + 0.3 + fine / fine.std() * 0.08
    return np.clip(volume, 0.02, None)


def stack_of_repeats(seed: int) -> tuple[npt.NDArray[np.uint16], int]:
    """(T, Y, X) frames of a z-stack whose facts are drawn at random, and its repeats a slice."""
    rng = np.random.default_rng(seed)
    n_slices, n_repeats = int(rng.integers(2, 8)), int(rng.integers(2, 9))
    axial, photons = float(rng.choice([1, 2, 3])), float(rng.choice([2, 10, 40]))
    cells, motion = int(rng.choice([8, 40])), float(rng.choice([0, 1, 3]))
    active = rng.random() < 0.3
    rng.choice(["repeats", "repeats", "volumes", "updown"])
    bleached = float(rng.choice([0, 0.5]))
    planes = planes_of_cells(n_slices, seed, cells, axial) * photons
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    frames, n_frames = [], n_slices * n_repeats
    for t in range(n_frames):
        dy, dx = rng.normal(size=2) * motion
        places = [y + PAD - dy, x + PAD - dx]
        frame = np.clip(map_coordinates(planes[t // n_repeats], places, order=1), 0, None)
        frame *= 1 - bleached * t / n_frames
        if active:
            for k in range(3):
                lit = 3 * photons * (rng.random() < 0.3)
                frame = frame + lit * np.exp(
                    -((y - 20 - 20 * k) ** 2 + (x - 30 - 30 * k) ** 2) / 20
                )
        frames.append(rng.poisson(frame))
    return np.array(frames, np.uint16), n_repeats
