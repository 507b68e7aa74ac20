"""Traces of 500 ROIs from 15 minutes at 30 Hz: frames per second, memory, reads of a frame.

    python benchmarks/traces.py                    # 27,000 frames of 512 x 512 px, affine motion
    python benchmarks/traces.py --frames 3000 --motion spline

Frames are put together when they are read, from some that were drawn before. Must: 1,000 frames a
second on two threads, less than 500 MB more memory apart from the traces themselves, each frame
read once. Run it with nothing else to do on the machine; CPU time tells where there is.
"""

from __future__ import annotations

import argparse
import json
import time

from measure import THREADS, limit_threads, memory_mb

limit_threads()

import numpy as np  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.alignment.quality import empty_table  # noqa: E402
from napari_zstack_align.alignment.spline import n_control_points  # noqa: E402
from napari_zstack_align.alignment.transforms import (  # noqa: E402
    AffineLink,
    SplineLink,
    Transforms,
)

SIDE, N_ROIS, DRAWN = 512, 500, 32
SPACING_PX = 64.0
DARK_LEVEL = 400.0


class Drawn:
    """Noisy frames that come again and again, counted as they are read."""

    def __init__(self, n_frames: int) -> None:
        rng = np.random.default_rng(3)
        self.shape, self.dtype = (n_frames, 1, SIDE, SIDE), np.dtype(np.uint16)
        self._frames = rng.poisson(900, (DRAWN, 1, SIDE, SIDE)).astype(np.uint16)
        self.reads = np.zeros(n_frames, int)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start`` to ``stop``."""
        self.reads[start:stop] += 1
        return self._frames[np.arange(start, stop) % DRAWN]


def transforms(n_frames: int, motion: str) -> Transforms:
    """Drift and jitter of every frame, so that no two frames lie alike."""
    rng = np.random.default_rng(4)
    matrices = np.tile(np.eye(3), (n_frames, 1, 1))
    matrices[:, :2, 2] = 6 * np.sin(np.arange(n_frames) / 900)[:, None]
    matrices[:, :2, 2] += rng.normal(0, 0.5, (n_frames, 2))
    matrices[:, :2, :2] += rng.normal(0, 0.002, (n_frames, 2, 2))
    links: tuple = (AffineLink(matrices),)
    if motion == "spline":
        nodes = n_control_points(SIDE, SPACING_PX)
        field = rng.normal(0, 0.5, (n_frames, 2, nodes, nodes)).astype(np.float32)
        links += (SplineLink(field, SPACING_PX, (SIDE, SIDE)),)
    return Transforms((SIDE, SIDE), links)


def inputs(n_frames: int, motion: str) -> tuple[nza.Stack, nza.Alignment | None, np.ndarray]:
    """Stack, its alignment, and ROIs of 4 to 6 px radius."""
    rng = np.random.default_rng(5)
    stack = nza.Stack(
        Drawn(n_frames), pixel_size_um=(1.0, 1.0), frame_times_s=np.arange(n_frames) / 30
    )
    rois = np.c_[rng.uniform(20, SIDE - 20, (N_ROIS, 2)), rng.uniform(4, 6, N_ROIS)]
    if motion == "none":
        return stack, None, rois
    quality = empty_table(n_frames, "chunk")
    quality["used"], quality["correlation_after"] = True, 0.8
    reference = np.zeros((SIDE, SIDE), np.float32)
    moved = transforms(n_frames, motion)
    return stack, nza.Alignment(stack, moved, reference, quality, nza.KeypointParams()), rois


def measure(n_frames: int, motion: str) -> dict[str, float | str]:
    """Run once and return the figures."""
    stack, alignment, rois = inputs(n_frames, motion)
    params = nza.TraceParams(dark_level=(DARK_LEVEL,))
    marks: list[tuple[str, float]] = []
    before, start, cpu = memory_mb("VmRSS"), time.perf_counter(), time.process_time()
    traces = nza.run(
        nza.extract_traces(stack, rois, alignment, params, threads=THREADS),
        lambda progress: marks.append((progress.stage, time.perf_counter())),
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    reading = max(when for stage, when in marks if stage == "Reading traces") - start
    own = sum(getattr(traces, name).nbytes for name in ("F", "Fneu", "corrected", "dff"))
    gaps = np.diff([when for _, when in marks])
    reads = stack.source.reads
    return {
        "motion": motion,
        "frames": n_frames,
        "frames_per_s": n_frames / seconds,
        "frames_per_s_reading": n_frames / reading,
        "cpu_ms_a_frame": 1000 * cpu / n_frames,
        "cores_got": cpu / seconds,
        "peak_mb": memory_mb("VmHWM") - before,
        "traces_mb": own / 2**20,
        "longest_pause_s": float(gaps.max()),
        "fewest_reads": int(reads.min()),
        "most_reads": int(reads.max()),
    }


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=27_000)
    parser.add_argument("--motion", choices=("none", "affine", "spline"), default="affine")
    args = parser.parse_args()
    print(json.dumps(measure(args.frames, args.motion), indent=2))


if __name__ == "__main__":
    main()
