"""A generated recording: one plane over time, with flickering cells and slow drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import affine_displacement
from napari_zstack_align.errors import InputError
from napari_zstack_align.samples.anatomy import Image, frame_shape
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.motion import Field
from napari_zstack_align.samples.plane import Plane
from napari_zstack_align.samples.wander import affine_drift
from napari_zstack_align.samples.zstack import MAX_DISPLACEMENT_PX
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
        the first frame (of a session: of its first recording).
    cells : numpy.ndarray
        (N, 3) y, x, radius of the cells that the plane cuts, px, in reference coordinates.
    activity : numpy.ndarray
        (N, T) true change of each cell's brightness, ΔF/F.
    steps : tuple of int
        Frames at which the tissue has jumped, the first in the new place.
    """

    stack: Stack
    clean: Image
    affine: npt.NDArray[np.float64]
    cells: npt.NDArray[np.float64]
    activity: npt.NDArray[np.float32]
    steps: tuple[int, ...] = ()

    def displacement(self, t: int) -> Field:
        """Return the true transform of frame t, (2, Y, X) float32 (dy, dx), px."""
        rows, columns = self.stack.shape[2:]
        return affine_displacement(self.affine[t], (rows, columns))


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

    What isn't explained here is as in `zstack_with_repeats`.

    Parameters
    ----------
    n_frames : int
        Frames of the recording.
    photons : float
        Expected photons per pixel at the bright end (99.5th percentile) with all cells silent.
    max_displacement_px : float
        Largest displacement of any pixel.
    frame_rate_hz : float
        What the stack says of itself; the transients last as long as seconds say.

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
    shape = frame_shape(size)
    tissue_seed, *seeds = np.random.SeedSequence(seed).spawn(4)
    drift_rng, activity_rng, noise_rng = map(np.random.default_rng, seeds)
    plane = Plane.draw(shape, tissue_seed, photons)
    affine = affine_drift(drift_rng, n_frames, shape, max_displacement_px)
    return recorded(
        plane,
        affine,
        activity_rng,
        noise_rng,
        detector=detector or Detector(),
        times_s=np.arange(n_frames) / frame_rate_hz,
        pixel_size_um=pixel_size_um,
        bleaching=bleaching,
        name="generated recording",
    )


def recorded(
    plane: Plane,
    affine: npt.NDArray[np.float64],
    activity_rng: np.random.Generator,
    noise_rng: np.random.Generator,
    *,
    detector: Detector,
    times_s: npt.NDArray[np.float64],
    pixel_size_um: float,
    name: str,
    bleaching: float = 0.0,
    steps: tuple[int, ...] = (),
) -> SampleRecording:
    """Record a plane that moves as the (T, 3, 3) maps say, at the (T,) times."""
    activity = _activity(activity_rng, len(plane.cells), times_s)
    light = ((1 - bleaching) ** np.linspace(0, 1, len(affine))).astype(np.float32)
    stack = Stack.from_array(
        plane.record(affine, activity, light, detector, noise_rng),
        "TYX",
        pixel_size_um=(pixel_size_um, pixel_size_um),
        frame_times_s=times_s,
        name=name,
    )
    return SampleRecording(stack, plane.clean, affine, plane.cells, activity, steps)


def _activity(
    rng: np.random.Generator, n_cells: int, times_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """(N, T) transients: rare events of random size, fast rise, slow decay."""
    n_frames = len(times_s)
    frame_rate_hz = (n_frames - 1) / (times_s[-1] - times_s[0]) if n_frames > 1 else 1.0
    lag = np.arange(max(2, round(5 * DECAY_S * frame_rate_hz))) / frame_rate_hz
    kernel = np.exp(-lag / DECAY_S) - np.exp(-lag / RISE_S)
    kernel /= kernel.max()
    events = rng.poisson(EVENTS_PER_S / frame_rate_hz, (n_cells, n_frames))
    sizes = events * rng.exponential(1.0, events.shape)
    responsive = rng.random(n_cells) < 0.7
    traces = [np.convolve(row, kernel)[:n_frames] for row in sizes * responsive[:, None]]
    return np.asarray(traces, np.float32).reshape(n_cells, n_frames)
