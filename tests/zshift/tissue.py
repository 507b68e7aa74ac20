"""A small piece of smooth random tissue, known at eighths of a slice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter, shift

import napari_zstack_align as nza

FINE = 8
"""Planes a slice."""
SHAPE = (96, 112)
N_SLICES = 11


@lru_cache(maxsize=4)
def tissue(seed: int = 0, width: float = 0.7, n_slices: int = N_SLICES) -> np.ndarray:
    """(planes, Y, X) light, at the depths of -2 to n_slices + 1 by eighths."""
    rng = np.random.default_rng(seed)
    planes = rng.standard_normal(((n_slices + 3) * FINE + 1, *SHAPE)).astype(np.float32)
    smooth = gaussian_filter(planes, (width * FINE, 1.5, 1.5))
    return np.exp(0.8 * smooth / smooth.std())


def plane(z: float, seed: int = 0, **how: float) -> np.ndarray:
    """Light at a depth in slices, a multiple of an eighth."""
    return tissue(seed, **how)[round((z + 2) * FINE)]


def volume(seed: int = 0, n_slices: int = N_SLICES) -> np.ndarray:
    """(Z, Y, X) float32 slices."""
    return np.stack([plane(z, seed) for z in range(n_slices)])


def record(depths, seed=0, photons=30.0, gain=40.0, dark=100.0, shifts=None, noise=1) -> np.ndarray:
    """(T, Y, X) uint16 noisy frames at depths, shifted by (dy, dx) px."""
    rng = np.random.default_rng(noise)
    frames = []
    for t, z in enumerate(depths):
        light = plane(float(z), seed)
        if shifts is not None:
            light = np.maximum(shift(light, shifts[t], order=3, mode="nearest"), 0)
        frames.append(dark + gain * rng.poisson(photons / 3 * light))
    return np.clip(np.rint(frames), 0, 65535).astype(np.uint16)


def drift(n_frames: int = 32, reach: float = 3.0, middle: float = 5.0) -> np.ndarray:
    """(T,) depths that wander by eighths of a slice."""
    time = np.linspace(0, 2 * np.pi, n_frames)
    return np.rint((middle + reach * np.sin(time)) * FINE) / FINE


def estimate(frames, reference=None, params=None, **how) -> nza.ZShift:
    """Find the depth of frames in the volume of the tissue."""
    stack = frames if isinstance(frames, nza.Stack) else nza.Stack.from_array(frames)
    reference = volume() if reference is None else reference
    if params is None:
        params = nza.ZShiftParams(patch_px=48)
    return nza.run(nza.estimate_zshift(stack, reference, params, **how))
