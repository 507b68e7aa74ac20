"""Open and read sparse BigTIFFs of 20 GB: how long it takes, and how much memory it adds.

    python benchmarks/open_large.py

Must: a file of 40,000 frames opens in under 1 s (warm file cache, imports excluded) with less than
300 MB more memory; frames stream at 1,500 a second. The files have holes and take some 200 MB on
disk; without --folder they are made in a temporary folder and removed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

N_FRAMES, SIDE = 40_000, 512
STREAMED = 3_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where the files are made and kept")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        print(json.dumps(measure(options.measure)))
        return
    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
        compare(options.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder))


def compare(folder: Path) -> None:
    """Print a line a kind of file, each measured in a fresh process."""
    print(f"{'file':<28}{'open s':>8}{'+MB':>7}{'chunk ms':>10}{'frames/s':>10}{'+MB':>7}")
    for name, make in KINDS.items():
        path = folder / f"{name.replace(' ', '_')}.tif"
        if not path.exists():
            make(path)
        command = [sys.executable, __file__, "--measure", str(path)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"{name:<28}{found['open_s']:>8.3f}{found['open_mb']:>7.0f}{found['chunk_ms']:>10.1f}"
            f"{found['frames_per_s']:>10.0f}{found['read_mb']:>7.0f}"
        )


def contiguous(path: Path) -> None:
    """One series of frames one behind the other, as tifffile writes an array."""
    shape = (N_FRAMES, SIDE, SIDE)
    tifffile.memmap(path, shape=shape, dtype=np.uint16, bigtiff=True)


def chained(path: Path, strips: int = 1) -> None:
    """40,000 pages, each with its directory, strips and pixels, as microscopes write them."""
    n_bytes = SIDE * SIDE * 2
    tags = 10
    directory = 8 + 20 * tags + 8
    tables = 16 * strips if strips > 1 else 0
    step = directory + tables + n_bytes
    with path.open("wb") as file:
        file.write(b"II" + struct.pack("<HHHQ", 43, 8, 0, 16))
        for page in range(N_FRAMES):
            start = 16 + page * step
            following = start + step if page + 1 < N_FRAMES else 0
            file.seek(start)
            file.write(_directory(start + directory, strips, following))
        file.truncate(16 + N_FRAMES * step)


def _directory(tables: int, strips: int, following: int) -> bytes:
    """A directory whose tables of strips (where there are several) follow it, then the pixels."""
    length = SIDE * SIDE * 2 // strips
    pixels = tables + (16 * strips if strips > 1 else 0)
    offsets = [pixels + i * length for i in range(strips)]
    where = (tables, tables + 8 * strips) if strips > 1 else (offsets[0], length)
    tags = [
        (256, 4, 1, SIDE),
        (257, 4, 1, SIDE),
        (258, 3, 1, 16),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 16, strips, where[0]),
        (277, 3, 1, 1),
        (278, 4, 1, SIDE // strips),
        (279, 16, strips, where[1]),
        (339, 3, 1, 1),
    ]
    parts = [struct.pack("<Q", len(tags)), *(struct.pack("<HHQQ", *tag) for tag in tags)]
    parts.append(struct.pack("<Q", following))
    if strips > 1:
        parts.append(struct.pack(f"<{2 * strips}Q", *offsets, *[length] * strips))
    return b"".join(parts)


KINDS: dict[str, Callable[[Path], None]] = {
    "one contiguous series": contiguous,
    "chained pages": chained,
    "chained pages of 16 strips": lambda path: chained(path, 16),
}


def measure(path: Path) -> dict[str, float]:
    """Figures of one file: median of five openings after one that warms the file cache."""
    from napari_zstack_align.read import open_stack

    open_stack(path).read(0, 1)
    with Peak() as opening:
        seconds = [_timed(lambda: open_stack(path)) for _ in range(5)]
    stack = open_stack(path)
    chunk = stack.data.chunks[0][0]
    starts = range(0, STREAMED - chunk + 1, chunk)
    for start in starts:
        stack.read(start, start + chunk)
    with Peak() as reading:
        streaming = _timed(lambda: [stack.read(start, start + chunk).max() for start in starts])
    middle = stack.n_frames // 2
    stack.data[middle].compute()
    return {
        "open_s": statistics.median(seconds),
        "open_mb": opening.mb,
        "chunk_ms": 1000 * _timed(lambda: stack.data[middle].compute()),
        "frames_per_s": len(starts) * chunk / streaming,
        "read_mb": reading.mb,
    }


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Peak:
    """Most memory held during a block over what was held before, MB, looked at every 2 ms."""

    def __enter__(self) -> Peak:
        self._before = self._most = _memory_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self._most = max(self._most, _memory_mb())

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.mb = self._most - self._before


def _memory_mb() -> float:
    """Resident memory of this process (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
