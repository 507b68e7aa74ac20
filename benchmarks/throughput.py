"""Register 15 minutes at 30 Hz, made on the fly: frames per second, memory, reads of a frame.

    python benchmarks/throughput.py                  # 27,000 frames of 512 x 512 px, twice
    python benchmarks/throughput.py --frames 3000

Must: 300 frames a second without the motion of single frames and 80 with it, on two threads, with
less than 500 MB more memory, each frame read once (twice with it).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time

from measure import THREADS, limit_threads, memory_mb

limit_threads()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from recording_sets import gauge_error, slow_drift  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.samples import recording_with_motion  # noqa: E402

SIDE, MARGIN = 512, 32
FRAME_RATE_HZ = 30.0
PLACES, NOISE_FRAMES = 400, 64
COUNTS_PER_PHOTON, DARK_LEVEL = 40.0, 400.0
RESIDUALS = ("none", "translation")


class MovingTissue:
    """Frames of a generated plane that drifts and jitters, put together when they are read.

    The plane is drawn beforehand in some places along the drift, and so is the noise: to put a
    frame together takes a fraction of the time of registering it. Jitter is whole pixels.
    """

    def __init__(self, n_frames: int) -> None:
        rng = np.random.default_rng(7)
        self.shape = (n_frames, 1, SIDE, SIDE)
        self.dtype = np.dtype(np.uint16)
        self._place = np.arange(n_frames) * PLACES // n_frames
        self._jitter = rng.integers(-1, 2, (n_frames, 2))
        drift = slow_drift(rng, PLACES, (SIDE, SIDE))
        self.truth = drift[self._place]
        self.truth[:, :2, 2] += self._jitter
        clean = recording_with_motion(n_frames=1, size=SIDE + 2 * MARGIN, seed=7).clean
        self._drawn = [_draw(clean, inverse) for inverse in np.linalg.inv(drift)]
        spread = np.sqrt(cv2.GaussianBlur(clean, (0, 0), 8))[MARGIN:-MARGIN, MARGIN:-MARGIN]
        self._noise = [
            (COUNTS_PER_PHOTON * spread * rng.standard_normal(spread.shape)).astype(np.int16)
            for _ in range(NOISE_FRAMES)
        ]
        self.reads = np.zeros(n_frames, int)
        self.seconds = 0.0
        self._lock = threading.Lock()

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start`` to ``stop`` as (stop - start, 1, Y, X)."""
        begin = time.thread_time()
        frames = np.empty((stop - start, 1, SIDE, SIDE), np.uint16)
        for frame, t in zip(frames, range(start, stop), strict=True):
            dy, dx = 1 - self._jitter[t]
            still = self._drawn[self._place[t]][dy : dy + SIDE, dx : dx + SIDE]
            noise = self._noise[t * 37 % NOISE_FRAMES]
            cv2.add(still, noise, dst=frame[0], dtype=cv2.CV_16U)
        with self._lock:
            self.reads[start:stop] += 1
            self.seconds += time.thread_time() - begin
        return frames


def _draw(clean: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """The plane in counts, uint16, with a pixel more on each side for the jitter."""
    to_tissue = inverse[[1, 0]][:, [1, 0, 2]]  # OpenCV's order: x, y
    to_tissue[:, 2] += MARGIN - to_tissue[:, :2].sum(axis=1)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    photons = cv2.warpAffine(clean, to_tissue, (SIDE + 2, SIDE + 2), flags=flags)
    return (COUNTS_PER_PHOTON * photons + DARK_LEVEL).astype(np.uint16)


def measure(n_frames: int, residual: str) -> dict[str, float]:
    """Figures of one registration in this process."""
    source = MovingTissue(n_frames)
    times = np.arange(n_frames) / FRAME_RATE_HZ
    stack = nza.Stack(source, frame_times_s=times, name="on the fly")
    params = nza.KeypointParams(residual=residual)
    before = memory_mb("VmRSS")
    start, start_cpu = time.perf_counter(), time.process_time()
    (alignment,) = nza.run(nza.register_recordings([stack], params, threads=THREADS))
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak = memory_mb("VmHWM") - before
    error = gauge_error([alignment.transforms.matrices()], [source.truth], (SIDE, SIDE))
    return {
        "frames_per_s": n_frames / seconds,
        "cpu_ms": 1000 * (cpu - source.seconds) / n_frames,
        "making_ms": 1000 * source.seconds / source.reads.sum(),
        "peak_mb": peak,
        "fewest_reads": int(source.reads.min()),
        "reads": float(source.reads.mean()),
        "error_px": error.mean,
        "flagged": int((alignment.quality["flag"] != "").sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=27_000)
    parser.add_argument("--residuals", nargs="+", choices=RESIDUALS, default=RESIDUALS)
    parser.add_argument("--measure", choices=RESIDUALS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        print(json.dumps(measure(options.frames, options.measure)))
        return
    for number, residual in enumerate(options.residuals):
        command = [sys.executable, __file__, "--frames", str(options.frames), "--measure", residual]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures = {"residual": residual} | json.loads(done.stdout.splitlines()[-1])
        if not number:
            print("".join(f"{name:>14}" for name in figures))
        cells = (f"{v:.2f}" if isinstance(v, float) else str(v) for v in figures.values())
        print("".join(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
