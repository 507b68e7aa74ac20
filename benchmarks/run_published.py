"""Align recordings by the published keypoint workflow: `run_published.py FOLDER NAME`.

Written from its description, on scikit-image: a recording is cut into a number of chunks, SIFT
keypoints of each chunk's mean are matched to those of a reference, RANSAC fits an affine map, and
frames lie between the maps of chunk f // B and the next, anchored at the chunks' midpoints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measure import limit_threads, load_recordings, measure_cpu

limit_threads()

import numpy as np  # noqa: E402
from skimage.exposure import rescale_intensity  # noqa: E402
from skimage.feature import SIFT, match_descriptors  # noqa: E402
from skimage.measure import ransac  # noqa: E402
from skimage.transform import AffineTransform  # noqa: E402

N_BATCH = 10
PERCENTILES = (1, 99)
FEWEST_MATCHES = 8
RESIDUAL_PX = 1.0
TRIALS = 1000

Keypoints = tuple[np.ndarray, np.ndarray]


def main(folder: Path, name: str) -> None:
    recordings = load_recordings(folder)

    def work() -> Callable[[], list[np.ndarray]]:
        maps = register(recordings)
        return lambda: maps

    once = detect(recordings[0].mean(axis=0))  # imports on demand
    fit(once, once, np.ones(recordings[0].shape[1:], bool))
    measure_cpu(work, folder, name)


def register(recordings: list[np.ndarray]) -> list[np.ndarray]:
    """Backward maps (T, 3, 3) of each recording to the middle chunk of the middle one."""
    keypoints = [[detect(mean) for mean in chunk_means(frames)] for frames in recordings]
    reference = keypoints[len(keypoints) // 2][N_BATCH // 2]
    mask = np.ones(recordings[0].shape[1:], bool)
    return [
        interpolate(np.stack([fit(reference, found, mask) for found in chunks]), len(frames))
        for frames, chunks in zip(recordings, keypoints, strict=True)
    ]


def chunk_means(frames: np.ndarray) -> list[np.ndarray]:
    length = len(frames) // N_BATCH
    return [frames[k * length : (k + 1) * length].mean(axis=0) for k in range(N_BATCH)]


def detect(mean: np.ndarray) -> Keypoints:
    """Positions (N, 2) and descriptors of a mean image, clipped and scaled to 0 to 1."""
    low, high = np.percentile(mean, PERCENTILES)
    image = rescale_intensity(mean, in_range=(low, high), out_range=(0.0, 1.0))
    sift = SIFT(
        upsampling=1,
        n_octaves=2,
        n_scales=5,
        sigma_min=1.0,
        sigma_in=0.1,
        c_dog=0.005,
        c_edge=5,
    )
    sift.detect_and_extract(image)
    return sift.keypoints, sift.descriptors


def fit(reference: Keypoints, chunk: Keypoints, mask: np.ndarray) -> np.ndarray:
    """(3, 3) map from the reference to a chunk, on columns (y, x, 1)."""
    pairs = match_descriptors(reference[1], chunk[1], cross_check=True, max_ratio=0.6)
    ends = reference[0][pairs[:, 0]], chunk[0][pairs[:, 1]]
    inside = np.logical_and(*(mask[tuple(np.rint(end).astype(int).T)] for end in ends))
    if inside.sum() < FEWEST_MATCHES:
        sys.exit(f"a chunk has {inside.sum()} matches, fewer than {FEWEST_MATCHES}")
    model, _ = ransac(
        (ends[0][inside], ends[1][inside]),
        AffineTransform,
        min_samples=FEWEST_MATCHES,
        residual_threshold=RESIDUAL_PX,
        max_trials=TRIALS,
        rng=0,
    )
    if not model:
        sys.exit("RANSAC found no map of a chunk")
    return np.asarray(model.params)


def interpolate(chunks: np.ndarray, n_frames: int) -> np.ndarray:
    """(T, 3, 3): chunk f // B and the next, by the distance from the first one's midpoint."""
    length = n_frames // N_BATCH
    frames = np.arange(n_frames)
    left = np.minimum(frames // length, N_BATCH - 2)
    weight = ((frames - (left + 0.5) * length) / length)[:, None, None]
    return (1 - weight) * chunks[left] + weight * chunks[left + 1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
