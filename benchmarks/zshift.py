"""Depths of a recording that drifts through a z-stack, against the truth: error, CPU, memory.

    python benchmarks/zshift.py                              # all conditions, seeds 711 to 715
    python benchmarks/zshift.py --conditions faint outside --steps 2 --seeds 711
    python benchmarks/zshift.py --throughput 3000            # frames a second and memory

21 slices, drift of ±3 slices, tilt of ±0.5, lateral jitter of ±1 px, 40 frames of 512 × 512 px; the
axial blur has a FWHM of 3 µm. Errors are those of the patches. Each run is a fresh process kept to
two processors; frames a second are reckoned from its CPU time. Parameters were chosen on the seeds
701 to 703.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import THREADS, limit_threads, memory_mb

limit_threads()

import numpy as np  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.samples.zshift import recording_with_zshift  # noqa: E402

CONDITIONS: dict[str, dict[str, Any]] = {
    "20 photons": {},
    "gain 0.6, bleaching 30 %": {"gain": 0.6, "bleaching": 0.3},
    "3 photons": {"photons": 3.0},
    "drift of 8": {"drift_slices": 8.0},
    "jitter of 4 px": {"jitter_px": 4.0},
    "laser power x 2": {"laser_ramp": 1.0},
    "faint": {"photons": 0.02, "reference_photons": 20.0},
    "outside": {"drift_slices": 8.0, "n_slices": 11},
}
COLUMNS = ("rmse", "rmse_um", "frame", "dense", "bias", "p95", "max", "far", "told", "good")
SURE = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conditions", nargs="+", default=list(CONDITIONS), choices=CONDITIONS)
    parser.add_argument("--steps", nargs="+", type=float, default=[1.0, 2.0, 5.0], metavar="UM")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(711, 716)))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--throughput", type=int, metavar="FRAMES")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write all figures to a file")
    args = parser.parse_args()
    if args.run is not None:
        print(json.dumps(run(args.run, args.throughput)))
    elif args.throughput is not None:
        print(json.dumps(throughput(args.throughput, args.size), indent=2))
    else:
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Print a line a condition and step: means over the seeds, and the worst of largest errors."""
    print(f"{'condition':26s} {'step':>5s} " + " ".join(f"{name:>8s}" for name in COLUMNS))
    rows = []
    for condition in args.conditions:
        for step in args.steps:
            of_seeds = [figures(condition, step, seed, args.size) for seed in args.seeds]
            rows += of_seeds
            print(f"{condition:26s} {step:5g} {_line(of_seeds)}", flush=True)
    print(
        f"\nrmse, frame (mean over a frame), dense (every pixel), bias, p95 and max in slices; "
        f"far: patches wrong by more than a slice; told: part of them with a confidence below "
        f"{SURE}; good: part of all patches above it"
    )
    if args.json is not None:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


def _line(of_seeds: list[dict[str, Any]]) -> str:
    cells = []
    for name in COLUMNS:
        values = np.array([row[name] for row in of_seeds], float)
        if name == "far":
            cells.append(f"{int(values.sum()):8d}")
        elif name == "told":
            far = np.array([row["far"] for row in of_seeds])
            told = f"{np.nansum(far * np.nan_to_num(values)) / far.sum():8.3f}" if far.sum() else ""
            cells.append(f"{told:>8s}")
        else:
            cells.append(f"{values.max() if name == 'max' else values.mean():8.4f}")
    return " ".join(cells)


def figures(condition: str, step: float, seed: int, size: int) -> dict[str, Any]:
    """Make a sample and find its depths in a fresh process."""
    sample = recording_with_zshift(
        **{"size": size, "z_step_um": step, "seed": seed, **CONDITIONS[condition]}
    )
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder)
        np.save(part / "frames.npy", sample.recording.read(0, sample.recording.n_frames)[:, 0])
        np.save(part / "volume.npy", sample.reference.read(0, sample.reference.n_frames)[:, 0])
        (part / "step").write_text(str(step))
        found = _in_fresh_process(part)
        estimate = np.load(part / "found.npz")
        error = _errors(sample, estimate)
    return {"condition": condition, "step_um": step, "seed": seed, **error, **found}


