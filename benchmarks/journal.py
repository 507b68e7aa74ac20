"""What the journal of a run costs, and what it saves: runs with and without it.

    python benchmarks/journal.py              # adaptive: 12 slices x 7 repeats of 512 x 512 px
    python benchmarks/journal.py --pairs 9
    python benchmarks/journal.py --job keypoints # 600 frames
    python benchmarks/journal.py --job traces # 500 ROIs in 1,000 frames
    python benchmarks/journal.py --job zshift # 100 frames in a volume of 12 slices

Runs come in pairs, with and without a journal, in turn first, and their CPU time is compared. Where
other programs disturb that, the time in the journal's own functions says more: keys, digests of
frames, looking at the raw file, writing. The last line is a run that finds everything finished.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cells.traces.window import WindowReader
from napari_zstack_align.register.recordings import consensus, kept_chunks
from napari_zstack_align.register.recordings.kept_frames import KeptFrames
from napari_zstack_align.register.slice_run import SliceRun
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats
from napari_zstack_align.saved import Units, watched
from napari_zstack_align.zshift.locate import Locator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--strategy", choices=("two_stage", "direct"), default="two_stage")
    parser.add_argument("--job", choices=JOBS, default="adaptive")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "larva.zalign"
        journal = target.with_name(f"{target.name}.unfinished")
        start = JOBS[options.job](Path(folder), options)

        def run(keep: bool) -> None:
            nza.run(start(target if keep else None))

        run(False)  # compiles and warms up
        pairs = []
        for number in range(options.pairs):
            times = {}
            for keep in (True, False) if number % 2 else (False, True):
                shutil.rmtree(journal, ignore_errors=True)
                times[keep] = _cpu(lambda keep=keep: run(keep))  # type: ignore[misc]
                if keep:
                    size = sum(path.stat().st_size for path in journal.iterdir())
            pairs.append(times)
            print(
                f"pair {number + 1}: {times[False]:.2f} s without, {times[True]:.2f} s with "
                f"({100 * (times[True] / times[False] - 1):+.1f} %)",
                flush=True,
            )
        ratio = statistics.median(times[True] / times[False] for times in pairs)
        print(f"the journal costs {100 * (ratio - 1):+.1f} % (median), {size / 1e6:.0f} MB on disk")
        shutil.rmtree(journal, ignore_errors=True)
        with measured() as seconds:
            whole = _cpu(lambda: run(True))
        print(
            f"time in its functions: {1000 * seconds[0]:.0f} ms of {whole:.2f} s "
            f"({100 * seconds[0] / whole:.2f} %)"
        )
        print(f"a run that finds everything finished: {_cpu(lambda: run(True)):.2f} s")


FUNCTIONS = (
    (Units, "get"),
    (Units, "put"),
    (Units, "was_kept"),
    (SliceRun, "key"),
    (WindowReader, "_key"),
    (Locator, "_key"),
    (KeptFrames, "key"),
    (kept_chunks, "key_of"),
    (consensus, "key_of"),
    (watched.WatchedFrames, "check_now_and_then"),
    (watched.WatchedFrames, "seen"),
    (watched, "crc32c"),
)


@contextmanager
def measured() -> Iterator[list[float]]:
    """Add up the time of each thread in the journal's functions, those that call others once."""
    seconds, inside, lock = [0.0], threading.local(), threading.Lock()

    def timed(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            if getattr(inside, "now", False):
                return function(*arguments, **options)
            inside.now, start = True, time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                inside.now = False
                with lock:
                    seconds[0] += time.thread_time() - start

        return call

    before = [(owner, name, getattr(owner, name)) for owner, name in FUNCTIONS]
    for owner, name, function in before:
        setattr(owner, name, timed(function))
    try:
        yield seconds
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


Start = Callable[[Path | None], Any]
"""Makes the job, from the name of its result or None for no journal."""


def _adaptive(folder: Path, options: argparse.Namespace) -> Start:
    sample = zstack_with_repeats(
        n_slices=options.slices, n_repeats=options.repeats, size=options.size, seed=1
    )
    frames = sample.stack.read(0, sample.stack.n_frames)[:, 0]
    tifffile.imwrite(folder / "larva.tif", np.asarray(frames), photometric="minisblack")
    params = nza.AdaptiveParams(strategy=options.strategy)
    return lambda target: nza.align_adaptive(
        nza.open_stack(folder / "larva.tif", frames_per_slice=options.repeats),
        params,
        threads=options.threads,
        journal=target,
    )


def _keypoints(folder: Path, options: argparse.Namespace) -> Start:
    stack = recording_with_motion(n_frames=60, size=options.size, seed=3).stack
    frames = np.asarray(stack.read(0, 60))[:, 0]
    with tifffile.TiffWriter(folder / "larva.tif", bigtiff=True) as file:
        for t in range(600):  # forwards, backwards, ...: motion without jumps
            place = t % 60 if t // 60 % 2 == 0 else 59 - t % 60
            file.write(frames[place], contiguous=True, photometric="minisblack")
    params = nza.KeypointParams(chunk_frames=50, residual="translation")

    def start(target: Path | None) -> Any:
        stacks = [nza.open_stack(folder / "larva.tif")]
        threads = options.threads
        return nza.register_recordings(stacks, params, threads=threads, journal=target)

    return start


def _traces(folder: Path, options: argparse.Namespace) -> Start:
    _write_recording(folder / "larva.tif", 1000, options.size)
    rng = np.random.default_rng(2)
    places = rng.uniform(10, options.size - 10, (500, 2))
    rois = np.column_stack([places, np.full(500, 4.0)])
    links = (AffineLink(np.tile(np.eye(3), (1000, 1, 1))),)
    links[0].matrices[:, :2, 2] = rng.normal(0, 1, (1000, 2))
    transforms = Transforms((options.size, options.size), links)

    def start(target: Path | None) -> Any:
        stack = nza.open_stack(folder / "larva.tif")
        alignment = nza.apply_transforms(stack, transforms, np.zeros(transforms.shape))
        return nza.extract_traces(stack, rois, alignment, threads=options.threads, journal=target)

    return start


def _zshift(folder: Path, options: argparse.Namespace) -> Start:
    _write_recording(folder / "larva.tif", 100, options.size)
    _write_recording(folder / "volume.tif", options.slices, options.size)
    return lambda target: nza.estimate_zshift(
        nza.open_stack(folder / "larva.tif"),
        nza.open_stack(folder / "volume.tif"),
        threads=options.threads,
        journal=target,
    )


def _write_recording(path: Path, n_frames: int, size: int) -> None:
    """Write noisy frames of one scene."""
    rng = np.random.default_rng(1)
    scene = 900 + 300 * gaussian_filter(rng.standard_normal((size, size)), 2)
    drawn = rng.poisson(scene, (16, size, size)).astype(np.uint16)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for t in range(n_frames):
            file.write(drawn[t % 16], contiguous=True, photometric="minisblack")


def _cpu(action: Callable[[], object]) -> float:
    """CPU time of the process in s, in all threads."""
    start = time.process_time()
    action()
    return time.process_time() - start


JOBS = {"adaptive": _adaptive, "keypoints": _keypoints, "traces": _traces, "zshift": _zshift}


if __name__ == "__main__":
    main()
