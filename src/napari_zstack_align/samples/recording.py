"""A generated recording: one plane over time, with flickering cells and slow drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples.anatomy import Anatomy, Image, add_patch
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.motion import Field
from napari_zstack_align.samples.zstack import BRIGHT_PERCENTILE, MAX_DISPLACEMENT_PX, sample_plane
from napari_zstack_align.stack import Stack

RISE_S, DECAY_S = 0.1, 0.8
EVENTS_PER_S = 0.08


@dataclass(frozen=True)
class SampleRecording:
    """A generated recording, and its truth.

    Attributes
    ----------
    stack : Stack
        What the microscope would have written, uint16.
    clean : numpy.ndarray
        (Y, X) float32 expected photons at rest, all cells silent, in reference coordinates.
    affine : numpy.ndarray
        (T, 3, 3) true backward maps on columns (y, x, 1): reference to raw frame; identity at
        the first frame.
    cells : numpy.ndarray
        (N, 3) y, x, radius of the cells that the plane cuts, px, in reference coordinates.
    activity : numpy.ndarray
        (N, T) true change of each cell's brightness, ΔF/F.
    """

    stack: Stack
    clean: Image
    affine: npt.NDArray[np.float64]
    cells: npt.NDArray[np.float64]
    activity: npt.NDArray[np.float32]

    def displacement(self, t: int) -> Field:
        """Return the true transform of frame t, (2, Y, X) float32 (dy, dx), px."""
        return affine_displacement(self.affine[t], self.stack.shape[2:])


def recording_with_motion(
    *,
    n_frames: int = 300,
    size: int | tuple[int, int] = 256,
    photons: float = 20.0,
    max_displacement_px: float = 5.0,
    frame_rate_hz: float = 10.0,
    pixel_size_um: float = 0.8,
    bleaching: float = 0.1,
    detector: Detector | None = None,
    seed: int = 0,
) -> SampleRecording:
    """Make a recording of one plane with transients, a slow affine drift and shot noise.

    Parameters
    ----------
    n_frames : int
        Frames of the recording.
    size : int or (int, int)
        Rows and columns, px.
    photons : float
        Expected photons per pixel at the bright end (99.5th percentile at rest).
    max_displacement_px : float
        Largest displacement of any pixel.
    frame_rate_hz, pixel_size_um : float
        What the stack says of itself; the transients last as long as seconds say.
    bleaching : float
        Part of the light lost from the first frame to the last.
    detector : Detector, optional
        Gain, dark level and read noise.
    seed : int
        The same seed gives the same recording.

    Returns
    -------
    SampleRecording

    Raises
    ------
    InputError
        Where the motion is larger than the tissue around the frame.
    """
    if max_displacement_px > MAX_DISPLACEMENT_PX:
        raise InputError(f"max_displacement_px must stay below {MAX_DISPLACEMENT_PX} px.")
    shape = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    tissue_seed, *seeds = np.random.SeedSequence(seed).spawn(4)
    drift_rng, activity_rng, noise_rng = map(np.random.default_rng, seeds)
    anatomy = Anatomy(shape, 0.0, tissue_seed)
    rest, shade, patches = anatomy.plane(0.0), anatomy.shade(0.0), list(anatomy.somata.patches(0.0))
    clean = sample_plane(rest)
    scale = np.float32(photons / np.percentile(clean, BRIGHT_PERCENTILE))
    activity = _activity(activity_rng, len(patches), n_frames, frame_rate_hz)
    affine = _affine_drift(drift_rng, n_frames, shape, max_displacement_px)
    light = ((1 - bleaching) ** np.linspace(0, 1, n_frames)).astype(np.float32) * scale
    detector = detector or Detector()
    frames = np.empty((n_frames, *shape), np.uint16)
    for t in range(n_frames):
        flicker = np.zeros_like(rest)
        for (_, y, x, patch), change in zip(patches, activity[:, t], strict=True):
            add_patch(flicker, y, x, patch, float(change))
        inverse = affine_displacement(np.linalg.inv(affine[t]), shape)
        moved = sample_plane(rest + flicker * shade, inverse)
        frames[t] = detector.record(np.maximum(moved * light[t], 0), noise_rng)
    stack = Stack.from_array(
        frames,
        "TYX",
        pixel_size_um=(pixel_size_um, pixel_size_um),
        frame_times_s=np.arange(n_frames) / frame_rate_hz,
        name="generated recording",
    )
    somata = anatomy.somata
    cells = np.array(
        [(*somata.position[i, 1:], somata.radius[i]) for i, *_ in patches], float
    ).reshape(-1, 3)
    return SampleRecording(stack, clean * scale, affine, cells, activity)


def affine_displacement(matrix: npt.NDArray[np.float64], shape: tuple[int, ...]) -> Field:
    """(2, Y, X) float32 displacement (dy, dx) of an affine map on columns (y, x, 1)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    change = matrix[:2] - np.eye(3)[:2]
    field = np.stack([row[0] * y + row[1] * x + row[2] for row in change])
    return field.astype(np.float32)


def _activity(
    rng: np.random.Generator, n_cells: int, n_frames: int, frame_rate_hz: float
) -> npt.NDArray[np.float32]:
    """(N, T) transients: rare events of random size, fast rise, slow decay."""
    lag = np.arange(max(2, round(5 * DECAY_S * frame_rate_hz))) / frame_rate_hz
    kernel = np.exp(-lag / DECAY_S) - np.exp(-lag / RISE_S)
    kernel /= kernel.max()
    events = rng.poisson(EVENTS_PER_S / frame_rate_hz, (n_cells, n_frames))
    sizes = events * rng.exponential(1.0, events.shape)
    responsive = rng.random(n_cells) < 0.7
    traces = [np.convolve(row, kernel)[:n_frames] for row in sizes * responsive[:, None]]
    return np.asarray(traces, np.float32).reshape(n_cells, n_frames)


def _affine_drift(
    rng: np.random.Generator, n_frames: int, shape: tuple[int, int], max_displacement_px: float
) -> npt.NDArray[np.float64]:
    """(T, 3, 3) maps that wander slowly from the identity: shift, turn and stretch."""
    time = np.linspace(0, 1, n_frames)
    waves = sum(
        rng.normal(0, 1 / k, 6)[:, None] * (np.cos(np.pi * k * time) - 1) for k in (1, 2, 3)
    )
    linear = waves[:4].T.reshape(-1, 2, 2) * 2 / max(shape)
    centre = (np.array(shape) - 1) / 2
    maps = np.tile(np.eye(3), (n_frames, 1, 1))
    maps[:, :2, :2] += linear
    maps[:, :2, 2] += waves[4:].T - linear @ centre
    corners = np.array([(y, x, 1) for y in (0, shape[0] - 1) for x in (0, shape[1] - 1)]).T
    moved = (maps - np.eye(3))[:, :2] @ corners
    largest = np.sqrt((moved**2).sum(axis=1)).max()
    scale = max_displacement_px / max(float(largest), 1e-12)
    return np.asarray(np.eye(3) + (maps - np.eye(3)) * scale)
