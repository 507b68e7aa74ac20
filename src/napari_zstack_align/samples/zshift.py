"""A generated recording that drifts through a generated z-stack, its depth known everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples.anatomy import AXIAL_PSF_PX, Anatomy, Image, frame_shape
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.zstack import BRIGHT_PERCENTILE, sample_plane
from napari_zstack_align.stack import Stack

AXIAL_FWHM_UM = 3.0
PIXEL_SIZE_UM = float(AXIAL_FWHM_UM / (2 * np.sqrt(2 * np.log(2)) * AXIAL_PSF_PX))
"""Such that the axial blur of the tissue has that width."""
PLANE_STEP_UM = 0.25
"""Depth is continuous: between planes so near, light is interpolated."""
CACHED_PLANES = 48
MOST_JITTER_PX = 8.0


@dataclass(frozen=True)
class SampleZShift:
    """A recording with known depth, and the z-stack it drifts through.

    Attributes
    ----------
    recording : Stack
        (T, 1, Y, X) uint16.
    reference : Stack
        (Z, 1, Y, X) float32, one frame a slice: the mean of its repeats, with their noise.
    z : numpy.ndarray
        (T,) true depth at the centre of each frame, in slices.
    tilt : numpy.ndarray
        (T, 2) true difference in depth from the first to the last row and column, in slices.
    shift : numpy.ndarray
        (T, 2) true lateral shift (dy, dx), px: what lies at (y, x) in the reference is at
        (y + dy, x + dx) in the frame.
    clean : numpy.ndarray
        (Z, Y, X) float32 expected photons of each slice, in a frame of it.
    """

    recording: Stack
    reference: Stack
    z: npt.NDArray[np.float64]
    tilt: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]
    clean: Image

    def field(self, t: int) -> npt.NDArray[np.float64]:
        """True depth of every pixel of frame t, (Y, X), in slices."""
        rows, columns = self.recording.shape[2:]
        return _Motion(self.z, self.tilt, self.shift).field(t, (rows, columns))


def recording_with_zshift(
    *,
    n_frames: int = 40,
    n_slices: int = 21,
    size: int | tuple[int, int] = 512,
    z_step_um: float = 2.0,
    drift_slices: float = 3.0,
    tilt_slices: float = 0.5,
    photons: float = 20.0,
    gain: float = 1.0,
    bleaching: float = 0.0,
    jitter_px: float = 1.0,
    laser_ramp: float = 0.0,
    reference_repeats: int = 10,
    reference_photons: float | None = None,
    z: npt.ArrayLike | None = None,
    detector: Detector | None = None,
    seed: int = 0,
) -> SampleZShift:
    """Make a recording of synthetic tissue that drifts and tilts along z, and a stack of it.

    Parameters
    ----------
    n_frames, n_slices : int
        Frames of the recording, slices of the reference.
    size : int or (int, int)
        Rows and columns, px.
    z_step_um : float
        Distance of the slices; the axial blur of the tissue has a FWHM of 3 µm.
    drift_slices : float
        Largest distance of the plane's centre from the middle slice, in slices.
    tilt_slices : float
        Largest difference in depth of the frame's edge from its centre, in slices.
    photons : float
        Expected photons per pixel at the bright end (99.5th percentile) in a frame.
    gain : float
        Gain of the recording relative to the reference.
    bleaching : float
        Part of the light lost from the first frame to the last.
    jitter_px : float
        Largest lateral shift along y and x.
    laser_ramp : float
        Relative increase of the reference's brightness from the first to the last slice.
    reference_repeats : int
        Repeats that are averaged to a slice.
    reference_photons : float, optional
        Expected photons in each of them; those of the recording by default.
    z : array-like, optional
        (T,) depths of the frames in slices, instead of a drift; they may lie outside the stack.
    detector : Detector, optional
        Gain, dark level and read noise.
    seed : int
        The same seed gives the same data.

    Returns
    -------
    SampleZShift

    Raises
    ------
    InputError
        Where the jitter is larger than the tissue around the frame.
    """
    if jitter_px > MOST_JITTER_PX:
        raise InputError(f"jitter_px must stay below {MOST_JITTER_PX:g} px.")
    shape = frame_shape(size)
    tissue_seed, *seeds = np.random.SeedSequence(seed).spawn(4)
    motion_rng, stack_rng, frame_rng = map(np.random.default_rng, seeds)
    motion = _motion(motion_rng, n_frames, n_slices, drift_slices, tilt_slices, jitter_px, z)
    tissue = _Tissue(shape, tissue_seed, z_step_um, n_slices, motion.outside(n_slices))
    clean = np.stack([tissue.slice(k) for k in range(n_slices)])
    scale = np.float32(photons / np.percentile(clean[n_slices // 2], BRIGHT_PERCENTILE))
    clean *= scale
    detector = detector or Detector()
    in_stack = np.float32((reference_photons or photons) / photons)
    reference = _reference(clean * in_stack, detector, laser_ramp, reference_repeats, stack_rng)
    n_frames = len(motion.z)
    light = scale * gain * (1 - bleaching) ** np.linspace(0, 1, n_frames)
    frames = np.empty((n_frames, *shape), np.uint16)
    noise = frame_rng.spawn(n_frames)
    for t in np.argsort(motion.z):
        expected = light[t] * tissue.frame(motion.field(t, shape), motion.shift[t])
        frames[t] = detector.record(np.maximum(expected, 0).astype(np.float32), noise[t])
    return SampleZShift(
        _stack(frames, "TYX", "generated recording", None),
        _stack(reference, "ZYX", "generated z-stack", z_step_um),
        motion.z,
        motion.tilt,
        motion.shift,
        clean,
    )


@dataclass(frozen=True)
class _Motion:
    """Depth (T,), tilt (T, 2) and lateral shift (T, 2) of all frames, as of `SampleZShift`."""

    z: npt.NDArray[np.float64]
    tilt: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]

    def field(self, t: int, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Depth of every pixel of frame t, (Y, X)."""
        y, x = (np.arange(size) / max(size - 1, 1) - 0.5 for size in shape)
        return self.z[t] + self.tilt[t, 0] * y[:, np.newaxis] + self.tilt[t, 1] * x

    def outside(self, n_slices: int) -> float:
        """How far frames lie beyond the stack, in slices; 0 where none does."""
        beyond = max(-float(self.z.min()), float(self.z.max()) - (n_slices - 1))
        return beyond + float(np.abs(self.tilt).max()) if beyond > 0 else 0.0