def _in_fresh_process(part: Path, *more: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--run", str(part), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _errors(sample: Any, found: Any) -> dict[str, Any]:
    """Errors in slices; of frames outside the stack nothing is asked but that it is told."""
    y, x = (np.rint(found[name]).astype(int) for name in ("y", "x"))
    fields = [sample.field(t) for t in range(len(sample.z))]
    truth = np.stack([field[np.ix_(y, x)] for field in fields])
    last = sample.reference.n_frames - 1
    within = (truth >= 0) & (truth <= last)
    error, sure = found["patch_z"] - truth, found["patch_confidence"] >= SURE
    far = np.abs(error) > 1
    kept = error[within]
    dense = [
        (dense - field)[(field >= 0) & (field <= last)]
        for dense, field in zip(found["fields"], fields[::4], strict=True)
    ]
    frames = (sample.z >= 0) & (sample.z <= last)
    return {
        "rmse": _rms(kept),
        "rmse_um": _rms(kept) * sample.reference.z_step_um,
        "frame": _rms((found["z"] - sample.z)[frames]),
        "dense": _rms(np.concatenate(dense)),
        "bias": float(kept.mean()),
        "p95": float(np.percentile(np.abs(kept), 95)),
        "max": float(np.abs(kept).max()),
        "far": int(far.sum()),
        "told": float((far & ~sure).sum() / far.sum()) if far.any() else None,
        "good": float(sure.mean()),
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def run(part: Path, n_frames: int | None) -> dict[str, float]:
    """Find depths of frames on disk; with a number of frames, those again and again."""
    frames = np.load(part / "frames.npy", mmap_mode="r")
    volume = np.load(part / "volume.npy")
    step = float((part / "step").read_text())
    source = Again(frames, n_frames or len(frames))
    stack, reference = nza.Stack(source), nza.Stack.from_array(volume, "ZYX", z_step_um=step)
    marks: list[tuple[str, float]] = []
    before, wall, cpu = memory_mb("VmRSS"), time.perf_counter(), time.process_time()
    zshift = nza.run(
        nza.estimate_zshift(stack, reference, threads=THREADS),
        lambda progress: marks.append((progress.stage, time.perf_counter())),
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = memory_mb("VmHWM") - before
    if n_frames is None:
        y, x = zshift.centres
        np.savez(
            part / "found.npz",
            z=zshift.z,
            patch_z=zshift.patch_z,
            patch_confidence=zshift.patch_confidence,
            fields=np.stack([zshift.field(t) for t in range(0, len(zshift.z), 4)]),
            y=y,
            x=x,
        )
    return {
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_mb": peak,
        "longest_pause_s": float(np.diff([when for _, when in marks]).max()),
        "fewest_reads": int(source.reads.min()),
        "most_reads": int(source.reads.max()),
    }


class Again:
    """Frames on disk that come again and again, counted as they are read."""

    def __init__(self, frames: np.ndarray, n_frames: int) -> None:
        self._frames = frames
        self.shape, self.dtype = (n_frames, 1, *frames.shape[1:]), frames.dtype
        self.reads = np.zeros(n_frames, int)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start`` to ``stop``."""
        self.reads[start:stop] += 1
        return np.asarray(self._frames[np.arange(start, stop) % len(self._frames)])[:, np.newaxis]


def throughput(n_frames: int, size: int) -> dict[str, float]:
    """CPU time a frame, and memory, of a long recording and of one a fourth as long."""
    sample = recording_with_zshift(size=size, seed=711)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder)
        np.save(part / "frames.npy", sample.recording.read(0, sample.recording.n_frames)[:, 0])
        np.save(part / "volume.npy", sample.reference.read(0, sample.reference.n_frames)[:, 0])
        (part / "step").write_text("2")
        short = _in_fresh_process(part, "--throughput", str(n_frames // 4))
        long = _in_fresh_process(part, "--throughput", str(n_frames))
    each = (long["cpu_s"] - short["cpu_s"]) / (n_frames - n_frames // 4)
    return {
        "cpu_ms_a_frame": 1000 * each,
        "frames_per_s_on_2_processors": THREADS / each,
        "start_cpu_s": short["cpu_s"] - each * (n_frames // 4),
        "peak_mb": long["peak_mb"],
        "peak_mb_of_a_fourth": short["peak_mb"],
        **{
            name: long[name] for name in ("wall_s", "longest_pause_s", "fewest_reads", "most_reads")
        },
    }


if __name__ == "__main__":
    main()
