"""Align one set with PyFlowReg: `run_pyflowreg.py FOLDER NAME QUALITY [ALPHA]`.

Runs in an environment of its own, through its documented array interface, in the same scheme as
ours: the first slice's frames to their mean, each next slice's frames to the registered mean of
the slice before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measure import SAMPLING_PX, limit_threads, load, measure

limit_threads()

import numpy as np  # noqa: E402
from pyflowreg.motion_correction import OFOptions, compensate_arr  # noqa: E402


def main(folder: Path, name: str, quality: str, alpha: float | None) -> None:
    frames, slices = load(folder)
    extra = {} if alpha is None else {"alpha": alpha}

    def register(images: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        options = OFOptions(quality_setting=quality, **extra)
        registered, flow = compensate_arr(images[..., None], reference[..., None], options)
        # Its flow is (u, v) = (dx, dy), reference to raw frame: see check_direction.
        sampled = flow[:, ::SAMPLING_PX, ::SAMPLING_PX, ::-1]
        return np.asarray(registered).reshape(images.shape), np.moveaxis(sampled, -1, 1).copy()

    check_direction(register)

    def work() -> Callable[[], np.ndarray]:
        reference = frames[slices == 0].mean(axis=0, dtype=np.float64)
        flows, volume = [], []
        for z in np.unique(slices):
            registered, flow = register(frames[slices == z].astype(np.float64), reference)
            reference = registered.mean(axis=0)
            flows.append(flow)
            volume.append(reference.astype(np.float32))
        np.stack(volume)
        return lambda: np.concatenate(flows)

    measure(work, len(frames), folder, name)


def check_direction(register: Callable[..., tuple[np.ndarray, np.ndarray]]) -> None:
    """Stop unless a known shift comes back with the sign and order of axes assumed here.

    Also compiles the code, so that this time is not counted.
    """
    y, x = np.mgrid[:128, :128].astype(float)
    rng = np.random.default_rng(0)
    spots = rng.uniform(10, 118, (60, 2))

    def image(dy: float, dx: float) -> np.ndarray:
        squares = ((y - cy - dy) ** 2 + (x - cx - dx) ** 2 for cy, cx in spots)
        return 1000 * sum(np.exp(-square / 32) for square in squares)

    _, flow = register(np.repeat(image(2.0, -1.0)[None], 6, axis=0), image(0, 0))
    dy, dx = flow[:, :, 8:-8, 8:-8].mean(axis=(0, 2, 3))
    if abs(dy - 2.0) > 0.5 or abs(dx + 1.0) > 0.5:
        sys.exit(f"A shift of (2, -1) px came back as ({dy:.2f}, {dx:.2f}): check its convention.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]) if sys.argv[4:] else None)
