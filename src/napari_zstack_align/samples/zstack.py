"""A generated z-stack with repeats whose motion is known at every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import Order
from napari_zstack_align.samples.anatomy import (
    MARGIN_PX,
    SUPERSAMPLING,
    Anatomy,
    Image,
    frame_shape,
)
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.motion import JUMP_SPREAD, Field, Fields, random_motion
from napari_zstack_align.stack import Stack

BRIGHT_PERCENTILE = 99.5
MAX_DISPLACEMENT_PX = 28
"""As much as the tissue around the frame allows."""
# Correlation of two planes at a distance, measured on six seeds of the generated tissue.
DISTANCES_PX = np.array([0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0])
CORRELATIONS = np.array([0.997, 0.992, 0.982, 0.969, 0.933, 0.886, 0.831, 0.775, 0.652])


@dataclass(frozen=True)
class SampleZStack:
    """A generated z-stack with repeats, and its truth.

    Attributes
    ----------
    stack : Stack
        What the microscope would have written, uint16.
    clean : numpy.ndarray
        (Z, Y, X) float32 expected photons of each plane, free of noise, motion and bleaching, in
        reference coordinates.
    motion : Fields
        The true transform of every frame, from which it was rendered.
    """

    stack: Stack
    clean: Image
    motion: Fields

    def displacement(self, t: int) -> Field:
        """Return the true transform of frame t, (2, Y, X) float32 (dy, dx), px.

        ``clean[z](y, x) == frame_t(y + dy, x + dx)``; the mean over the first slice's frames is 0.
        """
        return self.motion.at(t)


def zstack_with_repeats(
    *,
    n_slices: int = 10,
    n_repeats: int = 9,
    size: int | tuple[int, int] = 512,
    photons: float = 20.0,
    max_displacement_px: float = 5.0,
    slice_correlation: float = 0.94,
    order: Order = "repeats",
    z_step_um: float = 2.0,
    pixel_size_um: float = 0.8,
    bleaching: float = 0.0,
    gain_jitter: float = 0.0,
    drift_px: float = 0.0,
    rotation_deg: float = 0.0,
    jump_px: float = 0.0,
    turn_deg: float = 0.0,
    detector: Detector | None = None,
    seed: int = 0,
) -> SampleZStack:
    """Make a z-stack of synthetic tissue with repeats of each slice, motion and shot noise.

    Parameters
    ----------
    n_slices, n_repeats : int
        Slices of the stack, and frames of each.
    size : int or (int, int)
        Rows and columns, px.
    photons : float
        Expected photons per pixel at the bright end (99.5th percentile of all planes).
    max_displacement_px : float
        Largest displacement of any pixel from smooth non-rigid and rigid motion together.
    slice_correlation : float
        Correlation of neighbouring clean planes, about; it sets how far apart they are cut.
    order : {'repeats', 'slices'}
        Which runs fastest.
    z_step_um, pixel_size_um : float
        What the stack says of itself.
    bleaching : float
        Part of the light lost from the first frame to the last.
    gain_jitter : float
        Relative standard deviation of each frame's brightness.
    drift_px : float
        Translation from the first frame to the last, on top of the other motion.
    rotation_deg : float
        Standard deviation of each frame's rotation; part of the largest displacement.
    jump_px : float
        Smallest translation of each slice against the one before, back and forth.
    turn_deg : float
        Largest rotation of each slice against the one before, back and forth.
    detector : Detector, optional
        Gain, dark level and read noise.
    seed : int
        The same seed gives the same stack.

    Returns
    -------
    SampleZStack

    Raises
    ------
    InputError
        Where the motion is larger than the tissue around the frame.
    """
    largest = max_displacement_px + abs(drift_px) + JUMP_SPREAD * abs(jump_px)
    if largest > MAX_DISPLACEMENT_PX:
        raise InputError(
            f"Displacements of up to {largest:g} px are more than the generated tissue allows: "
            f"keep motion, drift and jumps together below {MAX_DISPLACEMENT_PX} px."
        )
    shape = frame_shape(size)
    tissue_seed, motion_seed, noise_seed = np.random.SeedSequence(seed).spawn(3)
    step = plane_distance_px(slice_correlation)
    anatomy = Anatomy(shape, step * (n_slices - 1), tissue_seed)
    slice_of_frame = _slice_of_frame(n_slices, n_repeats, order)
    motion = random_motion(
        np.random.default_rng(motion_seed),
        shape,
        slice_of_frame,
        max_displacement_px=max_displacement_px,
        rotation_deg=rotation_deg,
        drift_px=drift_px,
        jump_px=jump_px,
        turn_deg=turn_deg,
    )
    planes = [anatomy.plane(z * step) for z in range(n_slices)]
    clean = np.stack([sample_plane(plane) for plane in planes])
    scale = np.float32(photons / np.percentile(clean, BRIGHT_PERCENTILE))
    light = _light(noise_seed, len(slice_of_frame), bleaching, gain_jitter)
    detector = detector or Detector()
    frames = np.empty((len(slice_of_frame), *shape), np.uint16)
    for t, rng in enumerate(map(np.random.default_rng, noise_seed.spawn(len(frames)))):
        moved = sample_plane(planes[slice_of_frame[t]], motion.inverse(t))
        frames[t] = detector.record(np.maximum(moved * (scale * light[t]), 0), rng)
    stack = Stack.from_array(
        frames,
        "TYX",
        frames_per_slice=n_repeats,
        order=order,
        pixel_size_um=(pixel_size_um, pixel_size_um),
        z_step_um=z_step_um,
        name="generated z-stack",
    )
    return SampleZStack(stack, clean * scale, motion)


def sample_plane(plane: Image, displacement: Field | None = None) -> Image:
    """Pixels of a frame from a plane on the fine grid, at (y, x) + displacement.

    Parameters
    ----------
    plane : numpy.ndarray
        As `Anatomy.plane` makes it.
    displacement : numpy.ndarray, optional
        (2, Y, X) float32 (dy, dx), px; None for the frame at rest.
    """
    if displacement is None:
        inside = slice(SUPERSAMPLING * MARGIN_PX, -SUPERSAMPLING * MARGIN_PX, SUPERSAMPLING)
        return np.ascontiguousarray(plane[inside, inside])
    y, x = np.mgrid[: displacement.shape[1], : displacement.shape[2]].astype(np.float32)
    map_y, map_x = (
        SUPERSAMPLING * (p + d + MARGIN_PX) for p, d in zip((y, x), displacement, strict=True)
    )
    return np.asarray(cv2.remap(plane, map_x, map_y, cv2.INTER_CUBIC), np.float32)


def plane_distance_px(correlation: float) -> float:
    """Distance of two planes, px, whose correlation is about the given one (0.66 to 0.99)."""
    if not 0.66 <= correlation <= 0.99:
        raise InputError(f"slice_correlation must lie in 0.66 to 0.99, not {correlation:g}.")
    return float(np.interp(-correlation, -CORRELATIONS, DISTANCES_PX))


def _slice_of_frame(n_slices: int, n_repeats: int, order: Order) -> npt.NDArray[np.intp]:
    slices = np.arange(n_slices)
    return slices.repeat(n_repeats) if order == "repeats" else np.tile(slices, n_repeats)


def _light(
    seed: np.random.SeedSequence, n_frames: int, bleaching: float, gain_jitter: float
) -> npt.NDArray[np.float32]:
    """(T,) brightness of each frame: exponential bleaching times jitter."""
    time = np.arange(n_frames) / max(n_frames - 1, 1)
    jitter = np.random.default_rng(seed).normal(0, gain_jitter, n_frames)
    return ((1 - bleaching) ** time * np.exp(jitter)).astype(np.float32)