def _motion(
    rng: np.random.Generator,
    n_frames: int,
    n_slices: int,
    drift_slices: float,
    tilt_slices: float,
    jitter_px: float,
    z: npt.ArrayLike | None,
) -> _Motion:
    if z is None:
        depth = _drift(rng, n_frames, drift_slices) + (n_slices - 1) / 2
    else:
        depth = np.asarray(z, np.float64)
    tilt = np.stack([_drift(rng, len(depth), tilt_slices) for _ in range(2)], axis=1)
    return _Motion(depth, tilt, rng.uniform(-jitter_px, jitter_px, (len(depth), 2)))


class _Tissue:
    """Tissue that is cut at any depth, given in slices, so many of them beyond the stack too."""

    def __init__(
        self,
        shape: tuple[int, int],
        seed: np.random.SeedSequence,
        z_step_um: float,
        n_slices: int,
        beyond: float,
    ) -> None:
        self._shape, self._step_um = shape, z_step_um
        slice_px, first_px = z_step_um / PIXEL_SIZE_UM, beyond * z_step_um / PIXEL_SIZE_UM
        anatomy = Anatomy(shape, slice_px * (n_slices - 1) + 2 * first_px, seed)
        self._plane: Callable[[int], Image] = lru_cache(CACHED_PLANES)(
            lambda j: anatomy.plane(first_px + j * PLANE_STEP_UM / PIXEL_SIZE_UM)
        )

    def slice(self, k: int) -> Image:
        """(Y, X) light of a slice."""
        return self.frame(np.full(self._shape, float(k)), np.zeros(2))

    def frame(self, z: npt.NDArray[np.float64], shift: npt.NDArray[np.float64]) -> Image:
        """(Y, X) light from the depth (Y, X) in slices, shifted by (dy, dx) px."""
        depth = (z * (self._step_um / PLANE_STEP_UM)).astype(np.float32)
        moved = np.empty((2, *self._shape), np.float32)
        moved[:] = -shift[:, np.newaxis, np.newaxis]
        image = np.zeros(self._shape, np.float32)
        for j in range(int(np.floor(depth.min())), int(np.ceil(depth.max())) + 1):
            weight = np.maximum(1 - np.abs(depth - j), 0)
            if weight.any():
                image += weight * sample_plane(self._plane(j), moved)
        return image


def _drift(rng: np.random.Generator, n_frames: int, reach: float) -> npt.NDArray[np.float64]:
    """(T,) slow wander between -reach and reach, which it touches on either side."""
    time = np.linspace(0, 1, n_frames)
    phases = rng.uniform(0, 2 * np.pi, 3)
    wave = sum(np.cos(np.pi * k * time + p) / k for k, p in zip((2, 3, 5), phases, strict=True))
    wave = np.asarray(wave) - 0.5 * (np.max(wave) + np.min(wave))
    return np.asarray(reach * wave / max(np.abs(wave).max(), 1e-12))


def _reference(
    clean: Image,
    detector: Detector,
    laser_ramp: float,
    repeats: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """(Z, Y, X) float32 mean of the recorded repeats of each slice, in counts."""
    power = 1 + laser_ramp * np.linspace(0, 1, len(clean), dtype=np.float32)
    mean = np.empty_like(clean)
    for k, image in enumerate(clean):
        light = np.maximum(power[k] * image, 0)
        mean[k] = np.mean([detector.record(light, rng) for _ in range(repeats)], axis=0)
    return mean


def _stack(data: npt.NDArray[np.generic], axes: str, name: str, z_step_um: float | None) -> Stack:
    pixel_size = (PIXEL_SIZE_UM, PIXEL_SIZE_UM)
    return Stack.from_array(data, axes, pixel_size_um=pixel_size, z_step_um=z_step_um, name=name)
