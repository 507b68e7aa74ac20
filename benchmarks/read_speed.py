"""Read uncompressed frames of each format, beside copying them from a memory map.

    python benchmarks/read_speed.py
    python benchmarks/read_speed.py --formats npy zarr --frames 600 --rounds 15

Must: `Stack.read` of windows of 50 frames reaches 80 % of copying the same bytes from memory maps
of the same files, which stay mapped all the time, with the file cache warm. Beside it, as parts of
the same speed: 'npy', one map of an array without gaps; 'plain', the system's own reads: the same
bytes at the same places by `os.preadv`, each file opened anew, without a line of ours around them.
All take turns, window by window; figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io
import tifffile
import zarr

import napari_zstack_align as nza

SIDE = 512
WINDOWS = (1, 50)
Frames = npt.NDArray[np.uint16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=[*FORMATS])
    parser.add_argument("--frames", type=int, default=300, help="of 512 × 512 px, uint16")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    shape = (options.frames, SIDE, SIDE)
    frames = np.random.default_rng(0).integers(0, 9999, shape).astype(np.uint16)
    titles = f"{'map MB/s':>10}{'npy %':>8}{'plain %':>9}{'ours %':>8}{'range':>10}"
    print(f"{'format':<20}{'frames':>7}{titles}")
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "map.npy", frames)
        for name in options.formats:
            (Path(folder) / name).mkdir()
            compare(name, Path(folder), frames, options.rounds)


def compare(name: str, folder: Path, frames: Frames, rounds: int) -> None:
    """Print a line a window."""
    write, from_map = FORMATS[name]
    path = write(folder / name, frames)
    stack = nza.open_stack(path)
    if not np.array_equal(stack.read(0, len(frames))[:, 0], frames):
        raise SystemExit(f"{name}: other frames than were written")
    one_map = np.load(folder / "map.npy", mmap_mode="r")
    places = places_of(path, from_map([frames]))
    mapped = mapped_at(places)
    ways: tuple[Callable[[int, int], object], ...] = (
        lambda start, stop: from_map(mapped(start, stop)),
        lambda start, stop: from_map([one_map[start:stop]]),
        lambda start, stop: plain(places[start:stop]),
        stack.read,
    )
    for window in WINDOWS:
        starts = range(0, len(frames) - window + 1, window)
        times = [in_turn(ways, starts, window) for _ in range(rounds + 1)][1:]
        n_bytes = window * len(starts) * frames[0].nbytes
        rate = n_bytes / 1e6 / statistics.median(t[0] for t in times)
        of_npy, of_plain, of_ours = (sorted(100 * t[0] / t[k] for t in times) for k in (1, 2, 3))
        print(
            f"{name:<20}{window:>7}{rate:>10.0f}{statistics.median(of_npy):>8.0f}"
            f"{statistics.median(of_plain):>9.0f}{statistics.median(of_ours):>8.0f}"
            f"{f'{of_ours[0]:.0f}-{of_ours[-1]:.0f}':>10}"
        )


def in_turn(
    ways: tuple[Callable[[int, int], object], ...], starts: range, window: int
) -> list[float]:
    """Time that each way takes for all windows, in s.

    They are a part of the file apart: what one has just read lies in the processor's cache, where
    another would find it.
    """
    times = [0.0] * len(ways)
    for i in range(len(starts)):
        for k, read in enumerate(ways):
            start = starts[(i + k * len(starts) // len(ways)) % len(starts)]
            begun = time.perf_counter()
            read(start, start + window)
            times[k] += time.perf_counter() - begun
    return times


def places_of(path: Path, stored: Frames) -> list[tuple[str, int]]:
    """File and offset of each frame, found by its bytes: (T,) in order."""
    files = [path] if path.is_file() else sorted(path.rglob("*"), key=_natural)
    places: list[tuple[str, int]] = []
    for file in (file for file in files if file.is_file()):
        content, at = file.read_bytes(), 0
        while len(places) < len(stored):
            at = content.find(stored[len(places)].tobytes(), at)
            if at < 0:
                break
            places.append((str(file), at))
            at += stored[0].nbytes
    if len(places) < len(stored):
        raise SystemExit(f"{path}: not all frames lie in it as they are")
    return places


def _natural(path: Path) -> list[int]:
    return [int(part) for part in path.parts if part.isdigit()]


def plain(places: list[tuple[str, int]]) -> Frames:
    """Read frames with nothing but the system's calls, those side by side in one."""
    out = np.empty((len(places), SIDE, SIDE), np.uint16)
    frame, a = out[0].nbytes, 0
    while a < len(places):
        file, first = places[a]
        descriptor = os.open(file, os.O_RDONLY)
        while a < len(places) and places[a][0] == file:
            b, first = a + 1, places[a][1]
            while b < len(places) and places[b] == (file, first + (b - a) * frame):
                b += 1
            os.preadv(descriptor, [out[a:b]], first)
            a = b
        os.close(descriptor)
    return out


