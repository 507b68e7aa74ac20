"""One measured run: two processors, memory over the input, figures left beside the frames.

Imported by the programs that run in a fresh process, ours and a peer's: needs NumPy alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

THREADS = 2
SAMPLING_PX = 4
"""Displacements are kept at every fourth pixel: the whole fields would be larger than the input."""


def limit_threads(count: int = THREADS) -> None:
    """Keep this process to so many processors. Call it before any library is imported."""
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = str(count)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def load(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames (T, Y, X) in memory, and the slice of each (T,)."""
    return np.load(folder / "frames.npy"), np.load(folder / "slice_of_frame.npy")


def measure(
    work: Callable[[], Callable[[], np.ndarray]], n_frames: int, folder: Path, name: str
) -> None:
    """Time a run that has its input in memory and its code compiled, and write its figures.

    ``work`` runs the whole alignment with the volume; what it returns gives the displacements,
    (T, 2, y, x) at every `SAMPLING_PX`, and is called after the clock and the memory were read.
    """
    before = memory_mb("VmRSS")
    start = time.perf_counter()
    displacements = work()
    seconds = time.perf_counter() - start
    peak = memory_mb("VmHWM") - before
    np.save(folder / f"{name}.npy", np.asarray(displacements(), np.float32))
    figures = {"frames_per_s": n_frames / seconds, "peak_mb": peak}
    (folder / f"{name}.json").write_text(json.dumps(figures))


def load_recordings(folder: Path) -> list[np.ndarray]:
    """Frames (T, Y, X) of each recording, in memory."""
    count = len(list(folder.glob("frames_*.npy")))
    return [np.load(folder / f"frames_{k}.npy") for k in range(count)]


def measure_cpu(
    work: Callable[[], Callable[[], list[np.ndarray]]], folder: Path, name: str
) -> None:
    """Count the CPU seconds and the memory of a run, all its threads and processes together.

    ``work`` registers all recordings; what it returns gives their transforms (see
    ``recording_sets.gauge_error``) and is called after clock and memory were read.
    """
    before = memory_mb("VmRSS")
    start, start_cpu = time.perf_counter(), _cpu_s()
    transforms = work()
    seconds, cpu = time.perf_counter() - start, _cpu_s() - start_cpu
    peak = memory_mb("VmHWM") - before
    np.savez(folder / f"{name}.npz", *transforms())
    figures = {"cpu_s": cpu, "wall_s": seconds, "peak_mb": peak}
    (folder / f"{name}.json").write_text(json.dumps(figures))


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def memory_mb(entry: str) -> float:
    """VmRSS: memory held now; VmHWM: the most ever held. MB (2^20 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith(entry + ":"):
                return float(line.split()[1]) / 1024
    # Elsewhere only the most ever held is known; before the run it is near what is held.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
