"""From the transforms of chunks to those of frames.

A frame's matrix lies on the line between the matrices of the two chunks whose midpoints bracket
it. Matrices are interpolated, and the interpolated one is inverted where an inverse is needed:
never the other way round. Nothing is interpolated across a jump. Before the first and after the
last midpoint of a stretch the trend goes on, shrunk by its noise and bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.recordings.geometry import Matrix, apply

TREND_CHUNKS = 3
LARGEST_EXTRAPOLATION_PX = 2.0
"""The trend moves no pixel farther than this beyond the last midpoint."""

Corners = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interpolated:
    """Matrices of the frames of one stretch.

    Attributes
    ----------
    matrices : numpy.ndarray
        (n, 3, 3).
    held : numpy.ndarray
        (n,) bool: frames at which the trend reached its bound and was held.
    """

    matrices: Matrix
    held: npt.NDArray[np.bool_]


def interpolate(
    frames: npt.NDArray[np.intp],
    midpoints: npt.NDArray[np.float64],
    matrices: Matrix,
    shape: tuple[int, int],
    noise_px: float,
) -> Interpolated:
    """Interpolate between the chunks of a stretch without jumps.

    Parameters
    ----------
    frames : numpy.ndarray
        (n,) frames asked for.
    midpoints : numpy.ndarray
        (k,) midpoints of the good chunks, rising; k at least 1.
    matrices : numpy.ndarray
        (k, 3, 3) their matrices.
    shape : tuple of int
        (Y, X) of the reference.
    noise_px : float
        Standard deviation of a chunk's transform, by which trends are shrunk.
    """
    result = _between(frames, midpoints, matrices)
    held = np.zeros(len(frames), bool)
    if len(midpoints) < TREND_CHUNKS:
        return Interpolated(result, held)
    corners = corners_of(shape)
    for end, chosen in ((0, slice(0, TREND_CHUNKS)), (-1, slice(-TREND_CHUNKS, None))):
        beyond = frames < midpoints[0] if end == 0 else frames > midpoints[-1]
        if not beyond.any():
            continue
        slope = _trend(midpoints[chosen], matrices[chosen], corners, noise_px)
        away = (frames[beyond] - midpoints[end])[:, np.newaxis, np.newaxis] * slope
        reach = _largest(away, corners)
        factor = np.minimum(1, LARGEST_EXTRAPOLATION_PX / np.maximum(reach, 1e-12))
        result[beyond] += away * factor[:, np.newaxis, np.newaxis]
        held[beyond] = factor < 1
    return Interpolated(result, held)


def chunk_noise_px(
    midpoints: npt.NDArray[np.float64], matrices: Matrix, shape: tuple[int, int]
) -> float:
    """Noise of the chunks' transforms in px, from how much each lies off its two neighbours.

    0 for fewer than five chunks, which can't tell noise from a bend.
    """
    if len(midpoints) < 5:
        return 0.0
    corners = corners_of(shape)
    part = (midpoints[1:-1] - midpoints[:-2]) / (midpoints[2:] - midpoints[:-2])
    part = part[:, np.newaxis, np.newaxis]
    bent = matrices[1:-1] - (1 - part) * matrices[:-2] - part * matrices[2:]
    expected = np.sqrt(1 + (1 - part[:, 0, 0]) ** 2 + part[:, 0, 0] ** 2)
    return float(np.median(_rms(bent, corners) / expected))


def corners_of(shape: tuple[int, int]) -> Corners:
    """(4, 2) corners (y, x) of an image: an affine map moves nothing farther than these."""
    bottom, right = shape[0] - 1, shape[1] - 1
    return np.array([(0, 0), (0, right), (bottom, 0), (bottom, right)], np.float64)


def _between(
    frames: npt.NDArray[np.intp], midpoints: npt.NDArray[np.float64], matrices: Matrix
) -> Matrix:
    entries = matrices.reshape(len(matrices), 9)
    columns = [np.interp(frames, midpoints, entries[:, i]) for i in range(9)]
    return np.stack(columns, axis=-1).reshape(-1, 3, 3)


def _trend(
    midpoints: npt.NDArray[np.float64], matrices: Matrix, corners: Corners, noise_px: float
) -> Matrix:
    """Slope a frame of the line through the chunks, shrunk as its noise suggests (James–Stein)."""
    time = midpoints - midpoints.mean()
    spread = float((time**2).sum())
    slope: Matrix = np.einsum("t,tij->ij", time, matrices) / spread
    size = float(_rms(slope, corners))
    noise = noise_px / np.sqrt(spread)
    return slope * max(0.0, 1 - (noise / size) ** 2) if size > 0 else slope


def _rms(change: Matrix, corners: Corners) -> npt.NDArray[np.float64]:
    moved = apply(change, corners)
    result: npt.NDArray[np.float64] = np.sqrt((moved**2).sum(axis=-1).mean(axis=-1))
    return result


def _largest(change: Matrix, corners: Corners) -> npt.NDArray[np.float64]:
    moved = apply(change, corners)
    result: npt.NDArray[np.float64] = np.hypot(moved[..., 0], moved[..., 1]).max(axis=-1)
    return result