def mapped_at(places: list[tuple[str, int]]) -> Callable[[int, int], list[Frames]]:
    """Return what gives frames ``start`` to ``stop`` of memory maps, those side by side in one."""
    maps = {file: np.memmap(file, np.uint8, "r") for file, _ in places}
    n_bytes = SIDE * SIDE * 2

    def blocks(start: int, stop: int) -> list[Frames]:
        found = []
        while start < stop:
            file, first = places[start]
            n = 1
            while start + n < stop and places[start + n] == (file, first + n * n_bytes):
                n += 1
            block = np.ndarray((n, SIDE, SIDE), np.uint16, maps[file], first)
            found.append(block)
            start += n
        return found

    return blocks


def copied(blocks: list[Frames]) -> Frames:
    """Copy frames out of maps."""
    return _each(blocks, np.copyto)


def turned(blocks: list[Frames]) -> Frames:
    """Exchange rows and columns."""
    return _each(blocks, lambda out, block: np.copyto(out, block.transpose(0, 2, 1)))


def inverted(blocks: list[Frames]) -> Frames:
    """Turn numbers as Scanbox does."""
    return _each(blocks, lambda out, block: np.invert(block, out=out))


def _each(blocks: list[Frames], fill: Callable[[Frames, Frames], object]) -> Frames:
    out = np.empty((sum(map(len, blocks)), SIDE, SIDE), np.uint16)
    start = 0
    for block in blocks:
        fill(out[start : start + len(block)], block)
        start += len(block)
    return out


def npy(folder: Path, frames: Frames) -> Path:
    np.save(folder / "x.npy", frames)
    return folder / "x.npy"


def tiff_block(folder: Path, frames: Frames) -> Path:
    tifffile.imwrite(folder / "x.tif", frames, photometric="minisblack", metadata=None)
    return folder / "x.tif"


def tiff_pages(folder: Path, frames: Frames) -> Path:
    with tifffile.TiffWriter(folder / "x.tif", bigtiff=True) as tiff:
        for frame in frames:
            tiff.write(frame, contiguous=False, photometric="minisblack", metadata=None)
    return folder / "x.tif"


def hdf5(folder: Path, frames: Frames) -> Path:
    with h5py.File(folder / "x.h5", "w") as file:
        file["data"] = frames
    return folder / "x.h5"


def nwb(folder: Path, frames: Frames) -> Path:
    with h5py.File(folder / "x.nwb", "w") as file:
        file["session_start_time"] = "2024-03-05T12:30:15+01:00"
        series = file.create_group("acquisition/x")
        series.attrs["neurodata_type"] = "TwoPhotonSeries"
        series["data"] = turned([frames])
    return folder / "x.nwb"


def plain_zarr(folder: Path, frames: Frames) -> Path:
    array = zarr.create_array(
        folder / "x.zarr", shape=frames.shape, chunks=(1, SIDE, SIDE), dtype="u2", compressors=None
    )
    array[:] = frames
    return folder / "x.zarr"


def suite2p(folder: Path, frames: Frames) -> Path:
    frames.astype("<i2").tofile(folder / "data.bin")
    np.save(folder / "ops.npy", np.array({"Ly": SIDE, "Lx": SIDE, "nframes": len(frames)}))
    return folder / "data.bin"


def scanbox(folder: Path, frames: Frames) -> Path:
    inverted([frames]).tofile(folder / "x_000_001.sbx")
    info = {"scanbox_version": 2, "sz": np.array([SIDE, SIDE]), "channels": 2, "volscan": 0}
    scipy.io.savemat(folder / "x_000_001.mat", {"info": info})
    return folder / "x_000_001.sbx"


def thor(folder: Path, frames: Frames) -> Path:
    (folder / "Experiment.xml").write_text(
        f'<x><LSM pixelX="{SIDE}" pixelY="{SIDE}"/><CaptureMode mode="1"/>'
        f'<Streaming frames="{len(frames)}"/></x>'
    )
    frames.tofile(folder / "Image_0001_0001.raw")
    return folder / "Image_0001_0001.raw"


FORMATS: dict[str, tuple[Callable[[Path, Frames], Path], Callable[[list[Frames]], Frames]]] = {
    "npy": (npy, copied),
    "tiff-block": (tiff_block, copied),
    "tiff-pages": (tiff_pages, copied),
    "hdf5": (hdf5, copied),
    "zarr": (plain_zarr, copied),
    "nwb": (nwb, turned),
    "suite2p": (suite2p, copied),
    "scanbox": (scanbox, inverted),
    "thor": (thor, copied),
}
"""How a file is written, and what makes frames of a map that is stored alike."""

if __name__ == "__main__":
    main()
